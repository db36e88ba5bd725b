"""A camera of which regions are judged: each by itself, its labels together."""

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
    TrackEnded,
    TrackStarted,
)
from edged.domain.predictions import Observation, Observations
from edged.policy.camera import CameraPolicy
from edged.policy.regions import RegionsPolicy
from edged.policy.rules import CameraRules, LabelRule
from tests.unit.policy_builders import FRAME_NS, LEFT, RIGHT, found, item, kinds, labelled, only, ranked

REGIONS = ("one", "two", "three")
HALF = LabelRule(0.5)


def camera(rule: LabelRule = HALF, *labels: str, first_track: int = 1) -> RegionsPolicy:
    """Three regions, where one rule holds for every label, or for these."""
    return RegionsPolicy("front", CameraRules(rule, dict.fromkeys(labels, rule)), REGIONS, first_track)


def frame(*observations: Observation) -> Observations:
    """One frame: what each region shows, in their order."""
    return tuple(replace(each, region=region) for each, region in zip(observations, REGIONS, strict=True))


def told(event: PolicyEvent) -> tuple[str, str]:
    """The region that an event is about, and the event as a word."""
    assert not isinstance(event, PresenceChanged | ReadingState)
    return event.observation.region, kinds((event,))[0]


def test_each_region_has_a_class_of_its_own() -> None:
    """Five digits of a counter: only the one that changes is told, with its region."""
    policy = camera(LabelRule(0.5, confirm=(1, 2)))
    first = policy.update(*frame(ranked(1, a=0.9), ranked(1, b=0.9), ranked(1, a=0.8)))
    assert [told(each) for each in only(ClassChanged, first)] == [
        ("one", "class a"),
        ("two", "class b"),
        ("three", "class a"),
    ]
    second = policy.update(*frame(ranked(2, a=0.9), ranked(2, c=0.9), ranked(2, a=0.8)))
    assert [told(each) for each in only(ClassChanged, second)] == [("two", "class c")]


def test_presence_is_the_sum_of_the_regions() -> None:
    """A label is counted over all regions, with the best of their scores, and goes with the last that shows it."""
    policy = camera()
    (state,) = only(PresenceChanged, policy.update(*frame(ranked(1, a=0.7), ranked(1, a=0.9), ranked(1))))
    assert (state.label, state.on, state.count, state.score) == ("a", True, 2, 0.9)
    assert kinds(policy.update(*frame(ranked(2, a=0.7), ranked(2, a=0.9), ranked(2)))) == []
    events = policy.update(*frame(ranked(3), ranked(3, a=0.6), ranked(3)))
    assert kinds(events) == ["class -", "a ON 1"]
    (state,) = only(PresenceChanged, events)
    assert (state.score, state.since_ns) == (0.6, FRAME_NS)
    assert kinds(policy.update(*frame(ranked(4), ranked(4), ranked(4)))) == ["class -", "a OFF 0"]


def test_labels_and_objects_are_summed_too() -> None:
    """The same holds for labels that stand each for itself, and for objects: two here and one there are three."""
    events = camera().update(*frame(labelled(1, wet=0.9), labelled(1), labelled(1, wet=0.6, hot=0.9)))
    assert len(only(LabelsChanged, events)) == 2
    assert kinds(tuple(only(PresenceChanged, events))) == ["wet ON 2", "hot ON 1"]
    seen = camera().update(*frame(found(1, item(), item(box=RIGHT)), found(1), found(1, item())))
    assert kinds(tuple(only(PresenceChanged, seen))) == ["person ON 3"]


def test_tracks_are_numbered_through_the_camera() -> None:
    """No two objects of a camera share a number, whichever region they are in and whenever they come."""
    policy = camera(first_track=7)
    first = policy.update(*frame(found(1, item()), found(1), found(1, item(), item(box=RIGHT))))
    assert [told(each) for each in only(TrackStarted, first)] == [
        ("one", "start 7"),
        ("three", "start 8"),
        ("three", "start 9"),
    ]
    second = policy.update(*frame(found(2, item(), item(box=RIGHT)), found(2, item()), found(2)))
    assert [told(each) for each in only(TrackStarted, second)] == [("one", "start 10"), ("two", "start 11")]
    assert policy.next_track == 12
    assert [told(each) for each in only(TrackEnded, second)] == [
        ("three", "end 8 gone"),
        ("three", "end 9 gone"),
    ]


