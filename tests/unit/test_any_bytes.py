"""Whatever a model's outputs hold, each decoder gives an answer that payloads can carry, and none raises."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from edged.domain.predictions import (
    Areas,
    Classification,
    Detections,
    LabelSet,
    Prediction,
    Ranked,
    Readings,
    Text,
)
from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.decoding import make_decoder
from edged.vision.labels import Labels
from edged.vision.manifest import ACTIVATIONS, PARTS, Coordinates, DecoderName, InputRule, Manifest, NmsRule
from edged.vision.quantity import Quantity
from tests.unit.textbook import PLANS

DTYPES: tuple[DType, ...] = ("uint8", "int8", "int16", "float16", "float32")
PICTURE = TensorSpec("picture", (1, 32, 32, 3), "uint8", None)
LABELS = Labels({0: "a", 1: "b", 2: "c"}, "x")
LOOSE = Quantity("level", -1.0, 5.0, scale=1e300, offset=-3.0)


@dataclass(frozen=True)
class Kind:
    """Outputs that such a decoder reads, and at most how many answers it gives."""

    shapes: tuple[tuple[int, ...], ...]
    most: int
    is_head: bool = False
    """Whether boxes and scores share an output, so that integers without a fine scale are refused."""


KINDS: dict[DecoderName, Kind] = {
    "ssd": Kind(((1, 10, 4), (1, 10), (1, 10), (1,)), 10),
    "classification": Kind(((1, 7),), 3),
    "binary": Kind(((1, 1),), 2),
    "multilabel": Kind(((1, 150),), 100),
    "linear": Kind(((1, 3),), 3),
    "sequence": Kind(((1, 9, 4),), 9),
    "fcos": Kind(((1, 16, 4), (1, 16, 3)), 100),
    "yolov5": Kind(((1, 63, 8),), 100, is_head=True),
    "yolov8": Kind(((1, 7, 21),), 100, is_head=True),
    "yolov9": Kind(((1, 21, 64), (1, 21, 3)), 100),
    "yolov10": Kind(((1, 300, 6),), 100, is_head=True),
    "movenet": Kind(((1, 1, 17, 3),), 1),
    "yolov8pose": Kind(((1, 4 + 3 + 3 * 2, 21),), 100, is_head=True),
    "classmap": Kind(((1, 8, 8, 3),), 3),
}
POINTS = {"movenet": tuple(f"p{index}" for index in range(17)), "yolov8pose": ("nose", "tail")}
STRIDES = {"fcos": (8,), "yolov9": (8, 16, 32)}


def manifest_of(decoder: DecoderName, draw: st.DrawFn) -> Manifest:
    kind = KINDS[decoder]
    values = tuple(replace(LOOSE, name=f"v{index}") for index in range(3)) if decoder == "linear" else ()
    return Manifest(
        "m",
        "detection",
        decoder,
        InputRule(),
        tuple(zip(PARTS[decoder], range(len(kind.shapes)), strict=False)),
        activation=draw(st.sampled_from(ACTIVATIONS[decoder])),
        background=draw(st.sampled_from(["none", "first", "last"])),
        strides=STRIDES.get(decoder, ()),
        nms=NmsRule(draw(st.sampled_from([0.0, 0.5, 1.0])), draw(st.booleans())),
        values=values,
        collapse=draw(st.sampled_from(["ctc", "none"])),
        blank=draw(st.sampled_from(["none", "first", "last"])),
        keypoints=POINTS.get(decoder, ()),
    )


def quantization(dtype: DType, draw: st.DrawFn, *, fine: bool) -> Quantization | None:
    """Of a head a scale that is let pass; else any, also none, 0 and what a float tensor has left over."""
    points = [0, 1, -1, 127, -128, 255, 2**31 - 1]
    if fine:
        scale = draw(
            st.sampled_from([1e-6, 1 / 256, 0.02] if dtype != "int16" else [1e-9, 1 / 32768, 0.0004])
        )
        return Quantization(scale, draw(st.sampled_from([0, 1, 127])))
    scale = draw(st.sampled_from([0.0, 1e-30, 1 / 256, 0.75, 3e38]))
    return draw(st.sampled_from([None, Quantization(scale, draw(st.sampled_from(points)))]))


ODD = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, 0.5, 3e38, 1e-45, 6e4, 2.0**31]


@st.composite
def tensors(draw: st.DrawFn, shape: tuple[int, ...], dtype: DType) -> Tensor:
    """Any bytes; of floats often those that decoders meet, with NaN and infinity among them."""
    count, size = math.prod(shape), np.dtype(dtype).itemsize
    seed = draw(st.integers(0, 2**32 - 1))
    numbers = np.random.default_rng(seed)
    kind = draw(st.sampled_from(["bytes", "one byte", "odd", "shares"]))
    if kind == "one byte":
        stored = np.frombuffer(bytes([draw(st.integers(0, 255))]) * count * size, np.dtype(dtype))
    elif kind == "bytes" or not dtype.startswith("float"):
        stored = np.frombuffer(numbers.bytes(count * size), np.dtype(dtype))
    elif kind == "odd":
        with np.errstate(over="ignore", under="ignore"):
            stored = numbers.choice(ODD, count).astype(dtype)
    else:
        stored = numbers.uniform(-0.2, 1.2, count).astype(dtype)
        stored[numbers.integers(0, count, 3)] = numbers.choice(ODD[:3], 3)
    return stored.reshape(shape)


def check_ranked(top: Sequence[Ranked]) -> None:
    assert all(0 <= each.score <= 1 and each.label_id >= 0 and each.label for each in top)
    assert len({each.label_id for each in top}) == len(top)
    assert [each.score for each in top] == sorted((each.score for each in top), reverse=True)


def check_detections(found: Detections) -> None:
    for each in found.items:
        box = each.box
        assert 0 <= each.score <= 1
        assert each.label_id >= 0
        assert each.label
        assert box.w > 0
        assert box.h > 0
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.w <= 1 + 1e-9
        assert box.y + box.h <= 1 + 1e-9
        for point in each.keypoints:
            assert point is None or all(0 <= number <= 1 for number in (point.x, point.y, point.score))
    assert [each.score for each in found.items] == sorted((each.score for each in found.items), reverse=True)


def check(prediction: Prediction, most: int) -> None:
    """That payloads can carry it."""
    match prediction:
        case Detections():
            check_detections(prediction)
            assert len(prediction.items) <= most
        case Classification(top) | LabelSet(top) | Areas(top):
            check_ranked(top)
            assert len(top) <= most
        case Readings(items):
            assert all(LOOSE.low <= each.value <= LOOSE.high for each in items)
            assert len(items) <= most
        case Text(text, score):
            assert 0 <= score <= 1
            assert len(text) <= most


def test_no_decoder_is_left_out() -> None:
    """Each decoder that a manifest can name is tried."""
    assert set(KINDS) == set(get_args(DecoderName))


@pytest.mark.parametrize("decoder", KINDS)
@settings(max_examples=60, phases=[Phase.explicit, Phase.generate])
@given(data=st.data())
@pytest.mark.filterwarnings("error")
def test_any_bytes_make_an_answer(decoder: DecoderName, data: st.DataObject) -> None:
    """Scores lie in 0..1, boxes in the frame and have a size, ids are no less than 0, and counts keep their limit."""
    kind, draw = KINDS[decoder], data.draw
    dtypes = [draw(st.sampled_from(DTYPES)) for _ in kind.shapes]
    manifest = draw(st.composite(lambda draw: manifest_of(decoder, draw))())
    scales = [
        draw(st.composite(lambda draw, dtype=dtype: quantization(dtype, draw, fine=kind.is_head))())
        for dtype in dtypes
    ]
    specs = [
        TensorSpec(f"o{index}", shape, dtype, scale)
        for index, (shape, dtype, scale) in enumerate(zip(kind.shapes, dtypes, scales, strict=True))
    ]
    coordinates: list[Coordinates] = ["fractions"]
    if kind.is_head and specs[0].dtype.startswith("float"):
        coordinates = ["fractions", "pixels"]
    manifest = replace(manifest, coordinates=draw(st.sampled_from(coordinates)))
    labels = LABELS if not (decoder == "yolov10" and not dtypes[0].startswith("float")) else Labels()
    threshold = draw(st.sampled_from([0.0, 1e-9, 0.5, 1.0]))
    made = make_decoder(manifest, specs, labels, threshold=threshold, top_k=3, picture=PICTURE)
    outputs = [draw(tensors(spec.shape, spec.dtype)) for spec in specs]
    kept = [output.copy() for output in outputs]
    check(made.decode(outputs, draw(st.sampled_from(PLANS))), kind.most)
    for output, before in zip(outputs, kept, strict=True):
        assert output.tobytes() == before.tobytes()


@pytest.mark.parametrize("decoder", KINDS)
@settings(max_examples=15)
@given(data=st.data())
def test_a_float_is_what_it_is(decoder: DecoderName, data: st.DataObject) -> None:
    """A float tensor that still has the scale of its integers, as some converters leave it, is read without it."""
    kind, draw = KINDS[decoder], data.draw
    manifest = draw(st.composite(lambda draw: manifest_of(decoder, draw))())
    outputs = [draw(tensors(shape, "float32")) for shape in kind.shapes]
    answers = [
        make_decoder(
            manifest,
            [TensorSpec(f"o{index}", shape, "float32", scale) for index, shape in enumerate(kind.shapes)],
            LABELS,
            threshold=0.1,
            top_k=3,
            picture=PICTURE,
        ).decode(outputs, PLANS[0])
        for scale in (None, Quantization(0.03, 5))
    ]
    assert answers[0] == answers[1]
