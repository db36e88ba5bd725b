"""Sides of a comparison taken in turn, and what many rounds say together."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of rounds and the range they lie in."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


def ratios(ours: Sequence[float], others: Sequence[float]) -> Spread:
    """The spread of the ratios within each round: what drifts from round to round cancels out."""
    return spread([one / other for one, other in zip(ours, others, strict=True)])


def differences(ours: Sequence[float], others: Sequence[float]) -> list[float]:
    """What one side has above another, round by round."""
    return [one - other for one, other in zip(ours, others, strict=True)]


def interleaved(rounds: int, sides: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """Runs each side once a round, every second round backwards; what each returned, by side."""
    found: dict[str, list[T]] = {side: [] for side in sides}
    for side in turns(rounds, list(sides)):
        found[side].append(sides[side]())
    return found


def turns(rounds: int, sides: Sequence[str]) -> Iterator[str]:
    """The order in which sides run: there and back, so that none is always the first."""
    for index in range(rounds):
        yield from sides if index % 2 == 0 else reversed(sides)


def quantile(values: Sequence[float], share: float) -> float:
    """By nearest rank, as the daemon's own statistics have it; of at least one value."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
