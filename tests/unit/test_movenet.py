"""MoveNet's points are read as a textbook would, and nonsense in them is survived."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.domain.errors import ModelError
from edged.domain.tensors import DType, Quantization
from edged.vision.fit import FitPlan, plan_fit
from edged.vision.manifest import InputRule
from tests.unit.bodies import decode, placed, same_points
from tests.unit.tensors import quantizations, real
from tests.unit.textbook import LABELS, PLANS, in_frame, tensors


def textbook(
    rows: list[list[float]], threshold: float, plan: FitPlan
) -> tuple[float, tuple[float, ...]] | None:
    """The person's score and the edges of its box; None where there is nobody."""
    sure = [row for row in rows if all(map(math.isfinite, row)) and row[2] >= 0.2]
    if len(sure) < 3:
        return None
    score = sum(min(row[2], 1.0) for row in sure) / len(sure)
    ys, xs = [row[0] for row in sure], [row[1] for row in sure]
    edges = in_frame((min(xs) * 32, min(ys) * 32, max(xs) * 32, max(ys) * 32), plan)
    if edges[2] - edges[0] <= 1e-9 or edges[3] - edges[1] <= 1e-9:
        return None
    return (score, edges) if score >= threshold else None


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
@settings(max_examples=60)
@given(data=st.data())
def test_same_as_the_textbook(data: st.DataObject, dtype: DType) -> None:
    """One person: the mean score of the points of 0.2 and more, the box around them, every point where it is."""
    count = data.draw(st.integers(3, 6))
    output = data.draw(tensors(dtype, (1, 1, count, 3)))
    scale, plan = data.draw(quantizations(dtype)), data.draw(st.sampled_from(PLANS))
    threshold = data.draw(st.sampled_from([0.0, 0.313, 0.617]))
    rows = real(output, scale)[0, 0].tolist()
    expected = textbook(rows, threshold, plan)
    found = decode(output, scale, plan, points=count, threshold=threshold, movenet=True)
    if expected is None:
        assert [each for each in found if min(each.box.w, each.box.h) > 1e-9] == []
        return
    (person,) = found
    score, edges = expected
    assert (person.label, person.label_id) == (LABELS.name(0), 0)
    assert person.score == pytest.approx(score, abs=1e-6)
    box = person.box
    assert (box.x, box.y, box.x + box.w, box.y + box.h) == pytest.approx(edges, abs=1e-5)
    same_points(person.keypoints, [placed(x, y, each, plan) for y, x, each in rows])


def body(*rows: tuple[float, float, float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """An output of these points: y, x, score."""
    return np.array([[rows]], np.float32)


def test_points_in_the_padding_are_clamped() -> None:
    """A point that the model puts beside the picture lies on its edge, as a box would."""
    plan = plan_fit(640, 480, 32, 32, InputRule(resize="letterbox"))
    output = body((0.0, 0.5, 0.9), (0.5, 1.2, 0.9), (0.5, 0.25, 0.9))
    (person,) = decode(output, plan=plan, points=3, movenet=True)
    points = [(point.x, point.y) for point in person.keypoints if point]
    assert points == [(0.5, 0.0), (1.0, 0.5), (0.25, 0.5)]
    assert (person.box.x, person.box.y, person.box.w, person.box.h) == pytest.approx((0.25, 0.0, 0.75, 0.5))


def test_a_point_that_is_no_number_is_none() -> None:
    """NaN and infinity are no point; the others stand, and the order is kept."""
    for bad in (np.nan, np.inf, -np.inf):
        for place in range(3):
            row = [0.5, 0.5, 0.9]
            row[place] = bad
            output = body((0.1, 0.1, 0.9), (row[0], row[1], row[2]), (0.9, 0.9, 0.9), (0.2, 0.4, 0.9))
            (person,) = decode(output, points=4, movenet=True)
            assert [point is None for point in person.keypoints] == [False, True, False, False]
            assert person.score == pytest.approx(0.9)


def test_two_sure_points_are_nobody() -> None:
    """A coat has a point or two that look like a person's."""
    assert decode(body((0.1, 0.1, 0.9), (0.9, 0.9, 0.9), (0.5, 0.5, 0.19)), points=3, movenet=True) == ()
    assert decode(np.zeros((1, 1, 17, 3), np.float32), points=17, threshold=0.0, movenet=True) == ()


def test_the_threshold_is_met_exactly() -> None:
    """A person whose score is the threshold counts."""
    output = body((0.1, 0.1, 0.5), (0.9, 0.9, 0.5), (0.5, 0.4, 0.5))
    assert len(decode(output, points=3, movenet=True, threshold=0.5)) == 1
    assert decode(output, points=3, movenet=True, threshold=0.5001) == ()


def test_other_shapes_are_refused() -> None:
    """As many points as the manifest names, three numbers each."""
    with pytest.raises(ModelError, match=r"17 key points of one person are \[1, 1, 17, 3\]"):
        decode(np.zeros((1, 1, 16, 3), np.float32), points=17, movenet=True)
    with pytest.raises(ModelError, match="key points should be one of"):
        decode(np.zeros((1, 1, 17, 3), np.int64), Quantization(1.0, 0), points=17, movenet=True)


def test_a_point_of_exactly_the_least_score_is_sure() -> None:
    """Three points of 0.2 are somebody, of one step less nobody."""
    stored = np.array([[[[2, 1, 2], [7, 2, 2], [5, 8, 2]]]], np.uint8)
    (person,) = decode(stored, Quantization(0.1, 0), points=3, threshold=0.1, movenet=True)
    assert person.score == pytest.approx(0.2)
    stored[..., 0, 2] = 1
    assert decode(stored, Quantization(0.1, 0), points=3, threshold=0.1, movenet=True) == ()
