"""Outputs of a box and scores for each cell are read as a textbook would, and nonsense in them is survived."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edged.domain.predictions import Detection, Detections
from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.decoding import make_decoder
from edged.vision.fit import FitPlan, plan_fit
from edged.vision.manifest import Activation, InputRule, Manifest, NmsRule, Place
from tests.unit.tensors import quantizations, real, spec_of
from tests.unit.textbook import LABELS, PLANS, RULES, THRESHOLDS, Row, agree, survivors, tensors


class Head(NamedTuple):
    """The outputs of a model, and all that a manifest says of them."""

    boxes: Tensor
    scores: Tensor
    boxes_scale: Quantization | None = None
    scores_scale: Quantization | None = None
    strides: tuple[int, ...] = (8,)
    size: tuple[int, int] = (32, 32)
    activation: Activation = "none"
    nms: NmsRule = NmsRule()


def decode(
    head: Head, threshold: float = 0.5, plan: FitPlan | None = None, *, swapped: bool = False
) -> tuple[Detection, ...]:
    """The detections of the product; the boxes are its second output where `swapped`."""
    specs = [
        spec_of("boxes", head.boxes, head.boxes_scale), spec_of("scores", head.scores, head.scores_scale)
    ]  # fmt: skip
    outputs = [head.boxes, head.scores]
    roles = (("boxes", int(swapped)), ("scores", int(not swapped)))
    manifest = Manifest(
        "m", "detection", "fcos", InputRule(), roles,
        activation=head.activation, strides=head.strides, nms=head.nms,
    )  # fmt: skip
    width, height = head.size
    decoder = make_decoder(
        manifest,
        specs[::-1] if swapped else specs,
        LABELS,
        threshold=threshold,
        top_k=1,
        picture=TensorSpec("picture", (1, height, width, 3), "int8", None),
    )
    plan = plan or plan_fit(width, height, width, height, InputRule())
    prediction = decoder.decode(outputs[::-1] if swapped else outputs, plan)
    assert isinstance(prediction, Detections)
    return prediction.items


def textbook(head: Head, threshold: float, plan: FitPlan) -> list[Row]:
    """Everything dequantised, cell by cell, then suppression pair by pair, all in Python's own numbers."""
    return survivors(_reals(head, threshold), head.nms, plan)


