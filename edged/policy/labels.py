"""The labels of a whole frame over time, each for itself: confirmed N of M, held for a while, told when the set changes."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from edged.domain.events import LabelsChanged
from edged.domain.predictions import Areas, LabelSet, Observation, Ranked
from edged.policy.pace import Pace
from edged.policy.presence import Sighting
from edged.policy.rules import CameraRules, LabelRule
from edged.policy.thresholds import counted_classes


@dataclass(slots=True)
class _Watched:
    """One label."""

    rule: LabelRule
    entry: Ranked
    """As it was when it last counted."""
    last_ns: int
    on: bool = False
    counted: deque[bool] = field(init=False)
    """Whether it counted in each of its last M frames."""

    def __post_init__(self) -> None:
        self.counted = deque(maxlen=self.rule.confirm[1])

    def see(self, entry: Ranked | None, now_ns: int) -> None:
        """Takes one frame; `entry` is None where the label does not count."""
        self.counted.append(entry is not None)
        if entry:
            self.entry, self.last_ns = entry, now_ns
        confirmed = entry is not None and sum(self.counted) >= self.rule.confirm[0]
        kept = self.on and (entry is not None or now_ns - self.last_ns < self.rule.hold_ns)
        self.on = confirmed or kept

    @property
    def forgotten(self) -> bool:
        """Whether nothing of it is left to remember."""
        return not self.on and not any(self.counted)


class LabelWatch:
    """The labels that hold on one camera.

    A label begins to hold once it counted in N of its last M frames, in a frame in which it counts. It goes at the
    first frame in which it does not count `hold_s` or more after the last one in which it did. Within an interval
    of what was told a change of the set waits.
    """

    def __init__(self, rules: CameraRules) -> None:
        self._rules = rules
        self._labels: dict[str, _Watched] = {}
        self._last: Observation | None = None
        self._told: set[str] = set()
        self._pace = Pace(rules.event_interval_ns)

    def update(self, observation: Observation, prediction: LabelSet | Areas) -> tuple[LabelsChanged, ...]:
        """Judges the next frame: at most one change."""
        now_ns, self._last = observation.frame.captured_ns, observation
        counted = {entry.label: entry for entry in counted_classes(prediction.top, self._rules)}
        self._open(counted, now_ns)
        for label, watched in self._labels.items():
            watched.see(counted.get(label), now_ns)
        self._labels = {label: each for label, each in self._labels.items() if not each.forgotten}
        return self._tell(observation)

    def adopt(self, rules: CameraRules) -> tuple[LabelsChanged, ...]:
        """Goes on with other rules: what holds and is still reported stays, the others are counted anew."""
        kept = {}
        for label, watched in self._labels.items():
            rule = rules.rule(label)
            if watched.on and rule is not None:
                kept[label] = _Watched(rule, watched.entry, watched.last_ns, on=True)
        self._rules, self._labels = rules, kept
        self._pace.interval_ns = rules.event_interval_ns
        return self._tell(self._last) if self._last else ()

    def close(self) -> tuple[LabelsChanged, ...]:
        """Lets go of every label, as of the last frame."""
        self._labels.clear()
        self._pace.restart()
        gone = self._tell(self._last) if self._last else ()
        self._pace.restart()
        return gone

    def sightings(self) -> dict[str, Sighting]:
        """Each label that holds, as the one object of its name."""
        return {
            label: Sighting(1, watched.entry.score, watched.last_ns)
            for label, watched in self._labels.items()
            if watched.on
        }

    def _open(self, counted: Mapping[str, Ranked], now_ns: int) -> None:
        for label, entry in counted.items():
            rule = self._rules.rule(label)
            if rule and label not in self._labels:
                self._labels[label] = _Watched(rule, entry, now_ns)

    def _holding(self) -> set[str]:
        return {label for label, watched in self._labels.items() if watched.on}

    def _tell(self, observation: Observation) -> tuple[LabelsChanged, ...]:
        """The set, where another one was told and it may be."""
        now_ns, holding = observation.frame.captured_ns, self._holding()
        if holding == self._told or not self._pace.is_due(now_ns):
            return ()
        self._pace.told(now_ns)
        self._told = holding
        on = [watched.entry for watched in self._labels.values() if watched.on]
        best_first = sorted(on, key=lambda entry: (-entry.score, entry.label_id))
        return (LabelsChanged(tuple(best_first), self._rules.default.threshold, observation),)
