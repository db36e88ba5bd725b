"""A whole frame's class over time: confirmed N of M, held for a while, told once per change."""

from collections import deque
from dataclasses import dataclass, replace
from itertools import islice

from edged.domain.events import ClassChanged
from edged.domain.predictions import Classification, Observation, Ranked
from edged.policy.presence import Sighting
from edged.policy.rules import CameraRules, LabelRule
from edged.policy.thresholds import counted_classes


@dataclass(frozen=True, slots=True)
class _Winner:
    entry: Ranked
    rule: LabelRule
    observation: Observation
    """The last one in which it counted."""

    @property
    def last_ns(self) -> int:
        return self.observation.frame.captured_ns


class ClassWatch:
    """The winning class of one camera.

    The best counting class of a frame wins once it was the best in N of its last M frames. The winner
    stays while it counts, at any rank, and for `hold_s` after that. Then it lapses, at the first frame
    in which nothing counts, or which finds it no longer best in N of M while no other is confirmed yet.
    """

    def __init__(self, rules: CameraRules) -> None:
        self._rules = rules
        self._winner: _Winner | None = None
        self._best = _last_frames(rules)
        """The best counting label of the last frames, None where nothing counted."""

    def update(self, observation: Observation, prediction: Classification) -> tuple[ClassChanged, ...]:
        """Judges the next frame: at most one change."""
        top = counted_classes(prediction.top, self._rules)
        self._best.append(top[0].label if top else None)
        before = self._winner
        self._winner = self._confirmed(top, observation) or self._kept(top, observation)
        if self._winner and (before is None or before.entry.label != self._winner.entry.label):
            return (ClassChanged(top, self._winner.rule.threshold, observation),)
        if before and not self._winner:
            return (ClassChanged((), before.rule.threshold, observation),)
        return ()

    def adopt(self, rules: CameraRules) -> tuple[ClassChanged, ...]:
        """Goes on with other rules: a winner that is still reported stays, the others are counted anew."""
        winner = self._winner
        rule = rules.rule(winner.entry.label) if winner else None
        lost = self.close() if rule is None else ()
        self._rules, self._best = rules, _last_frames(rules)
        self._winner = replace(winner, rule=rule) if winner and rule else None
        return lost

    def close(self) -> tuple[ClassChanged, ...]:
        """Lets go of the winner, as of the last frame in which it counted."""
        winner, self._winner = self._winner, None
        self._best.clear()
        return (ClassChanged((), winner.rule.threshold, winner.observation),) if winner else ()

    def sightings(self) -> dict[str, Sighting]:
        """The winner, as the one object of its label."""
        if self._winner is None:
            return {}
        return {self._winner.entry.label: Sighting(1, self._winner.entry.score, self._winner.last_ns)}

    def _confirmed(self, top: tuple[Ranked, ...], observation: Observation) -> _Winner | None:
        rule = self._rules.rule(top[0].label) if top else None
        if rule is None or not self._holds(top[0].label, rule):
            return None
        return _Winner(top[0], rule, observation)

    def _kept(self, top: tuple[Ranked, ...], observation: Observation) -> _Winner | None:
        winner = self._winner
        if winner is None:
            return None
        for entry in top:
            if entry.label == winner.entry.label:
                return _Winner(entry, winner.rule, observation)
        held = observation.frame.captured_ns - winner.last_ns < winner.rule.hold_ns
        return winner if held or (top and self._holds(winner.entry.label, winner.rule)) else None

    def _holds(self, label: str, rule: LabelRule) -> bool:
        needed, frames = rule.confirm
        return sum(best == label for best in islice(reversed(self._best), frames)) >= needed


def _last_frames(rules: CameraRules) -> deque[str | None]:
    return deque(maxlen=max(rule.confirm[1] for rule in rules.in_use))
