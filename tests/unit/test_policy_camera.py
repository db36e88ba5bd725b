"""A camera's policy as a whole: what always holds, whatever the frames show."""

import timeit
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edged.domain.events import PolicyEvent, PresenceChanged, TrackEnded, TrackStarted
from edged.domain.geometry import Box
from edged.domain.predictions import Detection, Detections
from edged.policy.camera import CameraPolicy
from edged.policy.rules import CameraRules, LabelRule
from tests.unit.policy_builders import FRAME_NS, RIGHT, found, item, kinds, observe, only, policy, ranked, run

RULES = CameraRules(
    LabelRule(0.5),
    {
        "cat": LabelRule(0.5),
        "dog": LabelRule(0.75, confirm=(2, 4), hold_s=0.3),
        "fox": LabelRule(0.5, min_area=0.1, hold_s=1),
    },
)
places = st.sampled_from([0.0, 0.125, 0.5])
detections = st.builds(
    item,
    st.sampled_from(["cat", "dog", "fox", "cow"]),
    st.sampled_from([0.25, 0.5, 0.75, 1.0]),
    st.builds(Box, places, places, st.just(0.5), st.sampled_from([0.125, 0.5])),
)
scenes = st.lists(detections, max_size=5)
steps_ns = st.sampled_from([FRAME_NS, 3 * FRAME_NS, 20 * FRAME_NS])


class Story(RuleBasedStateMachine):
    """A camera that shows anything, is lost and comes back, beside a plain count of what it told."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = CameraPolicy("front", RULES, first_track=5)
        self.seq, self.now_ns = 0, 0
        self.open: dict[int, str] = {}
        self.numbers: list[int] = []
        self.counts: Counter[str] = Counter()

    @rule(scene=scenes, step_ns=steps_ns)
    def frame(self, scene: list[Detection], step_ns: int) -> None:
        """The camera shows something later."""
        self.seq, self.now_ns = self.seq + 1, self.now_ns + step_ns
        self.take(self.policy.update(observe(self.seq, Detections(tuple(scene)), self.now_ns)))

    @precondition(lambda self: self.now_ns > 0)
    @rule(scene=scenes, back=st.integers(1, 5))
    def late_frame(self, scene: list[Detection], back: int) -> None:
        """A frame arrives out of order: nothing happens."""
        late = observe(self.seq, Detections(tuple(scene)), self.now_ns - back)
        assert self.policy.update(late) == ()

    @rule(restart=st.booleans())
    def close(self, restart: bool) -> None:
        """The camera is lost; it may count anew afterwards."""
        self.now_ns += 1
        self.take(self.policy.close("camera_lost", self.now_ns))
        assert not self.open
        assert not +self.counts
        assert self.policy.close("stopped", self.now_ns) == ()
        self.seq = 0 if restart else self.seq

    def take(self, events: tuple[PolicyEvent, ...]) -> None:
        """Checks each event against what was told before."""
        for event in events:
            if isinstance(event, TrackStarted):
                self.numbers.append(event.track)
                self.open[event.track] = event.detection.label
            elif isinstance(event, TrackEnded):
                assert self.open.pop(event.track) == event.detection.label
                assert event.threshold <= event.detection.score <= event.best_score
                assert event.started_ns <= event.ended_ns <= self.now_ns
            elif isinstance(event, PresenceChanged):
                assert event.on == (event.count > 0)
                assert event.since_ns <= self.now_ns
                assert self.counts[event.label] != event.count
                self.counts[event.label] = event.count

    @invariant()
    def numbers_only_go_up(self) -> None:
        """Started tracks have the next number each."""
        assert self.numbers == list(range(5, 5 + len(self.numbers)))

    @invariant()
    def presence_counts_the_open_tracks(self) -> None:
        """Each label's count is that of its open tracks."""
        assert +self.counts == Counter(self.open.values())


def test_tracks_and_presence_agree_whatever_happens() -> None:
    """A track starts once before it ends, with a new number; presence counts what is open; a close ends all."""
    run_state_machine_as_test(Story, settings=settings(max_examples=60, stateful_step_count=30))