def _reals(head: Head, threshold: float) -> list[Row]:
    """A row for each score that passes: by cell, then by class."""
    boxes = real(head.boxes, head.boxes_scale).reshape(-1, 4).tolist()
    scores = real(head.scores, head.scores_scale).reshape(len(boxes), -1).tolist()
    width, height = head.size
    cells = [
        ((column + 0.5) * stride, (row + 0.5) * stride, stride)
        for stride in head.strides
        for row in range(height // stride)
        for column in range(width // stride)
    ]
    rows = []
    for (x, y, stride), (left, top, right, bottom), line in zip(cells, boxes, scores, strict=True):
        box = (x - left * stride, y - top * stride, x + right * stride, y + bottom * stride)
        for label_id, number in enumerate(line):
            if not math.isfinite(number):
                continue
            score = 1 / (1 + math.exp(-number)) if head.activation == "sigmoid" else number
            if score >= threshold:
                rows.append(Row(label_id, score, box))
    return rows


@pytest.mark.parametrize("activation", ["none", "sigmoid"])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
@settings(max_examples=60)
@given(data=st.data())
def test_same_as_the_textbook(data: st.DataObject, dtype: DType, activation: Activation) -> None:
    """Labels, scores and boxes are those of dequantising everything and comparing box with box."""
    strides, cells = data.draw(st.sampled_from([((8,), 16), ((16,), 4), ((16, 8), 20), ((8, 16, 32), 21)]))
    classes = data.draw(st.integers(1, 4))
    head = Head(
        data.draw(tensors(dtype, (1, cells, 4))),
        data.draw(tensors(dtype, (1, cells, classes))),
        data.draw(quantizations(dtype)),
        data.draw(quantizations(dtype)),
        strides,
        activation=activation,
        nms=data.draw(RULES),
    )
    assume(activation == "none" or head.scores_scale is not None or dtype == "float32")
    threshold = data.draw(THRESHOLDS)
    plan = data.draw(st.sampled_from(PLANS))
    agree(decode(head, threshold, plan, swapped=data.draw(st.booleans())), textbook(head, threshold, plan))


@pytest.mark.parametrize("per_class", [True, False])
@pytest.mark.parametrize("reach", [3, 40])
def test_every_cell_above_the_threshold(per_class: bool, reach: int) -> None:
    """1,024 cells whose every class passes: the best 300 scores are looked at, and at most 100 boxes stay."""
    rng = np.random.default_rng(reach)
    head = Head(
        rng.integers(-128, -128 + reach, (1, 1024, 4)).astype(np.int8),
        rng.integers(20, 128, (1, 1024, 6)).astype(np.int8),
        Quantization(0.0937, -128),
        Quantization(1 / 256, -128),
        size=(256, 256),
        nms=NmsRule(0.5123, per_class),
    )
    plan = plan_fit(1280, 720, 256, 256, InputRule(resize="letterbox"))
    found = decode(head, 0.5, plan)
    agree(found, textbook(head, 0.5, plan))
    assert len(found) > 20
    assert len(found) <= 100


@pytest.mark.parametrize("place", ["centre", "corner"])
@pytest.mark.parametrize("frame", [(640, 480), (1280, 720), (480, 640)])
def test_letterbox_is_undone(frame: tuple[int, int], place: Place) -> None:
    """An object's box in the frame, put into a letterboxed input of 256 x 256, comes back as it was."""
    width, height = frame
    scale = 256 / max(frame)
    bars = [(256 - side * scale) / 2 if place == "centre" else 0.0 for side in frame]
    corners = (0.31 * width, 0.22 * height, 0.74 * width, 0.81 * height)
    left, top, right, bottom = (corner * scale + bars[at % 2] for at, corner in enumerate(corners))
    row, column = 17, 15
    x, y = (column + 0.5) * 8, (row + 0.5) * 8
    boxes, scores = np.zeros((1, 1024, 4), np.float32), np.zeros((1, 1024, 3), np.float32)
    boxes[0, row * 32 + column] = (x - left) / 8, (y - top) / 8, (right - x) / 8, (bottom - y) / 8
    scores[0, row * 32 + column, 1] = 0.9
    plan = plan_fit(width, height, 256, 256, InputRule(resize="letterbox", place=place))
    (found,) = decode(Head(boxes, scores, size=(256, 256)), plan=plan)
    assert found.label == "cross"
    assert (found.box.x, found.box.y, found.box.w, found.box.h) == pytest.approx(
        (0.31, 0.22, 0.43, 0.59), abs=1e-5
    )


def one_cell(distances: tuple[float, ...], score: float = 0.9, dtype: str = "float32") -> Head:
    """A head of four cells of 16 pixels in which only the first has a score."""
    boxes, scores = np.zeros((1, 4, 4), dtype), np.zeros((1, 4, 3), dtype)
    boxes[0, 0], scores[0, 0, 2] = distances, score
    return Head(boxes, scores, strides=(16,))


def test_a_box_in_the_bars_is_no_detection() -> None:
    """What lies in the padding alone is outside the frame."""
    plan = plan_fit(640, 320, 32, 32, InputRule(resize="letterbox"))
    assert decode(one_cell((0.4, 0.4, 0.4, -0.1)), plan=plan) == ()
    assert len(decode(one_cell((0.4, 0.4, 0.4, 0.4)), plan=plan)) == 1


def test_boxes_are_clamped() -> None:
    """Huge distances end at the frame's edges."""
    (found,) = decode(one_cell((1e30, 0.25, 1e30, 1e30)))
    assert (found.box.x, found.box.y, found.box.w, found.box.h) == (0.0, 0.125, 1.0, 0.875)


@pytest.mark.parametrize(
    "distances", [(0, 0, 0, 0), (0, 1, 0, 1), (1, -0.5, 1, 0.5), (-1, 1, -1, 1), (-2, 1, 0.5, 1)]
)
def test_boxes_without_size_are_dropped(distances: tuple[float, ...]) -> None:
    """Distances that leave no width or no height are no box, and never suppress one."""
    assert decode(one_cell(distances)) == ()


def test_a_box_beside_its_cell() -> None:
    """A negative distance is an edge on the cell's other side."""
    (found,) = decode(one_cell((-0.25, 0.5, 0.5, 0.5)))
    assert (found.box.x, found.box.w) == (0.375, 0.125)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e308])
