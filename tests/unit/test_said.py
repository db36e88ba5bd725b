"""What was said of a camera's last frames, before it is known which of them a picture shows."""

import numpy as np
import pytest

from edged.daemon.said import MOST, MOST_MASKS, Said
from edged.domain.moment import Moment
from edged.vision.overlay import Overlay

NOW = Moment(0, 0, 0, synced=True)
MASK = np.ones((2, 2), np.uint8)


@pytest.mark.parametrize(("mask", "most"), [(None, MOST), (MASK, MOST_MASKS)])
def test_the_last_answers_are_kept(
    mask: "np.ndarray[tuple[int, int], np.dtype[np.uint8]] | None", most: int
) -> None:
    """Half a second of a fast model's, and few where each has a mask as large as the picture."""
    said = Said()
    for seq in range(10, 10 + 2 * most):
        said.add(seq, Overlay(words=((str(seq), 0),), mask=mask), NOW)
    kept = [seq for seq in range(10, 10 + 2 * most) if said.of(seq)]
    assert kept == list(range(10 + most, 10 + 2 * most))
    answer = said.of(10 + most)
    assert answer
    assert answer[0].words == ((str(10 + most), 0),)


def test_an_answer_that_will_not_come_is_known() -> None:
    """Once a later frame was answered: frames are answered in their order."""
    said = Said()
    assert not said.later_than(3)
    said.add(3, Overlay(), NOW)
    assert not said.later_than(3)
    said.add(5, Overlay(), NOW)
    assert said.later_than(4)
    assert said.of(4) is None
