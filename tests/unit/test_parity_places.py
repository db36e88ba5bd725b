"""Whether two files of a model that takes several pictures at once answer alike, in each of them."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edged.domain.tensors import Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.batch import Parts
from edged.vision.digest import BUDGET, PEAKS, digest_outputs, digest_places
from edged.vision.manifest import DecoderName
from edged.vision.parity import Parity, compare, strange
from tests.unit.test_parity import PICTURE, PROBABILITIES, Look


def look(
    *tensors: Tensor,
    decoder: DecoderName = "classification",
    budget: int = BUDGET,
    quantization: Quantization | None = PROBABILITIES,
    roles: tuple[tuple[str, int], ...] = (),
) -> Look:
    """The report on the outputs of a model that takes as many pictures as they begin with."""
    number = len(tensors[0])
    pictures = Parts(outputs=len(tensors), places=number, pictures=number).of(tensors)
    specs = tuple(
        TensorSpec(f"out{index}", tensor.shape, tensor.dtype.name, quantization)  # type: ignore[arg-type]  # a DType
        for index, tensor in enumerate(tensors)
    )
    inputs = (replace(PICTURE, shape=(number, 8, 8, 3)),)
    return Look(specs, digest_places(pictures, decoder, budget), roles, inputs)


def classes(number: int, **others: int) -> NDArray[np.uint8]:
    """Scores of ten classes for so many pictures, sure of class 2, apart from those of `p<place>`."""
    tensor = np.zeros((number, 10), np.uint8)
    winners = {int(name[1:]): winner for name, winner in others.items()}
    for place in range(number):
        tensor[place, winners.get(place, 2)] = 230
    return tensor


def held(one: Look, other: Look, decoder: DecoderName = "classification") -> Parity:
    found, back = compare(decoder, one, other), compare(decoder, other, one)
    assert (found.same, found.outputs) == (back.same, back.outputs), "not symmetric"
    return found


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_twin_that_errs_in_one_place_disagrees(place: int) -> None:
    """Which of four pictures it is does not matter; it is named with how far they are apart."""
    good = look(classes(4))
    bad = look(classes(4, **{f"p{place}": 7}))
    assert held(good, look(classes(4))).same
    found = held(good, bad)
    assert not found.same
    assert found.fault == (
        f"output out0 differs by up to 0.898 (230 steps): picture {place + 1} of 4: "
        "2 of 3 values that are not at rest lie too far apart"
    )
    assert len(found.outputs) == 1


def test_a_row_that_is_missing_in_the_second_picture_is_seen() -> None:
    """Lists of objects are held against each other picture by picture."""
    boxes = np.tile(np.array([[0.1, 0.1, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9]], np.float32), (2, 1, 1))
    kinds, scores = np.zeros((2, 2), np.float32), np.tile(np.array([0.9, 0.8], np.float32), (2, 1))
    roles = (("boxes", 0), ("classes", 1), ("scores", 2), ("count", 3))
    counts = (np.array(each, np.float32) for each in ([2, 2], [2, 0]))
    both, one = (
        look(boxes, kinds, scores, count, decoder="ssd", quantization=None, roles=roles) for count in counts
    )
    assert held(both, both, "ssd").same
    found = held(both, one, "ssd")
    assert not found.same
    assert "picture 2 of 2: 2 of 2 rows that stand out are not in the other list" in found.fault
    assert [output.same for output in found.outputs] == [False] * 4


def test_what_is_no_number_in_the_second_picture_is_told() -> None:
    """It is no answer, wherever it is."""
    tensor = np.ones((2, 30), np.float32)
    tensor[1, 4] = np.nan
    seen = look(tensor, quantization=None)
    assert strange("yolov8", seen) == "output out0 gives 1 values that are infinite or no number"
    assert not held(look(np.ones((2, 30), np.float32), quantization=None), seen, "yolov8").same


def test_each_picture_is_digested_by_itself() -> None:
    """What is told of the places of a batch is what would be told of each alone, in as many values."""
    tensor = np.random.default_rng(1).normal(size=(3, 40)).astype(np.float32)
    alone = [digest_outputs([row[None]], "yolov8", BUDGET)[0] for row in tensor]
    assert look(tensor, decoder="yolov8").digests == tuple(alone)


@pytest.mark.parametrize(("pictures", "outputs"), [(1, 1), (64, 1), (64, 4), (2, 160), (64, 160)])
def test_a_batch_keeps_to_the_budget(pictures: int, outputs: int) -> None:
    """However many pictures and outputs there are, no more values are told, and some of the pictures are."""
    tensors = [np.random.default_rng(0).normal(size=(pictures, 300)).astype(np.float32)] * outputs
    told = look(*tensors, decoder="fcos").digests
    assert sum(len(each.values) + PEAKS for each in told) <= BUDGET
    assert len(told) % outputs == 0
    assert told


def test_of_many_pictures_some_are_held_against_each_other() -> None:
    """Where not all fit, those that are told have their numbers; two hundred outputs are not compared at all."""
    tensors = [classes(8)] * 40
    told, other = look(*tensors), look(*tensors[:-1], classes(8, p4=7))
    assert len(told.digests) == 4 * 40
    assert "output out39 differs" in held(told, other).fault
    assert "picture 5 of 8" in held(told, other).fault
    silent = look(*[classes(2)] * 200)
    assert (silent.digests, held(silent, silent)) == ((), Parity(same=True))


def test_a_report_of_nonsense_is_known_as_such() -> None:
    """Digests that fit no number of outputs and pictures are left aside, never a crash of the daemon."""
    one = look(classes(2))
    for strange_one in (replace(one, digests=one.digests * 3), replace(one, digests=one.digests[:1])):
        assert compare("classification", one, strange_one).same
