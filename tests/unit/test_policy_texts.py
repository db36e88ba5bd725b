"""The text of a whole frame over time."""

from hypothesis import given
from hypothesis import strategies as st

from edged.domain.events import ReadingState, TextChanged
from edged.domain.predictions import Observation
from edged.policy.camera import CameraPolicy
from edged.policy.rules import CameraRules, LabelRule
from tests.unit.policy_builders import FRAME_NS, gauge, kinds, only, read, run


def rules(threshold: float = 0.5, confirm: tuple[int, int] = (1, 1), hold_s: float = 0.0) -> CameraRules:
    return CameraRules(LabelRule(0.3), text=LabelRule(threshold, confirm=confirm, hold_s=hold_s))


def told(policy: CameraPolicy, *texts: str) -> list[str]:
    """What each frame caused, without states; `a?` is `a` below the threshold."""
    frames = [read(seq, text.rstrip("?"), 0.4 if "?" in text else 0.9) for seq, text in enumerate(texts, 1)]
    return [" ".join(word for word in words if "=" not in word) for words in run(policy, *frames)]


def camera(confirm: tuple[int, int] = (1, 1), hold_s: float = 0.0) -> CameraPolicy:
    return CameraPolicy("front", rules(confirm=confirm, hold_s=hold_s))


def test_a_text_is_told_once() -> None:
    """A text is told when it comes, another one in its place, and the empty one when it has gone."""
    assert told(camera(), "", "12", "12", "34", "", "") == ["", "text 12", "", "text 34", "text -", ""]


def test_a_text_is_confirmed() -> None:
    """It needs the same characters in two of three frames, of which the last is one."""
    assert told(camera((2, 3)), "12", "13", "12", "12") == ["", "", "text 12", ""]
    assert told(camera((2, 3)), "12", "", "", "12") == ["", "", "", ""]


def test_an_unsure_text_does_not_count() -> None:
    """Below the threshold it is as if nothing was read."""
    assert told(camera(), "12?", "12", "12?", "12?") == ["", "text 12", "text -", ""]


def test_a_text_is_held() -> None:
    """It outlives what cannot be read for as long as it is held, and goes with the first frame after that."""
    policy = camera(hold_s=0.25)
    assert told(policy, "12", "", "?", "", "12", "") == ["text 12", "", "", "text -", "text 12", ""]
    policy = camera((2, 3), hold_s=0.25)
    assert told(policy, "12", "12", "99", "12", "12", "99", "99") == [
        "", "text 12", "", "", "", "", "text 99"
    ]  # fmt: skip


def test_events_and_states_say_how_sure_they_are() -> None:
    """The event has its frame's score and the threshold; the state the same score, and none where there is no text."""
    policy = camera()
    [state] = only(ReadingState, policy.start(5))
    assert (state.name, state.value, state.score, state.last_seen_ns) == ("text", None, None, None)
    frame = read(1, "12", 0.7)
    assert policy.update(frame) == (
        TextChanged("12", 0.7, 0.5, frame),
        ReadingState("front", "text", "12", FRAME_NS, FRAME_NS, score=0.7),
    )
    policy.update(read(2, "12", 0.8))
    gone = read(3, "", 0.99)
    assert policy.update(gone) == (
        TextChanged("", 0.0, 0.5, gone),
        ReadingState("front", "text", "", 3 * FRAME_NS, 2 * FRAME_NS),
    )


def test_a_lost_camera_has_no_text() -> None:
    """What was there is over, once, and the state has no value; later frames begin anew."""
    policy = camera()
    assert policy.close("camera_lost", 1) == ()
    run(policy, read(1, "12"))
    change, state = policy.close("camera_lost", 2 * FRAME_NS)
    assert isinstance(change, TextChanged)
    assert (change.text, change.observation.frame.seq) == ("", 1)
    assert state == ReadingState("front", "text", None, 2 * FRAME_NS, FRAME_NS)
    assert policy.close("stopped", 3 * FRAME_NS) == ()
    assert kinds(policy.update(read(4, "12"))) == ["text 12", "text='12'"]
    run(policy, read(5, ""))
    assert kinds(policy.close("stopped", 6 * FRAME_NS)) == ["text=None"], "nothing was there to end"


def test_other_rules_keep_the_text() -> None:
    """The text that is there goes on by the new rule; what was not confirmed is counted anew."""
    policy = camera((2, 2))
    run(policy, read(1, "12"), read(2, "12"), read(3, "12"))
    assert policy.adopt(rules(confirm=(2, 2), hold_s=10), 4) == ()
    assert kinds(policy.update(read(4, "34"))) == []
    assert policy.adopt(rules(confirm=(2, 2)), 5) == ()
    assert kinds(policy.update(read(5, "34"))) == ["text -", "text=''"]
    assert kinds(policy.update(read(6, "34"))) == ["text 34", "text='34'"]


def test_a_camera_without_text_has_no_state_of_it() -> None:
    """Only a model that reads text has the reading `text`, only one of values has theirs."""
    policy = CameraPolicy("front", CameraRules(LabelRule(0.5)))
    assert policy.start(0) == ()
    assert CameraRules(LabelRule(0.5)).readings == ()
    assert rules().readings == ("text",)
    assert kinds(policy.update(gauge(1, pressure=3))) == []


texts = st.tuples(st.sampled_from(["", "12", "34"]), st.sampled_from([0.2, 0.5, 0.9]))


def there(frames: list[tuple[str, float]], confirm: tuple[int, int], hold: int) -> list[str]:
    """The text after each frame, worked out from the whole past each time; `hold` is in frames."""
    counted = [text if score >= 0.5 else "" for text, score in frames]
    now, last, said = "", 0, []
    for at, text in enumerate(counted):
        recent = counted[max(0, at + 1 - confirm[1]) : at + 1]
        if text and (text == now or recent.count(text) >= confirm[0]):
            now, last = text, at
        elif now and at - last >= hold:
            now = ""
        said.append(now)
    return said


@given(
    st.lists(texts, max_size=40),
    st.integers(1, 4).flatmap(lambda m: st.tuples(st.integers(1, m), st.just(m))),
    st.integers(0, 4),
)
def test_the_last_event_is_the_text_that_is_there(
    frames: list[tuple[str, float]], confirm: tuple[int, int], hold: int
) -> None:
    """Whatever comes, event and state name the text that N of M and the hold make of the past."""
    policy = camera(confirm, hold * FRAME_NS / 1e9)
    last: str | None = None
    for seq, (frame, wanted) in enumerate(zip(frames, there(frames, confirm, hold), strict=True), 1):
        observation: Observation = read(seq, *frame)
        for event in policy.update(observation):
            if isinstance(event, TextChanged):
                assert event.text != (last or "")
                assert event.observation is observation
                last = event.text
            elif isinstance(event, ReadingState):
                assert event.value == last
        assert (last or "") == wanted
