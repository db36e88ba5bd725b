"""How often a change of the same thing is told."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.domain.events import (
    ClassChanged,
    LabelsChanged,
    PolicyEvent,
    PresenceChanged,
    ReadingState,
    TextChanged,
    ValueChanged,
)
from edged.domain.predictions import Classification, LabelSet, Observation, Prediction, Ranked, Text
from edged.policy.camera import CameraPolicy
from edged.policy.regions import RegionsPolicy
from edged.policy.rules import CameraRules, LabelRule, ValueRule, default_interval_s
from tests.unit.policy_builders import FRAME_NS, gauge, kinds, labelled, only, ranked, read, run

RULES = CameraRules(
    LabelRule(0.5),
    values={"a": ValueRule(1, 1, "bar"), "b": ValueRule(1, 1)},
    text=LabelRule(0.5),
    event_interval_s=0.3,
)
"""An event every third frame at most."""


def camera(rules: CameraRules = RULES) -> CameraPolicy:
    return CameraPolicy("front", rules)


def told(policy: CameraPolicy, *frames: Observation) -> list[list[str]]:
    """What each frame caused, without states."""
    return [
        [word for word in words if "=" not in word and " O" not in word] for words in run(policy, *frames)
    ]


def test_a_calm_value_is_told_at_once() -> None:
    """The first change after an interval without one waits for nothing."""
    frames = [gauge(seq, a=value) for seq, value in enumerate([1, 1, 1, 1, 3, 3], 1)]
    assert told(camera(), *frames) == [["a 1 bar"], [], [], [], ["a 3 bar"], []]


def test_changes_within_the_interval_wait() -> None:
    """The frame that ends the interval tells the value as it is then, with its own frame, in event and state."""
    policy = camera()
    run(policy, *[gauge(seq, a=value) for seq, value in enumerate([1, 3, 5], 1)])
    event, state = policy.update(frame := gauge(4, a=7))
    assert event == ValueChanged("a", 7, "bar", frame)
    assert isinstance(state, ReadingState)
    assert (state.value, state.since_ns) == (7, 4 * FRAME_NS)
    assert told(policy, gauge(5, a=9), gauge(6, a=9)) == [[], []]


def test_what_came_back_is_not_told() -> None:
    """A value that is where it was when the interval ends has no event; one that differs by less neither."""
    frames = [gauge(seq, a=value) for seq, value in enumerate([1, 5, 5, 1, 5], 1)]
    assert told(camera(), *frames) == [["a 1 bar"], [], [], [], ["a 5 bar"]]


def test_the_last_value_is_told_though_no_other_comes() -> None:
    """Frames that give no number end the interval too: told is the value of the last frame that gave one."""
    policy = camera()
    assert told(policy, gauge(1, a=1), seen := gauge(2, a=5), gauge(3)) == [["a 1 bar"], [], []]
    event, state = policy.update(gauge(4, b=2))[:2]
    assert event == ValueChanged("a", 5, "bar", seen)
    assert state == ReadingState("front", "a", 5, 2 * FRAME_NS, 2 * FRAME_NS, unit="bar")
    assert told(policy, gauge(5), gauge(9)) == [[], []], "once is enough"


def test_each_value_and_region_has_an_interval_of_its_own() -> None:
    """A busy value does not hold back a calm one, nor a region another."""
    policy = camera()
    assert told(policy, gauge(1, a=1), gauge(2, a=3, b=1), gauge(3, a=5, b=3))[1:] == [["b 1 bar"], []]
    regions = RegionsPolicy("front", RULES, ("left", "right"))
    left, right = replace(gauge(1, a=1), region="left"), replace(gauge(2, a=3), region="right")
    assert kinds(regions.update(left)) == ["a 1 bar", "a=1"]
    assert kinds(regions.update(right)) == ["a 3 bar", "a=3"]


def test_what_waits_is_told_at_the_end() -> None:
    """A value that waits is told when its camera is lost or ends; then nothing does, and the next is told at once."""
    policy = camera()
    run(policy, gauge(1, a=1, b=1), gauge(2, a=5, b=1))
    assert kinds(policy.close("stopped", 3 * FRAME_NS)) == ["a 5 bar", "a=None", "b=None"]
    assert policy.close("stopped", 3 * FRAME_NS) == ()
    assert told(policy, gauge(4, a=6)) == [["a 6 bar"]]


def test_other_rules_keep_what_waits() -> None:
    """A reload begins no new interval; a shorter or longer one counts from what was told, a larger change is judged."""
    policy = camera()
    run(policy, gauge(1, a=1), gauge(2, a=5))
    assert policy.adopt(replace(RULES, event_interval_s=0.5), 2) == ()
    assert told(policy, gauge(4), gauge(5)) == [[], []]
    coarse = {"a": ValueRule(9, 1, "bar")}
    policy.adopt(replace(RULES, values=coarse, event_interval_s=0.5), 2)
    assert told(policy, gauge(6)) == [[]]
    policy.adopt(replace(RULES, event_interval_s=0.5), 2)
    assert told(policy, gauge(7)) == [["a 5 bar"]]


def test_a_flickering_text_is_told_at_the_interval() -> None:
    """Told is the text that is there when the interval ends; that it has gone waits too."""
    policy = camera()
    texts = ["12", "72", "12", "72", "72", "", "", ""]
    assert told(policy, *[read(seq, text) for seq, text in enumerate(texts, 1)]) == [
        ["text 12"], [], [], ["text 72"], [], [], ["text -"], []
    ]  # fmt: skip


def test_a_held_text_is_told_as_it_was_read() -> None:
    """One that cannot be read at the moment has the frame and score in which it last was, in event and state."""
    policy = camera(replace(RULES, text=LabelRule(0.5, hold_s=9)))
    run(policy, read(1, "12"), seen := read(2, "34", 0.7), read(3, ""))
    assert policy.update(read(4, "", 0.99)) == (
        TextChanged("34", 0.7, 0.5, seen),
        ReadingState("front", "text", "34", 2 * FRAME_NS, 2 * FRAME_NS, score=0.7),
    )


def test_a_text_ends_as_it_was_told() -> None:
    """At the end of a camera the text that was told goes; one that waited was never there, and nothing waits then."""
    policy = camera()
    run(policy, read(1, "12"), read(2, "34"))
    change, state = policy.close("camera_lost", 3 * FRAME_NS)
    assert isinstance(change, TextChanged)
    assert (change.text, change.observation.frame.seq) == ("", 1)
    assert kinds((state,)) == ["text=None"]
    assert told(policy, read(4, "34")) == [["text 34"]]


def test_a_class_that_waited_is_told_as_it_won() -> None:
    """Its event is of the last frame in which it was best, and what was best in between is never told."""
    policy = camera()
    run(policy, ranked(1, cat=0.9), ranked(2, fox=0.9), won := ranked(3, dog=0.9, cat=0.6))
    rival = CameraRules(LabelRule(0.5, confirm=(2, 2)), event_interval_s=0.3)
    policy.adopt(rival, 3)
    [change] = only(ClassChanged, policy.update(ranked(4, cat=0.9, dog=0.6)))
    assert ([entry.label for entry in change.top], change.observation) == (["dog", "cat"], won)


def test_a_class_that_was_not_told_leaves_nothing_to_end() -> None:
    """At the end of a camera the class that was told is let go of, as of the last frame in which it counted."""
    policy = camera()
    run(policy, ranked(1, cat=0.9), ranked(2, cat=0.9), ranked(3, dog=0.9))
    [change] = only(ClassChanged, policy.close("camera_lost", 4 * FRAME_NS))
    assert (change.top, change.observation.frame.seq) == ((), 2)
    assert told(policy, ranked(5, dog=0.9)) == [["class dog"]]


def test_presence_does_not_wait() -> None:
    """Labels turn ON and OFF as they come and go, while the event of the set waits for its turn."""
    frames = [labelled(1, wet=0.9), labelled(2, wet=0.9, dark=0.9), labelled(3), labelled(4)]
    assert run(camera(), *frames) == [
        ["labels wet", "wet ON 1"],
        ["dark ON 1"],
        ["wet OFF 0", "dark OFF 0"],
        ["labels -"],
    ]


def test_a_set_ends_at_once() -> None:
    """At the end of a camera nothing holds, whatever waited, and the next set is told at once."""
    policy = camera()
    run(policy, labelled(1, wet=0.9), labelled(2, wet=0.9, dark=0.9))
    assert kinds(policy.close("stopped", 3 * FRAME_NS))[0] == "labels -"
    assert told(policy, labelled(4, dark=0.9)) == [["labels dark"]]


def test_labels_that_left_the_rules_wait_too() -> None:
    """A reload within the interval is told by the frame that ends it."""
    policy = camera()
    run(policy, labelled(1, wet=0.9, dark=0.9))
    fewer = CameraRules(LabelRule(0.5), {"wet": LabelRule(0.5)}, event_interval_s=0.3)
    assert kinds(policy.adopt(fewer, 2)) == ["dark OFF 0"]
    assert told(policy, labelled(3, wet=0.9), labelled(4, wet=0.9)) == [[], ["labels wet"]]


def test_what_is_measured_has_an_interval_by_itself() -> None:
    """Values and areas may differ in every frame; a text, class or label is told at once unless the user says so."""
    tasks = ("value", "areas", "text", "classification", "labels")
    assert [default_interval_s(task) for task in tasks] == [5, 5, 0, 0, 0]


gaps = st.integers(1, 400)
"""Milliseconds from each frame to the next."""


@given(
    st.lists(st.tuples(gaps, st.floats(-10, 10) | st.none()), max_size=30),
    st.sampled_from([0.5, 5.0]),
    st.integers(1, 4),
    st.sampled_from([0, 150, 1000]),
)
def test_values_keep_their_distance_and_the_last_is_told(
    frames: list[tuple[int, float | None]], change: float, smooth: int, interval: int
) -> None:
    """Whatever comes when: no two events within an interval, and after it the last one told is within a change."""
    policy = camera(replace(RULES, values={"a": ValueRule(change, smooth)}, event_interval_s=interval / 1000))
    seen, now, told_at, last = list[float](), 0, -interval, None
    for seq, (gap, value) in enumerate(frames, 1):
        now += gap
        frame = gauge(seq, **({} if value is None else {"a": value}))
        if value is not None:
            seen.append(value)
        for event in only(ValueChanged, policy.update(_at(frame, now))):
            assert now - told_at >= interval
            told_at, last = now, event.value
        if seen and now - told_at >= interval:
            assert last is not None
            assert abs(_median(seen[-smooth:]) - last) <= change
    waiting = only(ValueChanged, policy.close("stopped", now * 10**6))
    if seen:
        final = waiting[0].value if waiting else last
        assert final is not None
        assert abs(_median(seen[-smooth:]) - final) <= change


def _at(frame: Observation, now_ms: int) -> Observation:
    return replace(frame, frame=replace(frame.frame, captured_ns=now_ms * 10**6))


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    return (ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2


def _ranked(kinds_of: type[Classification] | type[LabelSet], names: str) -> Prediction:
    return kinds_of(tuple(Ranked(name, 0, 0.9 - at / 10) for at, name in enumerate(names)))


def _says(events: tuple[PolicyEvent, ...]) -> list[str]:
    """What is there by each event of a class, a set or a text."""
    return [said for event in events if (said := _there(event)) is not None]


def _there(event: PolicyEvent) -> str | None:
    if isinstance(event, ClassChanged):
        return event.top[0].label if event.top else ""
    if isinstance(event, LabelsChanged):
        return "".join(sorted(entry.label for entry in event.top))
    return event.text if isinstance(event, TextChanged) else None


PREDICTIONS: dict[str, Callable[[str], Prediction]] = {
    "class": lambda names: _ranked(Classification, names),
    "labels": lambda names: _ranked(LabelSet, names),
    "text": lambda names: Text(names, 0.9),
}


@pytest.mark.parametrize("kind", PREDICTIONS)
@given(
    st.lists(st.tuples(gaps, st.sampled_from(["", "a", "b", "ab", "ba"])), max_size=30),
    st.sampled_from([(1, 1), (2, 3)]),
    st.sampled_from([0.0, 0.25]),
    st.sampled_from([150, 1000]),
)
def test_other_events_keep_their_distance_too(
    kind: str, frames: list[tuple[int, str]], confirm: tuple[int, int], hold_s: float, interval: int
) -> None:
    """With an interval the last event says, once it is over, what a camera without one has told last."""
    rule = LabelRule(0.5, confirm=confirm, hold_s=hold_s)
    plain = camera(CameraRules(rule, text=rule))
    paced = camera(CameraRules(rule, text=rule, event_interval_s=interval / 1000))
    now, told_at, last, wanted = 0, -interval, "", ""
    for seq, (gap, name) in enumerate(frames, 1):
        now += gap
        frame = _at(replace(read(seq, ""), prediction=PREDICTIONS[kind](name)), now)
        events = paced.update(frame)
        wanted = ([wanted, *_says(plain.update(frame))])[-1]
        for said in _says(events):
            assert now - told_at >= interval
            assert said != last
            told_at, last = now, said
        assert only(ReadingState, events) == [] or only(ReadingState, events)[0].value == last
        if now - told_at >= interval:
            assert last == wanted
    on = {event.label for event in only(PresenceChanged, plain.close("stopped", now * 10**6))}
    assert on == {event.label for event in only(PresenceChanged, paced.close("stopped", now * 10**6))}
