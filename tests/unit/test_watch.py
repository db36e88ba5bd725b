"""How many `frame` messages a camera may send."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edged.daemon.watch import Watch, WatchPlan
from edged.policy.camera import CameraPolicy
from edged.policy.rules import CameraRules, LabelRule

SECOND = 1_000_000_000


def watch(frame_max_fps: float | None) -> Watch:
    rules = CameraRules(default=LabelRule(0.5))
    return Watch(WatchPlan("front", rules, frame_max_fps), CameraPolicy("front", rules))


def sent(camera: Watch, times_ns: list[int]) -> list[int]:
    """The times at which a frame was let through."""
    return [at for at in times_ns if camera.frame_is_due(at)]


def test_without_a_cap_nothing_is_sent() -> None:
    """A camera that does not publish frames never has one due."""
    assert sent(watch(None), [0, SECOND, 10 * SECOND]) == []


def test_the_first_frame_is_sent_at_once() -> None:
    """A subscriber need not wait an interval for the first frame."""
    assert sent(watch(0.1), [5 * SECOND]) == [5 * SECOND]


def test_thirty_frames_a_second_are_thinned_to_five() -> None:
    """At 30 fps and a cap of 5 a second, ten seconds let 50 frames through, evenly."""
    times = [SECOND + number * SECOND // 30 for number in range(300)]
    passed = sent(watch(5), times)
    assert abs(len(passed) - 50) <= 1
    gaps = [later - earlier for earlier, later in pairwise(passed)]
    assert max(gaps) <= SECOND / 5 + SECOND / 30


def test_a_camera_slower_than_the_cap_loses_nothing() -> None:
    """Jitter of a camera that runs at the cap does not cost every other frame."""
    jitter = [0, 9, -8, 5, -9, 3, -2, 8, -7, 1] * 10
    times = [SECOND + (number * 200 + off) * 1_000_000 for number, off in enumerate(jitter)]
    assert len(sent(watch(5), times)) >= 95


def test_a_pause_is_not_made_up_for() -> None:
    """After an hour without frames they do not come in a burst."""
    camera = watch(2)
    assert sent(camera, [SECOND]) == [SECOND]
    hour = 3600 * SECOND
    passed = sent(camera, [hour + number * SECOND // 100 for number in range(100)])
    assert len(passed) <= 3


@given(
    st.floats(0.1, 240),
    st.lists(st.integers(0, 2 * SECOND), max_size=100),
)
def test_the_cap_holds_over_any_stretch(frame_max_fps: float, gaps: list[int]) -> None:
    """From any frame that was sent on, T seconds hold at most T times the cap, and two more."""
    times, now_ns = [], SECOND
    for gap in gaps:
        now_ns += gap
        times.append(now_ns)
    passed = sent(watch(frame_max_fps), times)
    for first, begin in enumerate(passed):
        for count, end in enumerate(passed[first:], start=1):
            assert count <= (end - begin) / SECOND * frame_max_fps * (1 + 1e-6) + 2
