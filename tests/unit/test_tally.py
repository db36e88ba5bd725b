"""What the daemon counts between two reports."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.daemon.tally import Tally, percentiles
from edged.domain.frame import Frame, FrameShape, PixelFormat
from edged.domain.predictions import Detections, ModelId, Observation

MS = 1_000_000
SECOND = 1_000_000_000
SHAPE = FrameShape(PixelFormat.RGB, 64, 48)


def seen(seq: int, captured_ns: int = SECOND, invoke_ms: int = 2) -> Observation:
    """A frame that was taken then, and answered right away."""
    frame = Frame("front", seq, captured_ns, SHAPE)
    return Observation(
        frame, Detections(()), ModelId("m", "ab"), "cpu", captured_ns, captured_ns + invoke_ms * MS
    )


def started() -> Tally:
    tally = Tally()
    tally.restart(SECOND)
    return tally


def test_frames_per_second_are_counted_from_the_last_report() -> None:
    """Thirty frames in two seconds are 15 a second; after the report counting starts anew."""
    tally = started()
    for seq in range(1, 31):
        tally.count(seen(seq), 2 * SECOND)
    assert tally.report(3 * SECOND)["fps"] == 15.0
    assert tally.report(4 * SECOND) == {"fps": 0.0, "frames_dropped": 0}
    assert tally.total == 30


def test_before_anything_was_counted_there_is_nothing_to_report() -> None:
    """A camera that gave no frame has no percentiles, and no rate before it began."""
    assert Tally().report(SECOND) == {"fps": 0.0, "frames_dropped": 0}


def test_gaps_in_sequence_numbers_are_dropped_frames() -> None:
    """Of the frames 5 to 14 the camera showed ten; five were answered, five dropped."""
    tally = started()
    for seq in (5, 7, 8, 11, 14):
        tally.count(seen(seq), 2 * SECOND)
    assert tally.report(2 * SECOND)["frames_dropped"] == 5


def test_a_gap_between_two_reports_is_dropped_too() -> None:
    """Frames that are lost between the last frame of a report and the first of the next count for the next."""
    tally = started()
    tally.count(seen(1), 2 * SECOND)
    tally.report(2 * SECOND)
    tally.count(seen(11), 3 * SECOND)
    assert tally.report(3 * SECOND)["frames_dropped"] == 9


def test_frames_dropped_before_a_camera_restarted_stay_counted() -> None:
    """A camera loses nine frames of ten and restarts: the nine are still reported."""
    tally = started()
    for seq in (1, 11, 1, 2):
        tally.count(seen(seq), 2 * SECOND)
    assert tally.report(3 * SECOND)["frames_dropped"] == 9


def test_a_restarted_camera_counts_from_one_again() -> None:
    """Sequence numbers that start over are neither a gap nor a negative count."""
    tally = started()
    for seq in (100, 101, 1, 2, 3):
        tally.count(seen(seq), 2 * SECOND)
    assert tally.report(3 * SECOND)["frames_dropped"] == 0


def test_latency_is_from_exposure_to_decision() -> None:
    """Percentiles are in ms: of the model's run, and from the frame's exposure to now."""
    tally = started()
    tally.count(seen(1, captured_ns=SECOND, invoke_ms=3), SECOND + 25 * MS)
    stats = tally.report(2 * SECOND)
    assert stats["invoke_ms"] == {"p50": 3.0, "p95": 3.0, "p99": 3.0}
    assert stats["latency_ms"] == {"p50": 25.0, "p95": 25.0, "p99": 25.0}


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=300))
def test_percentiles_are_values_that_occurred_in_order(values: list[int]) -> None:
    """Each percentile is one of the values, and they rise."""
    found = percentiles(values)
    possible = {round(value / 1e6, 3) for value in values}
    assert {found["p50"], found["p95"], found["p99"]} <= possible
    assert min(possible) <= found["p50"] <= found["p95"] <= found["p99"] <= max(possible)


@given(st.lists(st.integers(1, 1000), max_size=60), st.integers(1, 100))
def test_a_report_never_holds_nonsense(seqs: list[int], seconds: int) -> None:
    """Whatever order sequence numbers come in, nothing negative is reported and every frame counts."""
    tally = started()
    for seq in seqs:
        tally.count(seen(seq), 2 * SECOND)
    stats = tally.report(SECOND + seconds * SECOND)
    assert stats["fps"] == round(len(seqs) / seconds, 2)
    assert stats.get("frames_dropped", 0) >= 0
    assert tally.total == len(seqs)


def test_one_hundred_values_have_the_ranks_of_the_textbook() -> None:
    """By nearest rank the 95th percentile of 1..100 is 95, give or take one rank."""
    found = percentiles([number * MS for number in range(1, 101)])
    assert found["p50"] == pytest.approx(50, abs=1)
    assert found["p95"] == pytest.approx(95, abs=1)
    assert found["p99"] == pytest.approx(99, abs=1)