@given(st.lists(scenes, max_size=12))
def test_the_same_frames_give_the_same_events(story: list[list[Detection]]) -> None:
    """A recording through the same rules gives equal events each time."""
    frames = [found(seq, *scene) for seq, scene in enumerate(story, 1)]
    first, second = CameraPolicy("front", RULES), CameraPolicy("front", RULES)
    assert [first.update(frame) for frame in frames] == [second.update(frame) for frame in frames]


@given(st.lists(st.builds(item, score=st.floats(0, 0.49), box=st.just(RIGHT)), max_size=5))
def test_below_threshold_nothing_happens(weak: list[Detection]) -> None:
    """A frame whose detections all lie below the threshold causes no event and counts nothing."""
    camera, frame = policy(), found(1, *weak)
    assert camera.update(frame) == ()
    assert camera.counted(frame) == ()


def test_weak_detections_do_not_keep_an_object() -> None:
    """A score that falls below the threshold is no sighting."""
    assert run(policy(), found(1, item()), found(2, item(score=0.4)))[1] == ["end 1 gone", "person OFF 0"]


def test_counted_needs_no_confirmation() -> None:
    """The `frame` topic shows what counts in a frame, confirmed or not; a classification has no boxes."""
    frame = found(1, item(), item(score=0.1))
    assert policy(confirm=(5, 5)).counted(frame) == (item(),)
    assert policy().counted(ranked(1, cat=0.9)) == ()


def test_starts_and_ends_come_before_presence() -> None:
    """In a frame's events the tracks stand before the presence they change."""
    camera = policy()
    camera.update(found(1, item("cat")))
    assert kinds(camera.update(found(2, item("dog", box=RIGHT)))) == [
        "end 1 gone",
        "start 2",
        "cat OFF 0",
        "dog ON 1",
    ]


def test_an_older_frame_is_ignored() -> None:
    """A frame older than the last one changes nothing, nor does the same frame again."""
    assert run(policy(), found(5, item()), found(4), found(5), found(6, item()))[1:] == [[], [], []]


def test_a_camera_that_starts_anew_counts_from_one() -> None:
    """A lower sequence number with a later capture time is a new start of the camera, not an old frame."""
    camera = policy()
    camera.update(found(900, item()))
    assert kinds(camera.update(observe(1, Detections(()), 901 * FRAME_NS))) == ["end 1 gone", "person OFF 0"]


def test_frames_of_one_instant_go_by_number() -> None:
    """Two frames with the same capture time are both judged, in their order."""
    camera = policy()
    camera.update(found(1, item()))
    assert kinds(camera.update(observe(2, Detections(()), FRAME_NS))) == ["end 1 gone", "person OFF 0"]


def test_a_close_ends_what_is_open() -> None:
    """A lost camera's objects end with that reason, as of their last frame, and its labels go OFF."""
    camera = policy(hold_s=60)
    run(camera, found(1, item()), found(2, item("cat")))
    events = camera.close("camera_lost", 10 * FRAME_NS)
    assert kinds(events) == ["end 1 camera_lost", "end 2 camera_lost", "person OFF 0", "cat OFF 0"]
    assert [event.ended_ns for event in only(TrackEnded, events)] == [FRAME_NS, 2 * FRAME_NS]
    assert {event.since_ns for event in only(PresenceChanged, events)} == {10 * FRAME_NS}


def test_a_result_under_way_at_a_close_is_ignored() -> None:
    """What was captured before the close opens nothing after it."""
    camera = policy()
    camera.close("camera_lost", 3 * FRAME_NS)
    assert run(camera, found(2, item()), found(4, item())) == [[], ["start 1", "person ON 1"]]


def test_an_empty_frame_costs_next_to_nothing() -> None:
    """A frame without detections and tracks takes less than 5 us (allowed four times that on a busy machine)."""
    camera, frames = policy(), iter([found(seq) for seq in range(1, 20_001)])
    best = min(timeit.repeat(lambda: camera.update(next(frames)), number=1000, repeat=20)) / 1000
    assert best < 20e-6
