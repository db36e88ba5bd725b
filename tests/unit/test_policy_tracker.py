"""Objects over time: matching, confirmation, hold."""

from hypothesis import given
from hypothesis import strategies as st

from edged.domain.events import TrackEnded, TrackStarted
from edged.domain.geometry import Box
from edged.domain.predictions import Detection
from edged.policy.matching import match
from edged.policy.rules import CameraRules, LabelRule
from edged.policy.tracker import Tracker
from tests.unit.policy_builders import FRAME_NS, LEFT, RIGHT, found, item, only, policy, run


def shifted(by: float) -> Box:
    return Box(LEFT.x + by, LEFT.y, LEFT.w, LEFT.h)


def test_the_largest_overlap_pairs_first() -> None:
    """A detection goes to the object it overlaps most, and the rest make do with what is left."""
    known = [item(box=shifted(0.0)), item(box=shifted(0.1))]
    assert match(known, [item(box=shifted(0.08)), item(box=shifted(0.15))], 0.3) == {1: 0}
    assert match(known, [item(box=shifted(0.02)), item(box=shifted(0.09))], 0.1) == {0: 0, 1: 1}


def test_equal_overlaps_go_by_score_then_by_age() -> None:
    """Among equal overlaps the higher score pairs first, and with the object known longer."""
    assert match([item()], [item(score=0.6), item(score=0.9)], 0.3) == {0: 1}
    assert match([item(), item()], [item()], 0.3) == {0: 0}


def test_only_equal_labels_that_overlap_enough_pair() -> None:
    """Other labels, too small an overlap and boxes that merely touch never pair."""
    assert match([item("cat")], [item("dog")], 0.3) == {}
    half = Box(LEFT.x, LEFT.y, LEFT.w, LEFT.h / 2)
    assert match([item()], [item(box=half)], 0.5) == {0: 0}
    assert match([item()], [item(box=half)], 0.51) == {}
    assert match([item()], [item(box=shifted(LEFT.w))], 0.0) == {}


places = st.sampled_from([0.0, 0.125, 0.25, 0.375])
boxes = st.builds(Box, places, places, st.just(0.25), st.just(0.5))
items = st.lists(
    st.builds(item, st.sampled_from(["cat", "dog"]), st.sampled_from([0.5, 0.75]), boxes), max_size=6
)


@given(items, items, st.sampled_from([0.0, 0.3, 1.0]))
def test_a_match_is_one_to_one_and_complete(known: list[Detection], new: list[Detection], iou: float) -> None:
    """No two share a partner, every pair may pair, and nobody who could still pair is left over."""
    pairs = match(known, new, iou)
    assert len(set(pairs.values())) == len(pairs)
    for old, before in enumerate(known):
        for fresh, after in enumerate(new):
            overlap = before.box.overlap(after.box)
            may = before.label == after.label and overlap > 0 and overlap >= iou
            assert may or pairs.get(old) != fresh
            assert not may or old in pairs or fresh in pairs.values()


def test_one_sighting_is_enough_by_default() -> None:
    """Without confirmation an object starts at its first frame and ends at the first without it."""
    assert run(policy(), found(1, item()), found(2), found(3)) == [
        ["start 1", "person ON 1"],
        ["end 1 gone", "person OFF 0"],
        [],
    ]


def test_three_of_five_starts_at_the_third_sighting() -> None:
    """With `confirm: [3, 5]` the third sighting within five frames starts the object, once."""
    frames = [found(1, item()), found(2), found(3, item()), found(4), found(5, item()), found(6, item())]
    told = run(policy(confirm=(3, 5), hold_s=1), *frames)
    assert told == [[], [], [], [], ["start 1", "person ON 1"], []]


