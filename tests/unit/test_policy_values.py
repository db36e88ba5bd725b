"""The values of a whole frame over time."""

from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from edged.domain.events import ReadingState, ValueChanged
from edged.policy.camera import CameraPolicy
from edged.policy.rules import CameraRules, LabelRule, ValueRule
from tests.unit.policy_builders import FRAME_NS, gauge, kinds, only, run


def rules(**values: ValueRule) -> CameraRules:
    return CameraRules(LabelRule(0.5), values=values)


def camera(change: float = 0.1, smooth: int = 1) -> CameraPolicy:
    return CameraPolicy("front", rules(pressure=ValueRule(change, smooth, "bar")))


def told(policy: CameraPolicy, *values: float) -> list[list[str]]:
    """What each reading caused, without states."""
    every = run(policy, *[gauge(seq, pressure=value) for seq, value in enumerate(values, 1)])
    return [[word for word in words if "=" not in word] for words in every]


def test_a_value_is_told_at_first_and_when_it_changed_enough() -> None:
    """Small steps add up: what counts is the distance to what was told last, and a whole change is enough."""
    assert told(camera(), 1.0, 1.05, 1.09, 1.1, 1.15, 0.9) == [
        ["pressure 1 bar"], [], [], ["pressure 1.1 bar"], [], ["pressure 0.9 bar"]
    ]  # fmt: skip
    assert told(camera(0.05), 0.1, 0.15) == [["pressure 0.1 bar"], ["pressure 0.15 bar"]]


def test_one_wild_reading_is_smoothed_away() -> None:
    """The value is the median of the last three readings; of two it is their mean."""
    assert told(camera(smooth=3), 5.0, 5.0, 9.0, 5.0, 9.0, 9.0) == [
        ["pressure 5 bar"], [], [], [], ["pressure 9 bar"], []
    ]  # fmt: skip
    assert told(camera(smooth=3), 5.0, 6.0) == [["pressure 5 bar"], ["pressure 5.5 bar"]]


def test_each_value_is_judged_by_itself() -> None:
    """One that is missing in a frame, since it was no number, stays as it was; one without a rule is not told."""
    policy = CameraPolicy("front", rules(a=ValueRule(1, 1), b=ValueRule(1, 1)))
    assert kinds(policy.start(0)) == ["a=None", "b=None"]
    assert kinds(policy.update(gauge(1, a=1, b=1))) == ["a 1 bar", "a=1", "b 1 bar", "b=1"]
    assert kinds(policy.update(gauge(2, b=3, c=9))) == ["b 3 bar", "b=3"]
    assert kinds(policy.update(gauge(3, a=2.5))) == ["a 2.5 bar", "a=2.5"]


def test_events_and_states_carry_their_frame() -> None:
    """The event has its observation; the state says since when it holds and when it was seen."""
    policy, frame = camera(), gauge(7, pressure=2)
    [state] = only(ReadingState, policy.start(3))
    assert (state.value, state.since_ns, state.last_seen_ns, state.unit) == (None, 3, None, "bar")
    [change] = only(ValueChanged, events := policy.update(frame))
    assert change.observation is frame
    [state] = only(ReadingState, events)
    assert (state.value, state.since_ns, state.last_seen_ns) == (2, 7 * FRAME_NS, 7 * FRAME_NS)


def test_a_lost_camera_has_no_value() -> None:
    """The state loses its value once, with the time of the last frame, and the next reading is told again."""
    policy = camera(smooth=3)
    assert policy.close("camera_lost", 1) == ()
    run(policy, gauge(1, pressure=2), gauge(2, pressure=2))
    [state] = only(ReadingState, policy.close("camera_lost", 3 * FRAME_NS))
    assert (state.value, state.since_ns, state.last_seen_ns) == (None, 3 * FRAME_NS, 2 * FRAME_NS)
    assert policy.close("stopped", 4 * FRAME_NS) == ()
    assert kinds(policy.update(gauge(3, pressure=8))) == [], "a frame from before the end changes nothing"
    assert kinds(policy.update(gauge(5, pressure=8))) == ["pressure 8 bar", "pressure=8"]


def test_other_rules_do_not_tell_again() -> None:
    """What was told stays; a smaller change is then enough, and a value that is new has a state."""
    policy = camera(change=1, smooth=3)
    run(policy, gauge(1, pressure=2), gauge(2, pressure=2.5))
    finer = rules(pressure=ValueRule(0.1, 1, "bar"), flow=ValueRule(1))
    assert kinds(policy.adopt(finer, 3)) == ["flow=None"]
    assert kinds(policy.update(gauge(3, pressure=2.05))) == []
    assert kinds(policy.update(gauge(4, pressure=2.2))) == ["pressure 2.2 bar", "pressure=2.2"]


def test_a_longer_smoothing_keeps_the_readings() -> None:
    """A reload does not make the median start anew."""
    policy = camera(change=1, smooth=2)
    run(policy, gauge(1, pressure=2), gauge(2, pressure=2))
    policy.adopt(rules(pressure=ValueRule(1, 3, "bar")), 3)
    assert told(policy, 9.0) == [[]], "a frame that is not newer changes nothing"
    assert kinds(policy.update(gauge(5, pressure=9))) == []


@given(
    st.lists(st.floats(-100, 100) | st.none(), max_size=40),
    st.sampled_from([0.5, 5.0, 50.0]),
    st.integers(1, 6),
)
def test_what_is_told_is_never_far_from_the_median(
    readings: list[float | None], change: float, smooth: int
) -> None:
    """Whatever comes, the last value told lies within one change of the median of the last readings."""
    policy, seen, last = camera(change, smooth), list[float](), None
    for seq, reading in enumerate(readings, 1):
        events = policy.update(gauge(seq, **({} if reading is None else {"pressure": reading})))
        for event in only(ValueChanged, events):
            assert last is None or abs(event.value - last) >= change * 0.999999
            last = event.value
        for state in only(ReadingState, events):
            assert state.value == last
        if reading is not None:
            seen.append(reading)
        if seen:
            assert last is not None
            assert abs(median(seen[-smooth:]) - last) <= change * 1.000001
