"""Heads of YOLO's poses are read as a textbook would, and nonsense in them is survived."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.domain.errors import ModelError
from edged.domain.predictions import Keypoint
from edged.domain.tensors import DType, Quantization
from edged.ports import Tensor
from edged.vision.fit import plan_fit
from edged.vision.labels import Labels
from edged.vision.manifest import Coordinates, InputRule
from tests.unit.bodies import box_key, decode, placed, same_points
from tests.unit.textbook import (
    CELLS,
    LABELS,
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


def textbook(
    output: Tensor, scale: Quantization | None, threshold: float, coordinates: Coordinates
) -> list[tuple[Row, list[float]]]:
    """A row for each cell whose best of three classes reaches the threshold, with the numbers of its points."""
    size = (32, 32) if coordinates == "fractions" else (1, 1)
    rows = []
    for cell in cells_of(output, scale):
        label_id = first_best(cell[4:7])
        if label_id >= 0 and cell[4 + label_id] >= threshold:
            rows.append((Row(label_id, cell[4 + label_id], around(cell[:4], *size)), cell[7:]))
    return rows


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
@settings(max_examples=40)
@given(data=st.data())
def test_same_as_the_textbook(data: st.DataObject, dtype: DType, transposed: bool) -> None:
    """Labels, scores, boxes and points are those of dequantising everything and comparing box with box."""
    count, numbers = data.draw(st.integers(1, 4)), data.draw(st.sampled_from([2, 3]))
    channels = 4 + 3 + count * numbers
    output = data.draw(heads(dtype, channels, transposed=transposed))
    scale = data.draw(head_quantizations(dtype))
    coordinates = data.draw(units(dtype))
    nms, threshold = data.draw(RULES), data.draw(THRESHOLDS)
    plan = data.draw(st.sampled_from(PLANS))
    rows = textbook(output, scale, threshold, coordinates)
    expected = survivors([row for row, _ in rows], nms, plan)
    found = decode(output, scale, plan, points=count, threshold=threshold, coordinates=coordinates, nms=nms)
    agree(found, expected)
    sides = 1 if coordinates == "fractions" else 32
    by_row: dict[tuple[float, ...], list[list[float]]] = {}
    for row, values in rows:
        by_row.setdefault(box_key(row)[2:], []).append(values)
    for item, row in zip(
        [each for each in found if min(each.box.w, each.box.h) > 1e-9], expected, strict=True
    ):
        places = by_row[row.box]
        if len(places) > 1:  # the same box twice, as where all integers are equal
            continue
        points = [places[0][at : at + numbers] for at in range(0, len(places[0]), numbers)]
        wanted = [
            placed(point[0] / sides, point[1] / sides, point[2] if numbers == 3 else row.score, plan)
            for point in points
        ]
        same_points(item.keypoints, wanted)


def head(channels: int, *cell: float, dtype: str = "float32", rows: int = CELLS) -> Tensor:
    """A head in which only the second cell holds something."""
    output = np.zeros((1, channels, rows), dtype)
    output[0, : len(cell), 1] = cell
    return output


ONE = Labels({0: "person"}, "x")


def test_points_come_with_their_box() -> None:
    """x, y and visibility of each point, in the order of the names."""
    output = head(11, 0.5, 0.5, 0.5, 0.25, 0.9, 0.25, 0.5, 0.75, 0.5, 0.625, 0.125)
    (found,) = decode(output, points=2, labels=ONE)
    assert found.keypoints == (Keypoint(0.25, 0.5, 0.75), Keypoint(0.5, 0.625, 0.125))
    (found,) = decode(head(9, 0.5, 0.5, 0.5, 0.25, 0.75, 0.25, 0.5, 0.5, 0.625), points=2, labels=ONE)
    assert [point and point.score for point in found.keypoints] == [0.75, 0.75]


@pytest.mark.parametrize("frame", [(640, 480), (1280, 720), (480, 640)])
def test_letterbox_is_undone(frame: tuple[int, int]) -> None:
    """A point of the frame, put into an input letterboxed in the middle, comes back as it was."""
    plan = plan_fit(*frame, 32, 32, InputRule(resize="letterbox", fill=114))
    scale = 32 / max(frame)
    bars = [(32 - side * scale) / 2 for side in frame]
    spots = [[(share * frame[at] * scale + bars[at]) / 32 for at in (0, 1)] for share in (0.0, 0.3, 1.0)]
    output = head(14, 0.5, 0.5, 0.4, 0.4, 0.9, *(number for spot in spots for number in (*spot, 0.5)))
    (found,) = decode(output, plan=plan, points=3, labels=ONE)
    expected: list[tuple[float, float, float] | None] = [(share, share, 0.5) for share in (0.0, 0.3, 1.0)]
    same_points(found.keypoints, expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_no_point(bad: float) -> None:
    """NaN and infinity in a point leave the object and its other points as they are."""
    (found,) = decode(head(11, 0.5, 0.5, 0.5, 0.5, 0.9, bad, 0.5, 0.9, 0.5, 0.5, 0.9), points=2, labels=ONE)
    assert [point is None for point in found.keypoints] == [True, False]


def test_nothing_above_the_threshold() -> None:
    """An empty head gives nothing, also where no integer can reach the threshold."""
    assert decode(head(11), points=2, labels=ONE) == ()
    tensor = head(11, *[127] * 11, dtype="int8")
    assert decode(tensor, Quantization(0.001, 0), points=2, labels=ONE) == ()


@pytest.mark.parametrize(
    ("channels", "points", "labels", "says"),
    [
        (10, 2, ONE, "10 channels are no box with 2 key points and 1 classes"),
        (9, 2, LABELS, "9 channels are no box with 2 key points and 3 classes"),
        (8, 2, Labels(), "8 channels are no box with 2 key points"),
    ],
)
def test_channels_that_do_not_add_up_are_refused(
    channels: int, points: int, labels: Labels, says: str
) -> None:
    """A box, a score for each class and two or three numbers for each point make up a row."""
    with pytest.raises(ModelError) as refusal:
        decode(head(channels), points=points, labels=labels)
    assert says in refusal.value.what


def test_a_coarse_scale_is_refused() -> None:
    """Points in pixels leave scores nothing, as with boxes."""
    with pytest.raises(ModelError, match="too coarse for scores"):
        decode(head(11, dtype="int8"), Quantization(2.5, 0), points=2, labels=ONE)


def test_labels_decide_how_many_numbers_a_point_has() -> None:
    """Of 4 + 1 + 3 x 3 = 4 + 4 + 3 x 2 channels the labels say which; without any, a point has its score."""
    four = Labels(dict(enumerate("abcd")), "x")
    cell = [0.5, 0.5, 0.5, 0.5, 0.6, 0.7, 0.8, 0.9, *[0.5] * 6]
    (found,) = decode(head(14, *cell), points=3, labels=four)
    assert (found.label, len(found.keypoints)) == ("d", 3)
    (found,) = decode(head(14, *cell), points=3, labels=Labels())
    assert (found.label, math.isclose(found.score, 0.6, abs_tol=1e-6)) == ("class_0", True)


@pytest.mark.parametrize("numbers", [2, 3])
def test_pixels_of_an_oblong_input_are_of_their_own_side(numbers: int) -> None:
    """Across they are divided by its width, down by its height: boxes and points alike."""
    head = np.zeros((1, 5 + numbers, 42), np.float32)
    head[0, :, 3] = [32, 8, 32, 8, 0.9, 16, 24, 0.8][: 5 + numbers]
    (found,) = decode(head, points=1, labels=Labels({0: "cat"}, "x"), coordinates="pixels", size=(64, 32))
    box, (point,) = found.box, found.keypoints
    assert (box.x, box.y, box.w, box.h) == pytest.approx((0.25, 0.125, 0.5, 0.25))
    assert point is not None
    assert (point.x, point.y, point.score) == pytest.approx((0.25, 0.75, 0.8 if numbers == 3 else 0.9))
