"""The text of a whole frame over time: confirmed N of M, held for a while, told once per change."""

from collections import deque
from dataclasses import dataclass

from edged.domain.events import ReadingState, TextChanged
from edged.domain.predictions import Observation, Text
from edged.policy.pace import Pace
from edged.policy.rules import TEXT, CameraRules, LabelRule


@dataclass(frozen=True, slots=True)
class _Held:
    """The text that is there."""

    text: str
    score: float
    observation: Observation
    """The last one in which it counted."""

    @property
    def last_ns(self) -> int:
        return self.observation.frame.captured_ns


class TextWatch:
    """The text of one camera.

    A text counts in a frame that gives it a score of the threshold or more; the empty one never does. It is there
    once it counted in N of its last M frames, in a frame in which it counts; the one that was there before is gone
    then. It goes too at the first frame in which it does not count `hold_s` or more after the last one in which it
    did. Within an interval of what was told another text waits, and so does that it has gone.
    """

    def __init__(self, camera: str, rules: CameraRules, region: str = "") -> None:
        self._camera = camera
        self._region = region
        self._reads, self._rule = rules.text is not None, _rule(rules)
        self._counted = _last_frames(self._rule)
        """What counted in each of the last frames; empty where nothing did."""
        self._held: _Held | None = None
        self._told: _Held | None = None
        """What was told, as of the last frame in which it counted."""
        self._pace = Pace(rules.event_interval_ns)
        self._known = False
        """Whether anything was told since the start or the last `close`."""
        self._seen_ns: int | None = None

    def start(self, at_ns: int) -> tuple[ReadingState, ...]:
        """The state before the first text; none where the model reads no text."""
        return (self._state(None, at_ns),) if self._reads else ()

    def update(self, observation: Observation, prediction: Text) -> tuple[TextChanged | ReadingState, ...]:
        """Judges the next frame: at most one change, with the state that it makes."""
        rule, before, now_ns = self._rule, self._held, observation.frame.captured_ns
        text = prediction.text if prediction.score >= rule.threshold else ""
        self._counted.append(text)
        if text and (text == _text(before) or self._counted.count(text) >= rule.confirm[0]):
            self._held, self._seen_ns = _Held(text, prediction.score, observation), now_ns
        elif before and now_ns - before.last_ns >= rule.hold_ns:
            self._held = None
        return self._tell(observation)

    def adopt(self, rules: CameraRules) -> None:
        """Goes on with other rules: the text that is there stays, others are counted anew."""
        self._rule = _rule(rules)
        self._counted = _last_frames(self._rule)
        self._pace.interval_ns = rules.event_interval_ns

    def close(self, at_ns: int) -> tuple[TextChanged | ReadingState, ...]:
        """Lets go of the text, as of the last frame in which it counted; what is there now nobody knows."""
        told, known = self._told, self._known
        self._held, self._told, self._known = None, None, False
        self._counted.clear()
        self._pace.restart()
        gone = (TextChanged("", 0.0, self._rule.threshold, told.observation),) if told else ()
        return (*gone, self._state(None, at_ns)) if known else ()

    def _tell(self, observation: Observation) -> tuple[TextChanged | ReadingState, ...]:
        """The text that is there, where another one was told and it may be."""
        held, told, now_ns = self._held, self._told, observation.frame.captured_ns
        if _text(held) == _text(told):
            self._told = held
            return ()
        if not self._pace.is_due(now_ns):
            return ()
        self._pace.told(now_ns)
        self._told, self._known = held, True
        if held is None:
            return TextChanged("", 0.0, self._rule.threshold, observation), self._state("", now_ns)
        change = TextChanged(held.text, held.score, self._rule.threshold, held.observation)
        return change, self._state(held.text, held.last_ns, held.score)

    def _state(self, text: str | None, at_ns: int, score: float | None = None) -> ReadingState:
        return ReadingState(self._camera, TEXT, text, at_ns, self._seen_ns, score=score, region=self._region)


def _text(held: _Held | None) -> str:
    return held.text if held else ""


def _rule(rules: CameraRules) -> LabelRule:
    return rules.text or rules.default


def _last_frames(rule: LabelRule) -> deque[str]:
    return deque(maxlen=rule.confirm[1])
