"""The state of each label."""

from edged.domain.events import PresenceChanged
from edged.policy.camera import CameraPolicy
from edged.policy.presence import Presence, Sighting
from edged.policy.rules import CameraRules, LabelRule
from tests.unit.policy_builders import FRAME_NS, LEFT, RIGHT, found, item, only, policy, run


def test_every_configured_label_begins_off() -> None:
    """Before the first frame each configured label has an OFF state that was never seen."""
    rules = CameraRules(LabelRule(0.5), {"person": LabelRule(0.5), "cat": LabelRule(0.5)})
    assert CameraPolicy("front", rules).start(7) == (
        PresenceChanged("front", "person", False, 0, 0.0, 7, None),
        PresenceChanged("front", "cat", False, 0, 0.0, 7, None),
    )


def test_unlisted_labels_have_no_state_before_they_appear() -> None:
    """Where every label of the model is reported none has a state at the start."""
    assert policy().start(7) == ()


def test_on_carries_the_best_score_and_the_count() -> None:
    """ON tells how many there are and the best of their latest scores."""
    for left, right in ((0.6, 0.9), (0.9, 0.6)):
        events = policy().update(found(1, item(score=left), item(score=right, box=RIGHT)))
        assert events[2] == PresenceChanged("front", "person", True, 2, 0.9, FRAME_NS, FRAME_NS)


def test_a_new_score_is_not_a_change() -> None:
    """While count and state stay nothing is told, however the score moves."""
    assert run(policy(), *[found(n, item(score=0.5 + n / 10)) for n in range(1, 5)])[1:] == [[]] * 3


def test_a_new_count_leaves_since_alone() -> None:
    """A second object changes the count; `since` stays the time of the first."""
    camera = policy()
    camera.update(found(1, item()))
    [state] = only(PresenceChanged, camera.update(found(2, item(), item(box=RIGHT))))
    assert (state.count, state.since_ns, state.last_seen_ns) == (2, FRAME_NS, 2 * FRAME_NS)


def test_off_tells_when_it_was_last_seen() -> None:
    """OFF counts from the frame that ended the hold, and names the last frame that showed the label."""
    camera = policy(hold_s=0.2)
    run(camera, found(1, item()), found(2, item()), found(3))
    state = camera.update(found(4))[-1]
    assert state == PresenceChanged("front", "person", False, 0, 0.0, 4 * FRAME_NS, 2 * FRAME_NS)


def test_one_goes_and_another_comes_is_no_change() -> None:
    """An object replaced by another of its label in the same frame leaves the state as it is."""
    assert run(policy(), found(1, item(box=LEFT)), found(2, item(box=RIGHT)))[1] == ["end 1 gone", "start 2"]


def test_a_held_object_still_counts() -> None:
    """During its hold an object is there: another that appears makes two."""
    told = run(policy(hold_s=5), found(1, item(box=LEFT)), found(2, item(box=RIGHT)))
    assert told[1] == ["start 2", "person ON 2"]


def test_labels_do_not_mix() -> None:
    """Each label has a state of its own; what went is told before what came."""
    told = run(policy(), found(1, item("cat"), item("dog")), found(2, item("dog"), item("fox")))
    assert told == [
        ["start 1", "start 2", "cat ON 1", "dog ON 1"],
        ["end 1 gone", "start 3", "cat OFF 0", "fox ON 1"],
    ]


def test_the_same_sightings_twice_change_nothing() -> None:
    """Presence tells differences alone."""
    presence = Presence("front")
    there = {"cat": Sighting(1, 0.9, 5)}
    assert len(presence.update(there, 5)) == 1
    assert presence.update(there, 6) == ()
    assert presence.update({}, 7) == (PresenceChanged("front", "cat", False, 0, 0.0, 7, 5),)
    assert presence.update({}, 8) == ()
