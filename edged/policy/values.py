"""The values of a whole frame over time: the median of the last readings, told when it has changed enough."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from edged.domain.events import ReadingState, ValueChanged
from edged.domain.predictions import Observation, Readings
from edged.policy.rules import CameraRules, ValueRule

_ROUNDING = 1e-9
"""Part of a change that floats may lose: 0.15 - 0.1 is less than 0.05."""


@dataclass(slots=True)
class _Watched:
    """One value."""

    rule: ValueRule
    told: float | None = None
    last_ns: int | None = None
    """`captured_ns` of the last frame that gave one."""
    readings: deque[float] = field(init=False)

    def __post_init__(self) -> None:
        self.readings = deque(maxlen=self.rule.smooth)

    def see(self, value: float, now_ns: int) -> float | None:
        """Takes a reading; what is to be told, if anything is."""
        self.readings.append(value)
        self.last_ns = now_ns
        now = _median(self.readings)
        if self.told is not None and abs(now - self.told) < self.rule.change * (1 - _ROUNDING):
            return None
        self.told = now
        return now

    def under(self, rule: ValueRule) -> "_Watched":
        """The same value by another rule."""
        other = _Watched(rule, self.told, self.last_ns)
        other.readings.extend(self.readings)
        return other


class ValueWatch:
    """The values of one camera, each by itself.

    A value is told with its first reading, and again when the median of its last readings differs enough from
    what was told. A frame that gives no number for it leaves everything as it was.
    """

    def __init__(self, camera: str, rules: CameraRules, region: str = "") -> None:
        self._camera = camera
        self._region = region
        self._values = {name: _Watched(rule) for name, rule in rules.values.items()}

    def start(self, at_ns: int) -> tuple[ReadingState, ...]:
        """The state of each value before its first reading."""
        return self._states(self._values, at_ns)

    def update(
        self, observation: Observation, prediction: Readings
    ) -> tuple[ValueChanged | ReadingState, ...]:
        """Judges the next frame: an event and a state for each value that changed enough."""
        now_ns = observation.frame.captured_ns
        told: list[ValueChanged | ReadingState] = []
        for item in prediction.items:
            watched = self._values.get(item.name)
            now = watched.see(item.value, now_ns) if watched else None
            if now is not None:
                told.append(ValueChanged(item.name, now, item.unit, observation))
                told += self._states([item.name], now_ns)
        return tuple(told)

    def adopt(self, rules: CameraRules, at_ns: int) -> tuple[ReadingState, ...]:
        """Goes on with other rules: what was told stays, and the next frame is judged by them."""
        before = self._values
        self._values = {
            name: before[name].under(rule) if name in before else _Watched(rule)
            for name, rule in rules.values.items()
        }
        return self._states((name for name in self._values if name not in before), at_ns)

    def close(self, at_ns: int) -> tuple[ReadingState, ...]:
        """Forgets every value, since nobody sees it now: the next reading is told as the first."""
        lost = [name for name, each in self._values.items() if each.told is not None]
        for each in self._values.values():
            each.told = None
            each.readings.clear()
        return self._states(lost, at_ns)

    def _states(self, names: Iterable[str], at_ns: int) -> tuple[ReadingState, ...]:
        return tuple(
            ReadingState(
                self._camera, name, each.told, at_ns, each.last_ns, unit=each.rule.unit, region=self._region
            )
            for name, each in ((name, self._values[name]) for name in names)
        )


def _median(readings: Iterable[float]) -> float:
    """The middle one, or the mean of the two; the standard library's is behind an import of decimal and random."""
    ordered = sorted(readings)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
