"""Boxes given as distributions are read as a textbook would, whole or level by level, and nonsense is survived."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.domain.predictions import Detection, Detections
from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.decoding import make_decoder
from edged.vision.fit import FitPlan, plan_fit
from edged.vision.manifest import Activation, InputRule, Manifest, NmsRule, level_parts
from tests.unit.tensors import quantizations, real, spec_of
from tests.unit.textbook import (
    LABELS,
    PLANS,
    RULES,
    THRESHOLDS,
    Row,
    agree,
    first_best,
    noise,
    survivors,
    tensors,
)

STRIDES = (8, 16, 32)


class Part(NamedTuple):
    """Boxes and scores of one level, or of all of them."""

    boxes: Tensor
    scores: Tensor
    boxes_scale: Quantization | None = None
    scores_scale: Quantization | None = None


class Model(NamedTuple):
    """The outputs, and all that a manifest says of them."""

    parts: list[Part]
    activation: Activation = "none"
    nms: NmsRule = NmsRule()
    size: int = 32


def decode(model: Model, threshold: float = 0.5, plan: FitPlan | None = None) -> tuple[Detection, ...]:
    """The detections of the product."""
    outputs = [tensor for part in model.parts for tensor in part[:2]]
    scales = [scale for part in model.parts for scale in part[2:]]
    names = ("boxes", "scores") if len(model.parts) == 1 else level_parts(STRIDES)
    roles = tuple((name, index) for index, name in enumerate(names))
    manifest = Manifest(
        "m", "detection", "yolov9", InputRule(), roles,
        activation=model.activation, strides=STRIDES, nms=model.nms,
    )  # fmt: skip
    specs = [spec_of(name, *pair) for name, *pair in zip(names, outputs, scales, strict=True)]  # type: ignore[arg-type]  # a tensor and its scale
    side = model.size
    picture = TensorSpec("picture", (1, side, side, 3), "int8", None)
    decoder = make_decoder(manifest, specs, LABELS, threshold=threshold, top_k=1, picture=picture)
    prediction = decoder.decode(outputs, plan or plan_fit(side, side, side, side, InputRule()))
    assert isinstance(prediction, Detections)
    return prediction.items


def textbook(model: Model, threshold: float) -> list[Row]:
    """A row for each cell whose best class reaches the threshold, everything dequantised."""
    boxes = [
        line for part in model.parts for line in real(part.boxes, part.boxes_scale).reshape(-1, 64).tolist()
    ]
    scores = [
        line
        for part in model.parts
        for line in real(part.scores, part.scores_scale).reshape(-1, part.scores.shape[-1]).tolist()
    ]
    cells = [
        ((column + 0.5) * stride, (row + 0.5) * stride, stride)
        for stride in STRIDES
        for row in range(model.size // stride)
        for column in range(model.size // stride)
    ]
    rows = []
    for (x, y, stride), line, shares in zip(cells, boxes, scores, strict=True):
        label_id = first_best(shares)
        if label_id < 0:
            continue
        best = shares[label_id]
        score = 1 / (1 + math.exp(-best)) if model.activation == "sigmoid" else best
        if score >= threshold:
            left, top, right, bottom = (expected(line[16 * at : 16 * at + 16]) * stride for at in range(4))
            rows.append(Row(label_id, score, (x - left, y - top, x + right, y + bottom)))
    return rows


def expected(logits: list[float]) -> float:
    """The mean bin by a softmax, of which +inf takes all; NaN where a logit is no number, or none is above -inf."""
    peak = max(logits)
    if any(math.isnan(each) for each in logits) or peak == -math.inf:
        return math.nan
    weights = [float(each == peak) if math.isinf(peak) else math.exp(each - peak) for each in logits]
    return sum(index * weight for index, weight in enumerate(weights)) / sum(weights)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
@settings(max_examples=25)
@given(data=st.data())
def test_same_as_the_textbook(data: st.DataObject, dtype: DType, whole: bool) -> None:
    """Labels, scores and boxes are those of dequantising everything, taking every softmax, comparing all boxes."""
    activation: Activation = data.draw(st.sampled_from(["none", "sigmoid"]))
    classes = data.draw(st.integers(1, 4))
    parts = [
        Part(
            data.draw(noise(dtype, (*shape, 64))),
            data.draw(tensors(dtype, (*shape, classes))),
            data.draw(quantizations(dtype)),
            data.draw(quantizations(dtype).filter(lambda each: dtype == "float32" or each is not None)),
        )
        for shape in ([(1, 21)] if whole else [(1, 4, 4), (1, 4), (1, 1, 1)])
    ]
    model = Model(parts, activation, data.draw(RULES))
    threshold, plan = data.draw(THRESHOLDS), data.draw(st.sampled_from(PLANS))
    agree(decode(model, threshold, plan), survivors(textbook(model, threshold), model.nms, plan))


def test_every_cell_above_the_threshold() -> None:
    """2,100 cells that all pass: the best 300 are looked at, and at most 100 boxes stay."""
    rng = np.random.default_rng(1)
    part = Part(
        rng.integers(-128, 128, (1, 2100, 64)).astype(np.int8),
        rng.integers(20, 128, (1, 2100, 5)).astype(np.int8),
        Quantization(0.0937, 5),
        Quantization(0.0372, 3),
    )
    model = Model([part], "sigmoid", NmsRule(0.5123), 320)
    plan = plan_fit(1280, 720, 320, 320, InputRule(resize="letterbox"))
    found = decode(model, 0.5, plan)
    agree(found, survivors(textbook(model, 0.5), model.nms, plan))
    assert 10 < len(found) <= 100


def one_cell(distances: tuple[int, ...], score: float = 0.9) -> Part:
    """All levels in one, with something in the second cell alone, whose centre is at x = 12, y = 4."""
    boxes, scores = np.full((1, 21, 4, 16), -90, np.float32), np.zeros((1, 21, 3), np.float32)
    boxes[0, 1, range(4), distances] = 90
    scores[0, 1, 2] = score
    return Part(boxes.reshape(1, 21, 64), scores)


def test_a_sure_bin_is_a_distance() -> None:
    """Left, top, right, bottom lie so many strides of 8 pixels from the cell's centre; the frame cuts them."""
    (found,) = decode(Model([one_cell((1, 0, 2, 3))]))
    assert (found.label, found.box.x, found.box.y) == ("star", 0.125, 0.125)
    assert (found.box.w, found.box.h) == (0.75, 0.75)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e38])
def test_logits_that_are_no_numbers(bad: float) -> None:
    """NaN drops the box; a huge logit and an infinite one are only sure ones."""
    part = one_cell((1, 1, 1, 1))
    part.boxes[0, 1, 20] = bad
    assert len(decode(Model([part]))) == int(bad > 0)


def test_nothing_above_the_threshold() -> None:
    """Where no integer can reach the threshold, no softmax is taken and nothing fails."""
    part = Part(
        np.zeros((1, 21, 64), np.int8), np.full((1, 21, 3), 127, np.int8), None, Quantization(0.001, 0)
    )
    assert decode(Model([part])) == ()
