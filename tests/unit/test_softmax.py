"""Softmax, and what it makes of entries that are infinite or no number."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.vision.sequence import UNREAD, best_classes
from edged.vision.softmax import softmax
from edged.vision.yolov9 import expectations

ODD = st.sampled_from([math.nan, math.inf, -math.inf, 1e300, -1e300])
LOGITS = st.floats(-60, 60) | ODD


def rows(width: int) -> st.SearchStrategy[list[list[float]]]:
    """One to four rows of logits, of which many hold nothing odd."""
    return st.lists(
        st.lists(st.floats(-60, 60), min_size=width, max_size=width)
        | st.lists(LOGITS, min_size=width, max_size=width),
        min_size=1,
        max_size=4,
    )


def textbook(logits: list[float]) -> list[float]:
    """One row, entry by entry."""
    known = [each for each in logits if not math.isnan(each)]
    peak = max(known, default=-math.inf)
    if peak == -math.inf:
        return [math.nan] * len(logits)
    if peak == math.inf:
        parts = [each if math.isnan(each) else float(each == peak) for each in logits]
    else:
        parts = [math.exp(each - peak) for each in logits]
    total = sum(each for each in parts if not math.isnan(each))
    return [each / total for each in parts]


@given(st.integers(1, 8).flatmap(rows))
def test_it_is_the_textbooks(logits: list[list[float]]) -> None:
    """NaN stays NaN and takes no share, +inf shares everything, a row of nothing has none; rows are by themselves."""
    wanted = [textbook(row) for row in logits]
    assert np.allclose(softmax(np.array(logits)), wanted, rtol=1e-12, atol=0, equal_nan=True)
    assert np.allclose(softmax(np.array(logits[0])), wanted[0], rtol=1e-12, atol=0, equal_nan=True)


@given(st.integers(1, 8).flatmap(rows))
def test_a_step_of_a_text_is_as_sure_as_its_best_share(logits: list[list[float]]) -> None:
    """The reader of texts keeps to the same rule; where there is no share there is no class."""
    classes, scores = best_classes(np.array(logits), softmax=True)
    for row, label_id, score in zip(logits, classes.tolist(), scores.tolist(), strict=True):
        known = [-math.inf if math.isnan(each) else each for each in row]
        best = known.index(max(known)) if max(known) > -math.inf else UNREAD
        assert label_id == best
        assert score == pytest.approx(0.0 if best == UNREAD else textbook(row)[best])


@given(rows(16))
def test_a_distance_is_the_mean_bin(logits: list[list[float]]) -> None:
    """It is no number where one of its logits is none, since every bin has a say in it."""
    wanted = [sum(place * share for place, share in enumerate(textbook(row))) for row in logits]
    assert np.allclose(expectations(np.array(logits)), wanted, rtol=1e-9, atol=1e-12, equal_nan=True)


def test_nothing_is_nothing() -> None:
    """Without entries, or without rows, there are no shares."""
    assert softmax(np.empty(0)).shape == (0,)
    assert softmax(np.empty((0, 4, 16))).shape == (0, 4, 16)
