"""Of boxes that cover the same thing the best one stays, as in the textbook."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from edged.vision.nms import best_first, suppress

WHOLE = st.integers(0, 12)
BOXES = st.lists(
    st.tuples(WHOLE, WHOLE, st.integers(1, 9), st.integers(1, 9)).map(
        lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
    ),
    max_size=14,
)


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union of two boxes of left, top, right, bottom."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(across, 0.0) * max(down, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def textbook(boxes: Sequence[tuple[float, ...]], groups: list[int], iou: float) -> list[int]:
    """Box by box: kept unless one that is kept, of the same group, covers it."""
    kept: list[int] = []
    for index, box in enumerate(boxes):
        if all(groups[other] != groups[index] or overlap(boxes[other], box) <= iou for other in kept):
            kept.append(index)
    return kept


def edges(boxes: list[tuple[int, ...]]) -> NDArray[np.float64]:
    return np.array(boxes, np.float64).reshape(-1, 4)


@given(BOXES, st.data())
def test_same_as_the_textbook(boxes: list[tuple[int, ...]], data: st.DataObject) -> None:
    """The boxes that stay are those of going through them one by one, within groups and without."""
    groups = data.draw(st.lists(st.integers(0, 2), min_size=len(boxes), max_size=len(boxes)))
    iou = data.draw(st.sampled_from([0.0, 0.25, 0.5, 0.61, 1.0]))
    pairs = (overlap(one, other) for one in boxes for other in boxes)
    assume(all(share == iou or abs(share - iou) > 1e-12 for share in pairs))
    alone = suppress(edges(boxes), iou=iou, limit=100)
    assert alone == textbook(boxes, [0] * len(boxes), iou)
    within = suppress(edges(boxes), np.array(groups, np.intp), iou=iou, limit=100)
    assert within == textbook(boxes, groups, iou)
    assert suppress(edges(boxes), iou=iou, limit=2) == alone[:2]


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.sampled_from([60, 200]), st.sampled_from([0.05, 0.2, 0.6]))
def test_crowds(seed: int, count: int, side: float) -> None:
    """Hundreds of boxes, scattered or heaped, are suppressed as the textbook says, in classes and without."""
    rng = np.random.default_rng(seed)
    centres, halves = rng.random((count, 2)), side * rng.uniform(0.2, 0.5, (count, 2))
    corners = np.concatenate((centres - halves, centres + halves), axis=1)
    groups = rng.integers(0, 4, count)
    boxes: list[tuple[float, ...]] = [tuple(box) for box in corners.tolist()]
    assert suppress(corners, iou=0.45, limit=count) == textbook(boxes, [0] * count, 0.45)
    within = textbook(boxes, groups.tolist(), 0.45)
    assert suppress(corners, groups, iou=0.45, limit=count) == within
    assert suppress(corners, groups, iou=0.45, limit=30) == within[:30]


def test_an_overlap_that_equals_the_bound_is_let_be() -> None:
    """A box goes only if it overlaps by more than the bound."""
    half = edges([(0, 0, 2, 1), (0, 0, 1, 1)])
    assert suppress(half, iou=0.5, limit=9) == [0, 1]
    assert suppress(half, iou=0.49, limit=9) == [0]


def test_what_is_dropped_drops_nothing() -> None:
    """A box that a dropped one covers, and no kept one does, stays."""
    chain = edges([(0, 0, 10, 1), (4, 0, 14, 1), (8, 0, 18, 1)])
    assert suppress(chain, iou=0.4, limit=9) == [0, 2]


def test_equal_boxes() -> None:
    """Of equal boxes the first one stays; in two groups, the first of each."""
    same = edges([(0, 0, 3, 3)] * 4)
    assert suppress(same, iou=0.5, limit=9) == [0]
    assert suppress(same, np.array([1, 0, 1, 0]), iou=0.5, limit=9) == [0, 1]


def test_no_boxes_and_none_wanted() -> None:
    """Of no boxes none stay, and none where none is asked for."""
    assert suppress(edges([]), iou=0.5, limit=9) == []
    assert suppress(edges([]), np.empty(0, np.intp), iou=0.5, limit=9) == []
    assert suppress(edges([(0, 0, 3, 3)]), iou=0.5, limit=0) == []


def test_boxes_beyond_all_measure_are_survived() -> None:
    """An area that no float holds overlaps nothing."""
    huge = np.array([[-1e300, -1e300, 1e300, 1e300], [-1e300, -1e300, 1e300, 1e300], [0.0, 0.0, 1.0, 1.0]])
    assert suppress(huge, iou=0.5, limit=9) == [0, 1, 2]


@pytest.mark.parametrize("limit", [1, 3, 50])
@given(scores=hnp.arrays(np.float64, st.integers(0, 40), elements=st.integers(0, 6).map(float)))
def test_best_first(scores: NDArray[np.float64], limit: int) -> None:
    """The highest scores come first, equal ones in their order, no more than asked for."""
    expected = sorted(range(len(scores)), key=lambda index: -scores[index])[:limit]
    assert best_first(scores, limit).tolist() == expected
