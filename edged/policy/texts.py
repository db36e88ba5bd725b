"""The text of a whole frame over time: confirmed N of M, held for a while, told once per change."""

from collections import deque
from dataclasses import dataclass

from edged.domain.events import ReadingState, TextChanged
from edged.domain.predictions import Observation, Text
from edged.policy.rules import TEXT, CameraRules, LabelRule


@dataclass(frozen=True, slots=True)
class _Held:
    """The text that is there."""

    text: str
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
    did.
    """

    def __init__(self, camera: str, rules: CameraRules, region: str = "") -> None:
        self._camera = camera
        self._region = region
        self._reads, self._rule = rules.text is not None, _rule(rules)
        self._counted = _last_frames(self._rule)
        """What counted in each of the last frames; empty where nothing did."""
        self._held: _Held | None = None
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
        seen = text and (text == self._text or self._counted.count(text) >= rule.confirm[0])
        if seen:
            self._held, self._seen_ns = _Held(text, observation), now_ns
        elif before and now_ns - before.last_ns >= rule.hold_ns:
            self._held = None
        if self._text == (before.text if before else ""):
            return ()
        score, self._known = prediction.score if seen else 0.0, True
        state = self._state(self._text, now_ns, score if seen else None)
        return TextChanged(self._text, score, rule.threshold, observation), state

    def adopt(self, rules: CameraRules) -> None:
        """Goes on with other rules: the text that is there stays, others are counted anew."""
        self._rule = _rule(rules)
        self._counted = _last_frames(self._rule)

    def close(self, at_ns: int) -> tuple[TextChanged | ReadingState, ...]:
        """Lets go of the text, as of the last frame in which it counted; what is there now nobody knows."""
        held, known = self._held, self._known
        self._held, self._known = None, False
        self._counted.clear()
        gone = (TextChanged("", 0.0, self._rule.threshold, held.observation),) if held else ()
        return (*gone, self._state(None, at_ns)) if known else ()

    @property
    def _text(self) -> str:
        return self._held.text if self._held else ""

    def _state(self, text: str | None, at_ns: int, score: float | None = None) -> ReadingState:
        return ReadingState(self._camera, TEXT, text, at_ns, self._seen_ns, score=score, region=self._region)


def _rule(rules: CameraRules) -> LabelRule:
    return rules.text or rules.default


def _last_frames(rule: LabelRule) -> deque[str]:
    return deque(maxlen=rule.confirm[1])
