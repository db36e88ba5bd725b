"""What a textbook makes of a detector's boxes, in Python's own numbers, which the decoders are held against."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edged.domain.predictions import Detection
from edged.domain.tensors import DType, Quantization
from edged.ports import Tensor
from edged.vision.fit import FitPlan, plan_fit
from edged.vision.labels import Labels
from edged.vision.manifest import Coordinates, InputRule, NmsRule
from tests.unit.tensors import ZERO_POINTS, real
from tests.unit.test_nms import overlap

LABELS = Labels({0: "circle", 1: "cross", 2: "star"})
PLANS = [
    plan_fit(32, 32, 32, 32, InputRule()),
    plan_fit(640, 480, 32, 32, InputRule(resize="letterbox")),
    plan_fit(480, 640, 32, 32, InputRule(resize="letterbox", place="corner")),
    plan_fit(1280, 720, 32, 32, InputRule(resize="crop")),
]
CELLS = 21
"""Of a head for 32 x 32 pixels: 16 + 4 + 1."""
IOUS = st.sampled_from([0.3217, 0.5123, 0.7419])
"""Values that no two boxes of round numbers overlap by."""
RULES = st.builds(NmsRule, IOUS, st.booleans())
THRESHOLDS = st.sampled_from([0.0, 0.1, 0.5, 0.9])
FLOATS = st.integers(-50, 115).map(lambda number: number / 32) | st.sampled_from(
    [np.nan, np.inf, -np.inf, 2.0**100]
)


def tensors(dtype: DType, shape: tuple[int, ...]) -> st.SearchStrategy[Tensor]:
    """Any integers; floats with a step well above rounding, and now and then nonsense."""
    if dtype == "float32":
        return hnp.arrays(np.float32, shape, elements=FLOATS)
    return hnp.arrays(np.dtype(dtype), shape)


def noise(dtype: DType, shape: tuple[int, ...]) -> st.SearchStrategy[Tensor]:
    """The same kinds of values for tensors too large to be drawn one by one."""

    def drawn(seed: int) -> Tensor:
        rng = np.random.default_rng(seed)
        if dtype != "float32":
            limits = np.iinfo(dtype)
            return rng.integers(limits.min, limits.max + 1, shape).astype(dtype)
        values = rng.integers(-50, 115, shape) / 32
        odd = rng.random(shape) < seed % 4 * 0.01
        values[odd] = rng.choice([np.nan, np.inf, -np.inf, 2.0**100], shape)[odd]
        return values.astype(np.float32)

    return st.integers(0, 2**32 - 1).map(drawn)


def heads(dtype: DType, channels: int, *, transposed: bool) -> st.SearchStrategy[Tensor]:
    """A head of one output whose cells come last, or first if it is transposed."""
    return tensors(dtype, (1, CELLS, channels) if transposed else (1, channels, CELLS))


def cells_of(output: Tensor, scale: Quantization | None) -> list[list[float]]:
    """The real numbers of each cell, of which there are more than numbers in it; whichever of the two comes first."""
    values = real(output, scale)[0]
    rows: list[list[float]] = (values.T if values.shape[0] < values.shape[1] else values).tolist()
    return rows


def units(dtype: DType) -> st.SearchStrategy[Coordinates]:
    """What boxes may be given in; integers cannot hold pixels beside scores."""
    return st.sampled_from(["fractions", "pixels"]) if dtype == "float32" else st.just("fractions")


def head_quantizations(dtype: DType) -> st.SearchStrategy[Quantization | None]:
    """Odd scales and zero points that can hold boxes and scores at once; None for floats."""
    if dtype == "float32":
        return st.none()
    scales = st.sampled_from([1 / 256, 1 / 255, 0.0078125, 0.003906319383531809, 0.0372, 0.05])
    return st.builds(Quantization, scales, st.sampled_from(ZERO_POINTS[dtype]))


class Row(NamedTuple):
    """A class, its score, and its box: left, top, right, bottom in pixels of the model's input."""

    label_id: int
    score: float
    box: tuple[float, float, float, float]
    edges: tuple[float, ...] = ()
    """The box in fractions of the frame, clamped."""


def around(box: Sequence[float], width: float, height: float) -> tuple[float, float, float, float]:
    """Pixels of a box given as fractions: the centre's x and y, width and height."""
    x, y, w, h = box
    return (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height


def first_best(scores: list[float]) -> int:
    """The first of the highest scores; -1 where none is a number."""
    best = -1
    for index, score in enumerate(scores):
        if math.isfinite(score) and (best < 0 or score > scores[best]):
            best = index
    return best


def survivors(rows: list[Row], nms: NmsRule | None, plan: FitPlan) -> list[Row]:
    """The best rows, less those whose box is none and those that a better one covers, brought to the frame."""
    kept: list[Row] = []
    for row in sorted(rows, key=lambda row: -row.score)[:300]:
        left, top, right, bottom = row.box
        if not all(map(math.isfinite, row.box)) or right <= left or bottom <= top:
            continue
        rivals = [each for each in kept if nms and (each.label_id == row.label_id or not nms.per_class)]
        if all(overlap(each.box, row.box) <= (nms.iou if nms else 1) for each in rivals):
            kept.append(row)
    placed = [
        row._replace(edges=in_frame(row.box, plan), score=min(max(row.score, 0), 1)) for row in kept[:100]
    ]
    return [row for row in placed if min(sides(row.edges)) > 1e-9]


def in_frame(box: tuple[float, float, float, float], plan: FitPlan) -> tuple[float, ...]:
    """Pixels of the input to fractions of the frame, through the picture's place in the input; clamped."""
    xs = [(plan.crop.x + (x - plan.place.x) * plan.crop.w / plan.place.w) / plan.width for x in box[::2]]
    ys = [(plan.crop.y + (y - plan.place.y) * plan.crop.h / plan.place.h) / plan.height for y in box[1::2]]
    return tuple(min(max(edge, 0.0), 1.0) for edge in (xs[0], ys[0], xs[1], ys[1]))


def sides(edges: tuple[float, ...]) -> tuple[float, float]:
    """Width and height."""
    return edges[2] - edges[0], edges[3] - edges[1]


def agree(found: tuple[Detection, ...], expected: list[Row]) -> None:
    """Labels exactly, scores to 1e-6, boxes to 1e-5; slivers of rounding aside."""
    found = tuple(each for each in found if min(each.box.w, each.box.h) > 1e-9)
    assert [each.label_id for each in found] == [row.label_id for row in expected]
    assert [each.label for each in found] == [LABELS.name(row.label_id) for row in expected]
    assert [each.score for each in found] == pytest.approx([row.score for row in expected], abs=1e-6)
    for each, row in zip(found, expected, strict=True):
        box = each.box
        assert (box.x, box.y, box.x + box.w, box.y + box.h) == pytest.approx(row.edges, abs=1e-5)
