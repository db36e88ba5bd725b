"""A whole frame's class over time: confirmed N of M, held for a while, told once per change."""

from collections import deque
from dataclasses import dataclass, replace
from itertools import islice

from edged.domain.events import ClassChanged
from edged.domain.predictions import Classification, Observation, Ranked
from edged.policy.pace import Pace
from edged.policy.presence import Sighting
from edged.policy.rules import CameraRules, LabelRule
from edged.policy.thresholds import counted_classes


@dataclass(frozen=True, slots=True)
class _Winner:
    entry: Ranked
    rule: LabelRule
    observation: Observation
    """The last one in which it counted."""
    best: ClassChanged
    """What there is to tell of it, as of the last frame in which it was best."""

    @property
    def last_ns(self) -> int:
        return self.observation.frame.captured_ns


class ClassWatch:
    """The winning class of one camera.

    The best counting class of a frame wins once it was the best in N of its last M frames. The winner
    stays while it counts, at any rank, and for `hold_s` after that. Then it lapses, at the first frame
    in which nothing counts, or which finds it no longer best in N of M while no other is confirmed yet.
    Within an interval of what was told another winner waits, and so does that there is none.
    """

    def __init__(self, rules: CameraRules) -> None:
        self._rules = rules
        self._winner: _Winner | None = None
        self._told: _Winner | None = None
        """The one that was told, as it was when it won last."""
        self._pace = Pace(rules.event_interval_ns)
        self._best = _last_frames(rules)
        """The best counting label of the last frames, None where nothing counted."""

    def update(self, observation: Observation, prediction: Classification) -> tuple[ClassChanged, ...]:
        """Judges the next frame: at most one change."""
        top = counted_classes(prediction.top, self._rules)
        self._best.append(top[0].label if top else None)
        self._winner = self._confirmed(top, observation) or self._kept(top, observation)
        return self._tell(observation)

    def adopt(self, rules: CameraRules) -> tuple[ClassChanged, ...]:
        """Goes on with other rules: a winner that is still reported stays, the others are counted anew."""
        winner = self._winner
        rule = rules.rule(winner.entry.label) if winner else None
        lost = self._let_go() if rule is None else ()
        self._rules, self._best = rules, _last_frames(rules)
        self._pace.interval_ns = rules.event_interval_ns
        self._winner = replace(winner, rule=rule) if winner and rule else None
        self._note_told()
        return lost

    def close(self) -> tuple[ClassChanged, ...]:
        """Lets go of the class that was told, as of the last frame in which it counted."""
        self._best.clear()
        self._pace.restart()
        return self._let_go()

    def sightings(self) -> dict[str, Sighting]:
        """The winner, as the one object of its label."""
        if self._winner is None:
            return {}
        return {self._winner.entry.label: Sighting(1, self._winner.entry.score, self._winner.last_ns)}

    def _tell(self, observation: Observation) -> tuple[ClassChanged, ...]:
        """The winner, where another one was told and it may be."""
        winner, told, now_ns = self._winner, self._told, observation.frame.captured_ns
        if self._note_told() or not self._pace.is_due(now_ns):
            return ()
        self._pace.told(now_ns)
        self._told = winner
        if winner:
            return (winner.best,)
        return (ClassChanged((), told.rule.threshold, observation),) if told else ()

    def _note_told(self) -> bool:
        """Whether the winner is the one that was told, which is then as the winner is."""
        same = _label(self._winner) == _label(self._told)
        if same:
            self._told = self._winner
        return same

    def _let_go(self) -> tuple[ClassChanged, ...]:
        told, self._told, self._winner = self._told, None, None
        return (ClassChanged((), told.rule.threshold, told.observation),) if told else ()

    def _confirmed(self, top: tuple[Ranked, ...], observation: Observation) -> _Winner | None:
        rule = self._rules.rule(top[0].label) if top else None
        if rule is None or not self._holds(top[0].label, rule):
            return None
        best = ClassChanged(top, rule.threshold, observation)
        return _Winner(top[0], rule, observation, best)

    def _kept(self, top: tuple[Ranked, ...], observation: Observation) -> _Winner | None:
        winner = self._winner
        if winner is None:
            return None
        for entry in top:
            if entry.label == winner.entry.label:
                return replace(winner, entry=entry, observation=observation)
        held = observation.frame.captured_ns - winner.last_ns < winner.rule.hold_ns
        return winner if held or (top and self._holds(winner.entry.label, winner.rule)) else None

    def _holds(self, label: str, rule: LabelRule) -> bool:
        needed, frames = rule.confirm
        return sum(best == label for best in islice(reversed(self._best), frames)) >= needed


def _label(winner: _Winner | None) -> str | None:
    return winner.entry.label if winner else None


def _last_frames(rules: CameraRules) -> deque[str | None]:
    return deque(maxlen=max(rule.confirm[1] for rule in rules.in_use))