@pytest.mark.parametrize("edge", range(4))
def test_boxes_that_are_no_numbers_are_dropped(bad: float, edge: int) -> None:
    """NaN, infinity and what overflows in pixels never survive, and leave the other cells alone."""
    head = one_cell((1, 1, 1, 1), dtype="float64")
    head.boxes[0, 0, edge], head.boxes[0, 3], head.scores[0, 3, 0] = bad, 0.5, 0.6
    assert [each.label_id for each in decode(head)] == [0]


def test_scores_that_are_no_numbers_are_dropped() -> None:
    """A NaN among the scores is none, and the others of its cell count."""
    head = one_cell((1, 1, 1, 1))
    head.scores[0, :, 1] = np.nan
    assert [each.label_id for each in decode(head, 0.0) if each.score > 0.5] == [2]
    assert all(each.label_id != 1 for each in decode(head, 0.0))


def test_equal_scores_come_by_cell_then_by_class() -> None:
    """Ties are decided by the tensor's order, each time the same."""
    boxes = np.full((1, 4, 4), 0.25, np.float32)
    found = decode(Head(boxes, np.full((1, 4, 2), 0.75, np.float32), strides=(16,)))
    assert [(each.box.x, each.box.y, each.label_id) for each in found] == [
        (x, y, label) for y in (0.125, 0.625) for x in (0.125, 0.625) for label in (0, 1)
    ]
    same = decode(
        Head(boxes, np.full((1, 4, 2), 0.75, np.float32), strides=(16,), nms=NmsRule(per_class=False))
    )
    assert [each.label_id for each in same] == [0] * 4


def test_a_score_that_equals_the_threshold_is_a_detection() -> None:
    """As a float, as an integer and as a logit; one step below is none."""
    boxes = np.full((1, 4, 4), 0.25, np.float32)
    for scores, scale, activation in (
        (np.array([0.5, 0.4999, 0, 0], np.float32), None, "none"),
        (np.array([0, -1, -128, -128], np.int8), Quantization(1 / 256, -128), "none"),
        (np.array([128, 127, 0, 0], np.uint8), Quantization(0.1, 128), "sigmoid"),
    ):
        head = Head(boxes, scores.reshape(1, 4, 1), None, scale, (16,), activation=activation)  # type: ignore[arg-type]  # one of them
        (found,) = decode(head)
        assert (found.score, found.box.x) == (0.5, 0.125)


def test_scores_beyond_one_are_one() -> None:
    """What a scale takes beyond 1 is clamped when it is reported."""
    assert decode(one_cell((1, 1, 1, 1), 1.5))[0].score == 1.0


def test_a_grid_is_read_like_its_rows() -> None:
    """[1, H, W, C] of one level means the same as [1, N, C]."""
    rng = np.random.default_rng(3)
    rows = Head(rng.random((1, 8, 4), np.float32), rng.random((1, 8, 3), np.float32), size=(32, 16))
    grid = rows._replace(boxes=rows.boxes.reshape(1, 2, 4, 4), scores=rows.scores.reshape(1, 2, 4, 3))
    assert decode(grid)
    assert decode(grid) == decode(rows)


def test_nothing_above_the_threshold() -> None:
    """Where no integer can reach the threshold, nothing is found and nothing fails."""
    head = one_cell((9, 9, 9, 9), 127, "int8")
    assert decode(head._replace(scores_scale=Quantization(0.001, 0))) == ()
