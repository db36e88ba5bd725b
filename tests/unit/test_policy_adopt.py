"""Rules that change while a camera runs: what lives on, what ends, what is announced."""

from hypothesis import given
from hypothesis import strategies as st

from edged.domain.events import ClassChanged, PolicyEvent, PresenceChanged, TrackEnded, TrackStarted
from edged.policy.camera import CameraPolicy
from edged.policy.rules import CameraRules, LabelRule, Zone
from tests.unit.policy_builders import FRAME_NS, RIGHT, found, item, only, ranked

CAT_AND_DOG = CameraRules(LabelRule(0.5), {"cat": LabelRule(0.5), "dog": LabelRule(0.5)})
ALL = CameraRules(LabelRule(0.5))
LATER_NS = 100 * FRAME_NS


def states(events: tuple[PolicyEvent, ...]) -> dict[str, bool]:
    """The states that were told, by label."""
    return {each.label: each.on for each in events if isinstance(each, PresenceChanged)}


def seen(rules: CameraRules, *labels: str) -> CameraPolicy:
    """A camera that shows an object of each label."""
    policy = CameraPolicy("front", rules)
    policy.start(0)
    policy.update(found(1, *(item(label) for label in labels)))
    return policy


def test_an_object_whose_label_stays_lives_on() -> None:
    """Another threshold neither ends a track nor starts it again; its end has the new threshold."""
    policy = seen(CAT_AND_DOG, "cat")
    assert policy.adopt(CameraRules(LabelRule(0.5), {"cat": LabelRule(0.6)}), LATER_NS) == ()
    assert policy.update(found(2, item("cat"))) == ()
    (ended,) = only(TrackEnded, policy.update(found(3)))
    assert (ended.track, ended.reason, ended.threshold) == (1, "gone", 0.6)


def test_an_object_below_the_new_threshold_goes_with_the_next_frame() -> None:
    """What no longer counts ends as if it had left, after the hold of the new rule."""
    policy = seen(CAT_AND_DOG, "cat")
    policy.adopt(CameraRules(LabelRule(0.5), {"cat": LabelRule(0.9, hold_s=0.1)}), LATER_NS)
    assert [each.reason for each in only(TrackEnded, policy.update(found(2, item("cat", 0.75))))] == ["gone"]


def test_a_label_that_is_taken_away_ends_at_once() -> None:
    """Its tracks end as stopped, and its state goes OFF; the other label is untouched."""
    policy = seen(CAT_AND_DOG, "cat", "dog")
    events = policy.adopt(CameraRules(LabelRule(0.5), {"cat": LabelRule(0.5)}), LATER_NS)
    assert [(each.detection.label, each.reason) for each in only(TrackEnded, events)] == [("dog", "stopped")]
    assert states(events) == {"dog": False}
    assert policy.update(found(2, item("cat"), item("dog", box=RIGHT))) == ()


def test_a_new_label_is_announced() -> None:
    """It is OFF before the first frame that could show it, and starts as usual."""
    policy = seen(CAT_AND_DOG, "cat", "fox")
    events = policy.adopt(
        CameraRules(LabelRule(0.5), {**CAT_AND_DOG.labels, "fox": LabelRule(0.5)}), LATER_NS
    )
    assert states(events) == {"fox": False}
    assert len(events) == 1
    assert states(policy.update(found(2, item("cat"), item("fox", box=RIGHT)))) == {"fox": True}


def test_from_every_label_to_some() -> None:
    """A label that is there stays ON when it becomes one of the configured ones."""
    policy = seen(ALL, "cat", "cow")
    assert states(policy.adopt(CAT_AND_DOG, LATER_NS)) == {"cow": False, "dog": False}


def test_what_was_not_confirmed_is_counted_anew() -> None:
    """Two sightings of three before the change do not count after it."""
    slow = CameraRules(LabelRule(0.5, confirm=(3, 5)))
    policy = CameraPolicy("front", slow)
    for seq in (1, 2):
        policy.update(found(seq, item("cat")))
    policy.adopt(CameraRules(LabelRule(0.6, confirm=(2, 2))), LATER_NS)
    assert only(TrackStarted, policy.update(found(3, item("cat")))) == []
    assert len(only(TrackStarted, policy.update(found(4, item("cat"))))) == 1


def test_new_zones_show_at_the_end() -> None:
    """An object that stands in a new zone says so when it goes."""
    policy = seen(ALL, "cat")
    everywhere = Zone("drive", ((0, 0), (1, 0), (1, 1), (0, 1)))
    policy.adopt(CameraRules(LabelRule(0.5), zones=(everywhere,)), LATER_NS)
    (ended,) = only(TrackEnded, policy.update(found(2)))
    assert ended.zones == ("drive",)


def test_a_class_that_stays_is_not_told_again() -> None:
    """The winner of the whole frame goes on under its new rule."""
    policy = CameraPolicy("front", CAT_AND_DOG)
    policy.update(ranked(1, cat=0.9))
    assert policy.adopt(CameraRules(LabelRule(0.5), {"cat": LabelRule(0.8)}), LATER_NS) == ()
    assert policy.update(ranked(2, cat=0.9)) == ()
    (changed,) = only(ClassChanged, policy.update(ranked(3, cat=0.7)))
    assert (changed.top, changed.threshold) == ((), 0.8)


def test_a_class_that_is_taken_away_ends_at_once() -> None:
    """Nothing has won then, and its label is OFF."""
    policy = CameraPolicy("front", CAT_AND_DOG)
    policy.update(ranked(1, cat=0.9))
    events = policy.adopt(CameraRules(LabelRule(0.5), {"dog": LabelRule(0.5)}), LATER_NS)
    assert [each.top for each in only(ClassChanged, events)] == [()]
    assert states(events) == {"cat": False}


labels = st.sampled_from(["cat", "dog", "fox"])
rules = st.builds(
    CameraRules,
    st.builds(LabelRule, st.sampled_from([0.25, 0.5, 0.75])),
    st.dictionaries(labels, st.builds(LabelRule, st.sampled_from([0.25, 0.5]), confirm=st.just((1, 2)))),
)


@given(rules, st.lists(st.one_of(rules, st.lists(labels, unique=True, max_size=3)), max_size=12))
def test_every_track_that_starts_ends_once_whatever_changes(
    first: CameraRules, steps: list[CameraRules | list[str]]
) -> None:
    """Over any changes of rules the open tracks are those that started and did not end, and states agree."""
    policy = CameraPolicy("front", first)
    open_tracks: dict[int, str] = {}
    on: dict[str, bool] = {}
    for seq, step in enumerate(steps, start=1):
        if isinstance(step, CameraRules):
            events = policy.adopt(step, seq * FRAME_NS)
        else:
            events = policy.update(found(seq, *(item(label) for label in step)))
        for event in events:
            if isinstance(event, TrackStarted):
                assert event.track not in open_tracks
                open_tracks[event.track] = event.detection.label
            elif isinstance(event, TrackEnded):
                del open_tracks[event.track]
        on.update(states(events))
        assert {label for label, there in on.items() if there} == set(open_tracks.values())
