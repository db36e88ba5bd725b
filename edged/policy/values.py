"""The values of a whole frame over time: the median of the last readings, told when it has changed enough."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from edged.domain.events import ReadingState, ValueChanged
from edged.domain.predictions import Observation, Reading, Readings
from edged.policy.pace import Pace
from edged.policy.rules import CameraRules, ValueRule

_ROUNDING = 1e-9
"""Part of a change that floats may lose: 0.15 - 0.1 is less than 0.05."""


@dataclass(slots=True)
class _Watched:
    """One value."""

    rule: ValueRule
    pace: Pace
    told: float | None = None
    last: ValueChanged | None = None
    """The value as of the last frame that gave one, whether it was told or not."""
    last_ns: int | None = None
    """`captured_ns` of that frame, also when its value is forgotten."""
    readings: deque[float] = field(init=False)

    def __post_init__(self) -> None:
        self.readings = deque(maxlen=self.rule.smooth)

    def see(self, reading: Reading, observation: Observation) -> None:
        """Takes a reading."""
        self.readings.append(reading.value)
        self.last_ns = observation.frame.captured_ns
        self.last = ValueChanged(reading.name, _median(self.readings), reading.unit, observation)

    @property
    def change(self) -> ValueChanged | None:
        """What differs enough from what was told."""
        if self.last is None:
            return None
        enough = self.rule.change * (1 - _ROUNDING)
        return self.last if self.told is None or abs(self.last.value - self.told) >= enough else None

    def tell(self, now_ns: int) -> ValueChanged | None:
        """What is to be told in a frame captured now, if anything is."""
        change = self.change
        if change is None or not self.pace.is_due(now_ns):
            return None
        self.pace.told(now_ns)
        self.told = change.value
        return change

    def under(self, rule: ValueRule, interval_ns: int) -> "_Watched":
        """The same value by another rule."""
        self.pace.interval_ns = interval_ns
        other = _Watched(rule, self.pace, self.told, self.last, self.last_ns)
        other.readings.extend(self.readings)
        return other

    def forget(self) -> None:
        """The next reading is told as the first."""
        self.told = self.last = None
        self.readings.clear()
        self.pace.restart()


class ValueWatch:
    """The values of one camera, each by itself.

    A value is told with its first reading, and again when the median of its last readings differs enough from
    what was told. Within an interval of that a change waits; the frame that ends the interval tells the value as
    of the last frame that gave one, if that differs still. A frame that gives no number for it changes nothing.
    """

    def __init__(self, camera: str, rules: CameraRules, region: str = "") -> None:
        self._camera = camera
        self._region = region
        self._values = {
            name: _Watched(rule, Pace(rules.event_interval_ns)) for name, rule in rules.values.items()
        }

    def start(self, at_ns: int) -> tuple[ReadingState, ...]:
        """The state of each value before its first reading."""
        return self._states(self._values, at_ns)

    def update(
        self, observation: Observation, prediction: Readings
    ) -> tuple[ValueChanged | ReadingState, ...]:
        """Judges the next frame: an event and a state for each value that changed enough."""
        told: list[ValueChanged | ReadingState] = []
        for reading in prediction.items:
            if watched := self._values.get(reading.name):
                watched.see(reading, observation)
        for name, watched in self._values.items():
            if change := watched.tell(observation.frame.captured_ns):
                told.append(change)
                told += self._states([name], change.observation.frame.captured_ns)
        return tuple(told)

    def adopt(self, rules: CameraRules, at_ns: int) -> tuple[ReadingState, ...]:
        """Goes on with other rules: what was told stays, and the next frame is judged by them."""
        before, interval_ns = self._values, rules.event_interval_ns
        self._values = {
            name: before[name].under(rule, interval_ns)
            if name in before
            else _Watched(rule, Pace(interval_ns))
            for name, rule in rules.values.items()
        }
        return self._states((name for name in self._values if name not in before), at_ns)

    def close(self, at_ns: int) -> tuple[ValueChanged | ReadingState, ...]:
        """Tells what still waits and forgets every value, since nobody sees it now: the next reading is the first."""
        waiting = [change for each in self._values.values() if (change := each.change)]
        lost = [name for name, each in self._values.items() if each.told is not None]
        for each in self._values.values():
            each.forget()
        return (*waiting, *self._states(lost, at_ns))

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