def test_an_object_is_not_followed_from_one_region_into_another() -> None:
    """The same box in another region is another object."""
    policy = camera()
    policy.update(*frame(found(1, item(box=LEFT)), found(1), found(1)))
    events = policy.update(*frame(found(2), found(2, item(box=LEFT)), found(2)))
    assert kinds(events) == ["end 1 gone", "start 2"]


def test_configured_labels_begin_off() -> None:
    """One OFF state a label, not one a region."""
    assert kinds(camera(HALF, "a", "b").start(1)) == ["a OFF 0", "b OFF 0"]
    assert camera().start(1) == ()


def test_closing_ends_everything_once() -> None:
    """A lost camera ends the objects of every region and turns each label OFF once; what was under way is ignored."""
    policy = camera()
    policy.update(*frame(found(1, item()), found(1), found(1, item())))
    assert kinds(policy.close("camera_lost", 2 * FRAME_NS)) == [
        "end 1 camera_lost",
        "end 2 camera_lost",
        "person OFF 0",
    ]
    assert policy.update(*frame(found(1, item()), found(1, item()), found(1, item()))) == ()
    again = policy.update(*frame(found(3, item()), found(3), found(3)))
    assert kinds(again) == ["start 3", "person ON 1"]
    assert policy.close("stopped", 9 * FRAME_NS)
    assert policy.close("stopped", 9 * FRAME_NS) == ()


def test_other_rules_are_adopted_by_every_region() -> None:
    """What is still reported lives on in its region, the rest ends, and a new label is OFF."""
    policy = camera()
    policy.update(*frame(found(1, item("cat")), found(1, item("dog")), found(1, item("cat"))))
    rules = CameraRules(LabelRule(0.5), {"cat": LabelRule(0.5), "cow": LabelRule(0.5)})
    assert kinds(policy.adopt(rules, 2 * FRAME_NS)) == ["end 2 stopped", "dog OFF 0", "cow OFF 0"]
    events = policy.update(*frame(found(3, item("cat")), found(3, item("dog")), found(3, item("cat"))))
    assert events == ()


def test_an_old_frame_changes_nothing() -> None:
    """A frame that comes again, or late, is not judged."""
    policy = camera()
    frames = frame(ranked(2, a=0.9), ranked(2), ranked(2))
    assert policy.update(*frames)
    assert policy.update(*frames) == ()
    assert policy.update(*frame(ranked(1), ranked(1), ranked(1))) == ()


scores = st.dictionaries(st.sampled_from("abc"), st.floats(0, 1), max_size=3)


@given(st.lists(st.tuples(scores, scores, scores), max_size=12), st.sampled_from([(1, 1), (2, 3)]))
def test_each_region_tells_what_it_would_tell_alone(
    shows: list[tuple[dict[str, float], ...]], confirm: tuple[int, int]
) -> None:
    """Whatever the others show, a region's events are those of a camera that is nothing but this region."""
    rule = LabelRule(0.5, confirm=confirm, hold_s=0.15)
    policy = camera(rule)
    alone = {region: CameraPolicy("front", CameraRules(rule)) for region in REGIONS}
    counts: dict[str, int] = {}
    for seq, each in enumerate(shows, start=1):
        observations = frame(*(ranked(seq, **part) for part in each))
        events = policy.update(*observations)
        for observation in observations:
            own = [event for event in events if not isinstance(event, PresenceChanged | ReadingState)]
            wanted = alone[observation.region].update(observation)
            assert [event for event in own if event.observation.region == observation.region] == [
                event for event in wanted if not isinstance(event, PresenceChanged)
            ]
        counts |= {state.label: state.count for state in only(PresenceChanged, events)}
        summed = [label for region in alone.values() for label in region.sightings()]
        assert {label: count for label, count in counts.items() if count} == {
            label: summed.count(label) for label in summed
        }


@pytest.mark.parametrize("score", [0.49, 0.51])
def test_one_region_is_a_camera(score: float) -> None:
    """A camera with one region tells what a camera without any tells."""
    rules = CameraRules(LabelRule(0.5))
    plain, one = CameraPolicy("front", rules), RegionsPolicy("front", rules, ["one"])
    observation = replace(ranked(1, a=score), region="one")
    assert plain.update(observation) == one.update(observation)
