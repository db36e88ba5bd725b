"""A whole frame's class over time."""

import pytest

from edged.domain.events import ClassChanged, PresenceChanged
from edged.policy.camera import CameraPolicy
from edged.policy.rules import CameraRules, LabelRule
from tests.unit.policy_builders import FRAME_NS, only, policy, ranked, run

CAT, DOG, FOX = {"cat": 0.9}, {"dog": 0.9}, {"fox": 0.9}
NOTHING = {"cat": 0.2, "dog": 0.1}


def told(camera: CameraPolicy, *frames: dict[str, float]) -> list[list[str]]:
    """What each frame caused, without presence."""
    all_told = run(camera, *[ranked(seq, **scores) for seq, scores in enumerate(frames, 1)])
    return [[word for word in words if word.startswith("class")] for words in all_told]


def test_a_change_is_told_once() -> None:
    """A new winner is told at its first frame and not again while it stays."""
    assert told(policy(), CAT, CAT, DOG, CAT) == [["class cat"], [], ["class dog"], ["class cat"]]


def test_a_change_carries_the_classes_that_count() -> None:
    """`top` holds the classes from their threshold up, best first, with the winner's threshold."""
    frame = ranked(1, cat=0.5, dog=0.75, fox=0.4999)
    [change] = only(ClassChanged, policy().update(frame))
    assert [entry.label for entry in change.top] == ["dog", "cat"]
    assert (change.threshold, change.observation) == (0.5, frame)


def test_nothing_above_threshold_yields_nothing() -> None:
    """A classifier that is sure of nothing causes no event."""
    assert run(policy(), ranked(1, **NOTHING), ranked(2)) == [[], []]


def test_the_winner_lapses_at_once_without_a_hold() -> None:
    """Without a hold the first frame in which nothing counts is told with an empty `top`, once."""
    camera = policy()
    assert told(camera, CAT, NOTHING, NOTHING) == [["class cat"], ["class -"], []]


def test_the_lapse_carries_the_frame_and_the_old_threshold() -> None:
    """An empty `top` names the frame in which nothing counted and the threshold that was missed."""
    camera, frame = policy(), ranked(2, **NOTHING)
    camera.update(ranked(1, **CAT))
    [change] = only(ClassChanged, camera.update(frame))
    assert (change.top, change.threshold, change.observation) == ((), 0.5, frame)


def test_a_hold_bridges_a_gap() -> None:
    """Within `hold_s` of its last frame the winner stays, and its return is no change."""
    camera = policy(hold_s=0.3)
    frames = [CAT, NOTHING, NOTHING, CAT, NOTHING, NOTHING, NOTHING]
    assert told(camera, *frames) == [["class cat"], [], [], [], [], [], ["class -"]]


def test_a_hold_does_not_delay_another_winner() -> None:
    """A confirmed other class takes over at once, whatever the hold."""
    assert told(policy(hold_s=60), CAT, DOG) == [["class cat"], ["class dog"]]


def test_a_winner_is_best_in_three_of_five() -> None:
    """With `confirm: [3, 5]` a class wins at its third best place within five frames."""
    assert told(policy(confirm=(3, 5)), CAT, DOG, CAT, DOG, CAT) == [[], [], [], [], ["class cat"]]


def test_one_winner_hands_over_to_the_next_without_a_gap() -> None:
    """While the next class is being confirmed the last one stays: no empty `top` in between."""
    frames = [CAT, CAT, CAT, DOG, DOG, DOG]
    assert told(policy(confirm=(3, 5)), *frames) == [[], [], ["class cat"], [], [], ["class dog"]]


def test_an_empty_frame_ends_even_a_confirmed_winner() -> None:
    """Without a hold one frame in which nothing counts ends the winner, though it has N of M still."""
    assert told(policy(confirm=(3, 5)), CAT, CAT, CAT, CAT, NOTHING)[4] == ["class -"]


def test_each_class_is_confirmed_by_its_own_rule() -> None:
    """A class that needs one frame wins at once, among others that need more."""
    rules = CameraRules(LabelRule(0.5), {"cat": LabelRule(0.5), "dog": LabelRule(0.5, confirm=(3, 5))})
    assert told(CameraPolicy("front", rules), DOG, DOG, CAT, DOG) == [[], [], ["class cat"], ["class dog"]]


def test_a_quarrel_of_others_ends_the_winner() -> None:
    """A winner that is gone does not stay for ever because others alternate without being confirmed."""
    frames = [CAT, CAT, CAT, DOG, FOX, {"cow": 0.9}, DOG, FOX]
    assert told(policy(confirm=(3, 5)), *frames)[3:] == [[], [], ["class -"], [], []]


def test_second_place_keeps_the_winner() -> None:
    """A winner that still counts, though no longer best, stays until another is confirmed."""
    frames = [CAT, CAT, *[{other: 0.9, "cat": 0.6} for other in ("dog", "fox", "dog", "fox")]]
    assert told(policy(confirm=(2, 2)), *frames) == [[], ["class cat"], [], [], [], []]


def test_presence_follows_the_winner() -> None:
    """The winner's label is ON with count 1, and the one before it OFF."""
    assert run(policy(), ranked(1, **CAT), ranked(2, **DOG), ranked(3)) == [
        ["class cat", "cat ON 1"],
        ["class dog", "cat OFF 0", "dog ON 1"],
        ["class -", "dog OFF 0"],
    ]


@pytest.mark.parametrize("confirm", [(1, 1), (2, 3)])
def test_a_close_lets_go_of_the_class(confirm: tuple[int, int]) -> None:
    """A close tells that no class holds, as of the last frame that showed it, and confirmation begins anew."""
    camera = policy(confirm=confirm, hold_s=9)
    run(camera, ranked(1, **CAT), ranked(2, **CAT), ranked(3))
    events = camera.close("camera_lost", 4 * FRAME_NS)
    [change], [state] = only(ClassChanged, events), only(PresenceChanged, events)
    assert (change.top, change.observation.frame.seq) == ((), 2)
    assert (state.label, state.on, state.since_ns, state.last_seen_ns) == (
        "cat",
        False,
        4 * FRAME_NS,
        2 * FRAME_NS,
    )
    assert camera.close("stopped", 5 * FRAME_NS) == ()
    again = run(camera, ranked(6, **CAT), ranked(7, **CAT))
    assert again.index(["class cat", "cat ON 1"]) == confirm[0] - 1
