"""Models that take several pictures at once are decoded as if they took one."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor as Array
from edged.transport.results import offsets
from edged.vision.batch import Parts, outputs_of_one, passes
from edged.vision.infer import check_manifest, infer_manifest
from edged.vision.modelfile import read_model
from tests.fakes.tflite import CONV, Tensor, model

PLACES = st.integers(1, 64)


def picture(places: int, side: int = 32) -> Tensor:
    return Tensor("image", (places, side, side, 3), "uint8", 1 / 255)


@given(st.integers(1, 16), PLACES, st.lists(st.lists(st.integers(1, 3), max_size=2), min_size=1, max_size=3))
def test_each_picture_gets_its_own_outputs(pictures: int, places: int, tails: list[list[int]]) -> None:
    """Whatever the places and the outputs: picture k has what the model gave for it, with a leading axis of 1."""
    runs = passes(pictures, places)
    assert (runs - 1) * places < pictures <= runs * places
    tensors: list[Array] = [
        np.stack([np.full(tail, 100 * (run * places + place) + at) for place in range(places)])
        for run in range(runs)
        for at, tail in enumerate(tails)
    ]
    parts = Parts(outputs=len(tails), places=places, pictures=pictures).of(tensors)
    assert len(parts) == pictures
    for number, part in enumerate(parts):
        assert [each.shape for each in part] == [(1, *tail) for tail in tails]
        assert [set(each.ravel().tolist()) for each in part] == [
            {100 * number + at} for at in range(len(tails))
        ]


def test_outputs_of_all_runs_lie_one_after_another() -> None:
    """The slot of a result has room for each run, each part aligned, and ends where the last one does."""
    specs = [TensorSpec("a", (1, 5), "uint8", None), TensorSpec("b", (1, 33), "float32", None)]
    assert offsets(specs) == [0, 64, 256]
    assert offsets(specs, 3) == [0, 64, 256, 320, 512, 576, 768]


def test_a_model_of_one_place_is_left_alone() -> None:
    """Outputs of any shape are what they are."""
    specs = (TensorSpec("a", (), "float32", None), TensorSpec("b", (7, 4), "uint8", None))
    assert outputs_of_one(specs, 1, "m", final=True) == specs


def test_open_shapes_wait_for_an_invoke() -> None:
    """A shape that only an invoke shows is accepted before it, and refused after it where it is no picture's part."""
    specs = (TensorSpec("a", (), "float32", None), TensorSpec("b", (3, 4), "uint8", None))
    assert [spec.shape for spec in outputs_of_one(specs, 3, "m")] == [(), (1, 4)]
    with pytest.raises(ModelError, match=r"model m takes 3 pictures at once, but its output a is \[\]"):
        outputs_of_one(specs, 3, "m", final=True)


HEADS = {
    "classification": (32, (Tensor("scores", (1, 5), "uint8", 1 / 256),)),
    "yolov8": (160, (Tensor("head", (1, 9, 525), "int8", 1 / 128),)),
    "fcos": (
        32,
        (
            Tensor("boxes", (1, 16, 4), "int8", 0.02, -128),
            Tensor("scores", (1, 16, 3), "int8", 1 / 256, -128),
        ),
    ),
}


@pytest.mark.parametrize("decoder", HEADS)
@pytest.mark.parametrize("places", [2, 5, 64])
def test_it_is_inferred_as_the_same_model(decoder: str, places: int) -> None:
    """Decoder, roles and warnings of a model for several pictures are those of the same one for one picture."""
    side, outputs = HEADS[decoder]
    found = []
    for number in (1, places):
        several = [replace(each, shape=(number, *each.shape[1:])) for each in outputs]
        file = read_model(model((picture(number, side),), several, CONV), "x.tflite")
        found.append(infer_manifest(file, "x", None))
        assert check_manifest(found[-1].manifest, file, None).manifest == found[-1].manifest
    assert found[0] == found[1]
    assert found[1].manifest.decoder == decoder
