"""Heads of YOLOv5 are read as a textbook would, and nonsense in them is survived."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.domain.tensors import DType, Quantization
from edged.vision.fit import plan_fit
from edged.vision.manifest import InputRule, NmsRule
from tests.unit.heads import Head, decode
from tests.unit.tensors import real
from tests.unit.textbook import (
    PLANS,
    RULES,
    THRESHOLDS,
    Row,
    agree,
    around,
    first_best,
    head_quantizations,
    noise,
    survivors,
)

ROWS = 63
"""3 anchors on 16 + 4 + 1 cells of 32 x 32 pixels."""


def textbook(head: Head, threshold: float) -> list[Row]:
    """A row whose objectness times best class score reaches the threshold, each cut at 1."""
    size = head.size if head.coordinates == "fractions" else (1, 1)
    rows = []
    for row in real(head.output, head.scale)[0].tolist():
        label_id = first_best(row[5:])
        if label_id < 0 or not math.isfinite(row[4]):
            continue
        score = min(row[4], 1.0) * min(row[5 + label_id], 1.0)
        if min(row[4], row[5 + label_id]) >= 0 and score >= threshold:
            rows.append(Row(label_id, score, around(row[:4], *size)))
    return rows


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
@settings(max_examples=40)
@given(data=st.data())
def test_same_as_the_textbook(data: st.DataObject, dtype: DType) -> None:
    """Labels, scores and boxes are those of dequantising everything and comparing box with box."""
    head = Head(
        "yolov5",
        data.draw(noise(dtype, (1, ROWS, 5 + data.draw(st.integers(1, 4))))),
        data.draw(head_quantizations(dtype)),
        coordinates=data.draw(st.sampled_from(["fractions", "pixels"]))
        if dtype == "float32"
        else "fractions",
        nms=data.draw(RULES),
    )
    threshold, plan = data.draw(THRESHOLDS), data.draw(st.sampled_from(PLANS))
    agree(decode(head, threshold, plan), survivors(textbook(head, threshold), head.nms, plan))


def test_every_row_above_the_threshold() -> None:
    """1,575 rows that all pass: the best 300 are looked at, and at most 100 boxes stay."""
    output = np.random.default_rng(1).integers(190, 256, (1, 1575, 9)).astype(np.uint8)
    output[0, :, :2] -= 120
    output[0, :, 2:4] -= 185
    head = Head("yolov5", output, Quantization(1 / 256, 0), (160, 160), nms=NmsRule(0.5123, per_class=False))
    plan = plan_fit(640, 480, 160, 160, InputRule(resize="letterbox"))
    found = decode(head, 0.5, plan)
    agree(found, survivors(textbook(head, 0.5), head.nms, plan))
    assert 10 < len(found) <= 100


def one_row(*row: float, dtype: str = "float32") -> Head:
    """A head in which only the second row holds something."""
    output = np.zeros((1, ROWS, len(row)), dtype)
    output[0, 1] = row
    return Head("yolov5", output)


@pytest.mark.parametrize(
    ("objectness", "share", "scores"),
    [(128, 255, []), (129, 255, [129 * 255 / 65536]), (182, 180, []), (182, 181, [182 * 181 / 65536])],
)
def test_the_product_decides(objectness: int, share: int, scores: list[float]) -> None:
    """Objectness and class score may both pass and their product not; it is exact to the integer."""
    head = one_row(128, 128, 64, 64, objectness, 0, share, dtype="uint8")
    found = decode(head._replace(scale=Quantization(1 / 256, 0)), 0.5)
    assert [each.score for each in found] == scores
    assert [(each.label_id, each.box.x, each.box.w) for each in found] == [(1, 0.375, 0.25)] * len(scores)


def test_scores_beyond_one_are_one() -> None:
    """An objectness that its scale takes beyond 1 lifts no class score."""
    assert decode(one_row(0.5, 0.5, 0.5, 0.5, 1.9, 0.4)) == ()
    (found,) = decode(one_row(0.5, 0.5, 0.5, 0.5, 1.9, 1.5))
    assert found.score == 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", range(7))
def test_what_is_no_number_is_dropped(bad: float, place: int) -> None:
    """NaN and infinity in a box or in the objectness drop the row; the other class counts where one is none."""
    row = [0.5, 0.5, 0.5, 0.5, 1.0, 0.6, 0.7]
    row[place] = bad
    found = decode(one_row(*row))
    assert [each.label_id for each in found] == ([] if place < 5 else [1 if place == 5 else 0])


def test_nothing_above_the_threshold() -> None:
    """Where no integer can reach the threshold, nothing is found and nothing fails."""
    assert decode(one_row(*[127] * 7, dtype="int8")._replace(scale=Quantization(0.001, 0))) == ()
