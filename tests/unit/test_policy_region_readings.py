"""Values and texts of regions: each region reads by itself, from the start to the end and over a reload."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edged.domain.events import PolicyEvent, ReadingState, TextChanged, ValueChanged
from edged.domain.predictions import Observations, Prediction, Reading, Readings, Text
from edged.policy.camera import CameraPolicy
from edged.policy.regions import RegionsPolicy
from edged.policy.rules import CameraRules, LabelRule, ValueRule
from tests.unit.policy_builders import FRAME_NS, observe

REGIONS = ("one", "two")
HALF = LabelRule(0.5)
GAUGE = CameraRules(HALF, values={"oil": ValueRule(0.5, 1, "bar"), "air": ValueRule(0.5, 1)})
PLATE = CameraRules(HALF, text=HALF)


def frame(seq: int, *shown: Prediction) -> Observations:
    """What each region shows."""
    return tuple(
        replace(observe(seq, each), region=region) for region, each in zip(REGIONS, shown, strict=True)
    )


def oil(value: float) -> Readings:
    return Readings((Reading("oil", value, "bar"),))


def words(events: Sequence[PolicyEvent]) -> list[str]:
    """Events as words, with their regions."""
    return [_words(event) for event in events]


def _words(event: PolicyEvent) -> str:
    if isinstance(event, ReadingState):
        return f"{event.region}/{event.name}={event.value!r}"
    assert isinstance(event, ValueChanged | TextChanged)
    what = f"{event.name} {event.value:g}" if isinstance(event, ValueChanged) else f"text {event.text or '-'}"
    return f"{event.observation.region}: {what}"


def test_each_region_has_states_for_all_it_reads() -> None:
    """Before the first frame there is one for each value of each region; afterwards only what changes is told."""
    policy = RegionsPolicy("front", GAUGE, REGIONS)
    assert words(policy.start(0)) == ["one/oil=None", "one/air=None", "two/oil=None", "two/air=None"]
    assert words(policy.update(*frame(1, oil(1.0), oil(3.0)))) == [
        "one: oil 1", "one/oil=1.0", "two: oil 3", "two/oil=3.0"
    ]  # fmt: skip
    assert words(policy.update(*frame(2, oil(1.2), oil(4.0)))) == ["two: oil 4", "two/oil=4.0"]


def test_other_rules_hold_in_every_region() -> None:
    """After a reload each region goes on from what it told, by the new change; a new value starts as unknown."""
    policy = RegionsPolicy("front", GAUGE, REGIONS)
    policy.update(*frame(1, oil(1.0), oil(3.0)))
    rules = replace(GAUGE, values={"oil": ValueRule(5.0, 1, "bar"), "water": ValueRule(1.0, 1)})
    assert words(policy.adopt(rules, FRAME_NS)) == ["one/water=None", "two/water=None"]
    assert words(policy.update(*frame(2, oil(2.0), oil(8.0)))) == ["two: oil 8", "two/oil=8.0"]


def test_a_lost_camera_takes_every_reading_with_it() -> None:
    """What was told becomes null in each region, once; what comes back is told anew."""
    policy = RegionsPolicy("front", GAUGE, REGIONS)
    policy.update(*frame(1, oil(1.0), Readings(())))
    assert words(policy.close("camera_lost", 2 * FRAME_NS)) == ["one/oil=None"]
    assert words(policy.close("stopped", 3 * FRAME_NS)) == []
    assert words(policy.update(*frame(4, oil(1.0), Readings(())))) == ["one: oil 1", "one/oil=1.0"]


def test_texts_of_two_regions_are_two_texts() -> None:
    """The same text in another region is told for that one, and goes there alone."""
    policy = RegionsPolicy("front", PLATE, REGIONS)
    assert words(policy.start(0)) == ["one/text=None", "two/text=None"]
    same, nothing = Text("AB", 0.9), Text("", 0.9)
    assert words(policy.update(*frame(1, same, nothing))) == ["one: text AB", "one/text='AB'"]
    assert words(policy.update(*frame(2, same, same))) == ["two: text AB", "two/text='AB'"]
    assert words(policy.update(*frame(3, nothing, same))) == ["one: text -", "one/text=''"]
    assert words(policy.close("stopped", 4 * FRAME_NS)) == ["one/text=None", "two: text -", "two/text=None"]


shown = st.one_of(
    st.builds(oil, st.floats(0, 10)), st.builds(Text, st.sampled_from(["", "A", "B"]), st.floats(0, 1))
)


@given(st.lists(st.tuples(shown, shown), max_size=12), st.integers(1, 3))
def test_a_region_reads_what_it_would_alone(shows: list[tuple[Prediction, ...]], smooth: int) -> None:
    """Whatever the other one shows, its events and states are those of a camera that is nothing but it."""
    rules = CameraRules(
        HALF, values={"oil": ValueRule(0.5, smooth)}, text=LabelRule(0.5, confirm=(smooth, 3), hold_s=0.15)
    )
    policy = RegionsPolicy("front", rules, REGIONS)
    alone = [CameraPolicy("front", rules, region=region) for region in REGIONS]
    for seq, each in enumerate(shows, start=1):
        observations = frame(seq, *each)
        wanted = [event for one, seen in zip(alone, observations, strict=True) for event in one.update(seen)]
        assert list(policy.update(*observations)) == wanted
    ends = [event for one in alone for event in one.close("stopped", 99 * FRAME_NS)]
    assert list(policy.close("stopped", 99 * FRAME_NS)) == ends
