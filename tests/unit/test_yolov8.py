"""Heads of YOLOv8 are read as a textbook would, in both layouts, and nonsense in them is survived."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.domain.tensors import DType, Quantization
from edged.vision.fit import plan_fit
from edged.vision.manifest import InputRule, NmsRule
from tests.unit.heads import Head, decode
from tests.unit.textbook import (
    CELLS,
    PLANS,
    RULES,
    THRESHOLDS,
    Row,
    agree,
    around,
    cells_of,
    first_best,
    head_quantizations,
    heads,
    survivors,
    units,
)


def textbook(head: Head, threshold: float) -> list[Row]:
    """A row for each cell whose best class reaches the threshold, everything dequantised."""
    size = head.size if head.coordinates == "fractions" else (1, 1)
    rows = []
    for cell in cells_of(head.output, head.scale):
        label_id = first_best(cell[4:])
        if label_id >= 0 and cell[4 + label_id] >= threshold:
            rows.append(Row(label_id, cell[4 + label_id], around(cell[:4], *size)))
    return rows


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
@settings(max_examples=40)
@given(data=st.data())
def test_same_as_the_textbook(data: st.DataObject, dtype: DType, transposed: bool) -> None:
    """Labels, scores and boxes are those of dequantising everything and comparing box with box."""
    channels = 4 + data.draw(st.integers(1, 4))
    head = Head(
        "yolov8",
        data.draw(heads(dtype, channels, transposed=transposed)),
        data.draw(head_quantizations(dtype)),
        coordinates=data.draw(units(dtype)),
        nms=data.draw(RULES),
    )
    threshold, plan = data.draw(THRESHOLDS), data.draw(st.sampled_from(PLANS))
    agree(decode(head, threshold, plan), survivors(textbook(head, threshold), head.nms, plan))


@pytest.mark.parametrize("per_class", [True, False])
def test_every_cell_above_the_threshold(per_class: bool) -> None:
    """2,100 cells that all pass: the best 300 are looked at, and at most 100 boxes stay."""
    output = np.random.default_rng(1).integers(20, 128, (1, 12, 2100)).astype(np.int8)
    output[0, 2:4] -= 110
    head = Head("yolov8", output, Quantization(1 / 256, -128), (320, 320), nms=NmsRule(0.5123, per_class))
    plan = plan_fit(1280, 720, 320, 320, InputRule(resize="letterbox"))
    found = decode(head, 0.5, plan)
    agree(found, survivors(textbook(head, 0.5), head.nms, plan))
    assert 10 < len(found) <= 100


def one_cell(*cell: float, dtype: str = "float32") -> Head:
    """A head in which only the second cell holds something."""
    output = np.zeros((1, len(cell), CELLS), dtype)
    output[0, :, 1] = cell
    return Head("yolov8", output)


def test_the_centre_and_the_size_make_a_box() -> None:
    """x, y, width, height in fractions of the input; the best class counts, the second best does not."""
    (found,) = decode(one_cell(0.5, 0.5, 0.5, 0.25, 0.6, 0.9, 0.7))
    assert (found.label, found.label_id) == ("cross", 1)
    assert found.score == pytest.approx(0.9)
    assert (found.box.x, found.box.y, found.box.w, found.box.h) == (0.25, 0.375, 0.5, 0.25)


def test_boxes_in_pixels() -> None:
    """The same box where the manifest says pixels."""
    (found,) = decode(one_cell(16, 16, 16, 8, 0.9)._replace(coordinates="pixels"))
    assert (found.box.x, found.box.y, found.box.w, found.box.h) == (0.25, 0.375, 0.5, 0.25)


@pytest.mark.parametrize("frame", [(640, 480), (1280, 720), (480, 640)])
def test_letterbox_is_undone(frame: tuple[int, int]) -> None:
    """An object's box in the frame, put into an input letterboxed in the middle, comes back as it was."""
    plan = plan_fit(*frame, 320, 320, InputRule(resize="letterbox", fill=114))
    scale = 320 / max(frame)
    bars = [(320 - side * scale) / 2 for side in frame]
    centre = [(0.4 * frame[at] * scale + bars[at]) / 320 for at in (0, 1)]
    size = [0.3 * frame[at] * scale / 320 for at in (0, 1)]
    output = np.zeros((1, 7, 2100), np.float32)
    output[0, :, 77] = (*centre, *size, 0, 0, 0.8)
    (found,) = decode(Head("yolov8", output, size=(320, 320)), plan=plan)
    assert found.label == "star"
    assert (found.box.x, found.box.y, found.box.w, found.box.h) == pytest.approx(
        (0.25, 0.25, 0.3, 0.3), abs=1e-5
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", range(6))
def test_what_is_no_number_is_dropped(bad: float, place: int) -> None:
    """NaN and infinity in a box drop it; among the scores they are no scores, and the other class counts."""
    cell = [0.5, 0.5, 0.5, 0.5, 0.6, 0.7]
    cell[place] = bad
    found = decode(one_cell(*cell))
    assert [each.label_id for each in found] == ([] if place < 4 else [1 if place == 4 else 0])


def test_nothing_above_the_threshold() -> None:
    """Where no integer can reach the threshold, nothing is found and nothing fails."""
    head = one_cell(*[127] * 6, dtype="int8")
    assert decode(head._replace(scale=Quantization(0.001, 0))) == ()
    assert decode(one_cell(0.5, 0.5, 0.5, 0.5, 0.4)) == ()


def test_unnamed_class() -> None:
    """A class that the labels do not have is called by its number."""
    assert decode(one_cell(0.5, 0.5, 0.5, 0.5, 0, 0, 0, 0.9))[0].label == "class_3"