def test_too_few_sightings_are_never_told() -> None:
    """What shows up in fewer than N of M frames causes no event at all."""
    frames = [found(seq, *([item()] if seq % 3 == 0 else [])) for seq in range(1, 60)]
    assert not any(run(policy(confirm=(3, 5)), *frames))


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 6), st.integers(0, 4))
def test_confirmation_is_exactly_n_of_the_last_m(seen: list[bool], needed: int, spare: int) -> None:
    """An object that stands still starts at the very first frame that makes N of the last M."""
    frames = needed + spare
    camera = policy(confirm=(needed, frames), hold_s=1000)
    told = run(camera, *[found(seq, *([item()] if hit else [])) for seq, hit in enumerate(seen, 1)])
    started = [index for index, events in enumerate(told) if "start 1" in events]
    naive = [i for i in range(len(seen)) if sum(seen[max(0, i - frames + 1) : i + 1]) >= needed]
    assert started == naive[:1]


def test_a_hold_bridges_a_gap() -> None:
    """With `hold_s: 0.3` an object unseen for less than that stays the same object, without any event."""
    frames = [found(1, item()), found(2), found(3), found(4, item()), found(5), found(6), found(7)]
    told = run(policy(hold_s=0.3), *frames)
    assert told == [["start 1", "person ON 1"], [], [], [], [], [], ["end 1 gone", "person OFF 0"]]


def test_a_hold_is_measured_in_capture_time() -> None:
    """One late frame ends a hold as well as many early ones do."""
    assert run(policy(hold_s=0.3), found(1, item()), found(4))[1] == ["end 1 gone", "person OFF 0"]


def test_an_end_tells_of_the_last_sighting() -> None:
    """The end carries the last box and frame seen, the best score, and the times of both ends."""
    camera = policy(confirm=(2, 2), hold_s=0.2, threshold=0.25)
    seen = [found(n, item(score=s)) for n, s in enumerate((0.9, 0.5, 0.7), 1)]
    run(camera, *seen, found(4))
    [ended] = only(TrackEnded, camera.update(found(5)))
    assert (ended.observation, ended.detection) == (seen[2], item(score=0.7))
    assert (ended.best_score, ended.threshold, ended.reason) == (0.9, 0.25, "gone")
    assert (ended.started_ns, ended.ended_ns) == (2 * FRAME_NS, 3 * FRAME_NS)


def test_a_start_tells_of_the_frame_that_confirmed() -> None:
    """The start carries the detection and the frame that made N of M, and the threshold in force."""
    camera = policy(confirm=(2, 2))
    camera.update(found(1, item(score=0.9)))
    second = found(2, item(score=0.6))
    started = camera.update(second)[0]
    assert started == TrackStarted(1, item(score=0.6), 0.5, (), second)


def test_a_moving_object_stays_one() -> None:
    """An object that moves by a fraction of its width each frame is one track all the way."""
    frames = [found(n, item(box=shifted(n * 0.05))) for n in range(1, 10)]
    assert run(policy(), *frames) == [["start 1", "person ON 1"], *[[]] * 8]


def test_numbers_count_up_from_the_first_and_are_not_used_again() -> None:
    """Only objects that start get a number, the next one each; a successor goes on where this one ended."""
    camera = policy(first_track=41)
    run(camera, found(1, item()), found(2), found(3, item(), item(box=RIGHT)))
    assert camera.next_track == 44
    strict = policy(confirm=(2, 3))
    assert run(strict, found(1, item("cat")), found(2, item()), found(3, item()))[2] == [
        "start 1",
        "person ON 1",
    ]


def test_each_label_has_its_own_rule() -> None:
    """Confirmation and hold are those of the object's label."""
    rules = CameraRules(LabelRule(0.5), {"cat": LabelRule(0.5, confirm=(2, 2)), "dog": LabelRule(0.5)})
    tracker = Tracker(rules, 1)
    pets = (item("cat"), item("dog"))
    both, again = found(1, *pets), found(2, *pets)
    assert [event.detection.label for event in tracker.update(both, pets)] == ["dog"]
    assert [event.detection.label for event in tracker.update(again, pets)] == ["cat"]


def test_unjudged_objects_are_forgotten_at_close() -> None:
    """What was not confirmed before a close does not count towards confirmation after it."""
    camera = policy(confirm=(2, 2))
    assert run(camera, found(1, item())) == [[]]
    assert camera.close("camera_lost", FRAME_NS) == ()
    assert run(camera, found(2, item()), found(3, item())) == [[], ["start 1", "person ON 1"]]
