"""Rows of detectors that suppress in the graph are read as a textbook would, and nonsense in them is survived."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.domain.errors import ModelError
from edged.domain.tensors import DType, Quantization
from tests.unit.heads import Head, decode
from tests.unit.tensors import real
from tests.unit.textbook import PLANS, THRESHOLDS, Row, agree, head_quantizations, survivors, tensors


def textbook(head: Head, threshold: float) -> list[Row]:
    """A row for each that reaches the threshold and names a class."""
    width, height = head.size if head.coordinates == "fractions" else (1, 1)
    rows = []
    for left, top, right, bottom, score, kind in real(head.output, head.scale)[0].tolist():
        if math.isfinite(score) and score >= threshold and math.isfinite(kind) and 0 <= round(kind) < 2**31:
            rows.append(Row(round(kind), score, (left * width, top * height, right * width, bottom * height)))
    return rows


def counts(quantization: Quantization, dtype: DType) -> bool:
    """Whether the integers reach the last label."""
    return (np.iinfo(dtype).max - quantization.zero_point) * quantization.scale > 1.6


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
@settings(max_examples=40)
@given(data=st.data())
def test_same_as_the_textbook(data: st.DataObject, dtype: DType) -> None:
    """Labels, scores and boxes are those of dequantising everything; nothing is suppressed."""
    head = Head(
        "yolov10",
        data.draw(tensors(dtype, (1, data.draw(st.integers(1, 20)), 6))),
        data.draw(head_quantizations(dtype).filter(lambda each: each is None or counts(each, dtype))),
        coordinates=data.draw(st.sampled_from(["fractions", "pixels"]))
        if dtype == "float32"
        else "fractions",
    )
    threshold, plan = data.draw(THRESHOLDS), data.draw(st.sampled_from(PLANS))
    agree(decode(head, threshold, plan), survivors(textbook(head, threshold), None, plan))


def rows(*given_rows: tuple[float, ...]) -> Head:
    """A head of these rows and empty ones."""
    output = np.zeros((1, 300, 6), np.float32)
    output[0, : len(given_rows)] = given_rows
    return Head("yolov10", output)


def test_edges_are_the_box() -> None:
    """Left, top, right, bottom, score, class; the same box twice is two detections."""
    found = decode(rows((0.25, 0.5, 0.75, 1, 0.6, 2), (0.25, 0.5, 0.75, 1, 0.9, 2)))
    assert [each.label for each in found] == ["star", "star"]
    assert [each.score for each in found] == pytest.approx([0.9, 0.6])
    assert (found[0].box.x, found[0].box.y, found[0].box.w, found[0].box.h) == (0.25, 0.5, 0.5, 0.5)


def test_boxes_in_pixels() -> None:
    """The same box where the manifest says pixels."""
    (found,) = decode(rows((8, 16, 24, 32, 0.6, 2))._replace(coordinates="pixels"))
    assert (found.box.x, found.box.y, found.box.w, found.box.h) == (0.25, 0.5, 0.5, 0.5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", range(6))
def test_what_is_no_number_is_dropped(bad: float, place: int) -> None:
    """A row with NaN or infinity anywhere is dropped; the next row is not."""
    row = [0.25, 0.5, 0.75, 1, 0.9, 2]
    row[place] = bad
    assert [each.label_id for each in decode(rows(tuple(row), (0.25, 0.5, 0.75, 1, 0.6, 1)))] == [1]


@pytest.mark.parametrize(
    "edges", [(0.75, 0.5, 0.25, 1), (0.25, 1, 0.75, 0.5), (0.25, 0.5, 0.25, 1), (1.1, 0, 1.5, 1)]
)
def test_reversed_and_empty_boxes_are_dropped(edges: tuple[float, ...]) -> None:
    """Edges in the wrong order, without size or outside the frame are no detection."""
    assert decode(rows((*edges, 0.9, 1))) == ()


@pytest.mark.parametrize(
    ("kind", "labels"),
    [(-1, []), (2.0**31, []), (1e30, []), (7, ["class_7"]), (1.01, ["cross"]), (-0.2, ["circle"])],
)
def test_classes_outside_the_labels(kind: float, labels: list[str]) -> None:
    """A class without a label is called by its number; what can be no class is dropped; fractions are rounded."""
    assert [each.label for each in decode(rows((0.25, 0.5, 0.75, 1, 0.9, kind)))] == labels


def test_at_most_a_hundred() -> None:
    """Of 300 good rows the best hundred stay."""
    found = decode(rows(*[(0.25, 0.5, 0.75, 1, 0.6 + 0.001 * index, 1) for index in range(300)]))
    assert len(found) == 100
    assert found[0].score == pytest.approx(0.899)


def test_integers_have_to_count_to_the_last_label() -> None:
    """An 8-bit output whose scale serves scores cannot name many classes, and is refused for it."""
    head = Head("yolov10", np.zeros((1, 300, 6), np.int8), Quantization(0.01, -128))
    assert decode(head) == ()
    with pytest.raises(ModelError, match="cannot count to class 2"):
        decode(head._replace(scale=Quantization(0.004, -128)))
