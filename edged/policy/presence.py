"""The state of each label: there or not, and how many."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edged.domain.events import PresenceChanged


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is there of one label."""

    count: int
    score: float
    """The best of the objects' latest scores."""
    last_seen_ns: int
    """`captured_ns` of the last frame that showed one."""

    def with_one_more(self, other: "Sighting") -> "Sighting":
        """Both together."""
        return Sighting(
            self.count + other.count,
            max(self.score, other.score),
            max(self.last_seen_ns, other.last_seen_ns),
        )


class Presence:
    """The labels of one camera: tells when one appears, changes its count or goes, not each new score."""

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._on: dict[str, PresenceChanged] = {}
        self._seen_ns: dict[str, int] = {}

    def initial(self, labels: Iterable[str], at_ns: int) -> tuple[PresenceChanged, ...]:
        """An OFF state for each of the labels that is not there, before the first frame that could show it."""
        return tuple(self._off(label, at_ns) for label in labels if label not in self._on)

    def update(self, sightings: Mapping[str, Sighting], at_ns: int) -> tuple[PresenceChanged, ...]:
        """Takes what is there now, and nothing else is: what went, then what came or changed its count."""
        if not sightings and not self._on:
            return ()
        for label, sighting in sightings.items():
            self._seen_ns[label] = sighting.last_seen_ns
        gone = [label for label in self._on if label not in sightings]
        came = [label for label, sighting in sightings.items() if sighting.count != self._count(label)]
        for label in came:
            self._on[label] = self._state(label, sightings[label], at_ns)
        for label in gone:
            del self._on[label]
        return (*(self._off(label, at_ns) for label in gone), *(self._on[label] for label in came))

    def _count(self, label: str) -> int:
        return self._on[label].count if label in self._on else 0

    def _state(self, label: str, sighting: Sighting, at_ns: int) -> PresenceChanged:
        since_ns = self._on[label].since_ns if label in self._on else at_ns
        return PresenceChanged(
            camera=self._camera,
            label=label,
            on=True,
            count=sighting.count,
            score=sighting.score,
            since_ns=since_ns,
            last_seen_ns=sighting.last_seen_ns,
        )

    def _off(self, label: str, at_ns: int) -> PresenceChanged:
        seen_ns = self._seen_ns.get(label)
        return PresenceChanged(self._camera, label, False, 0, 0.0, at_ns, seen_ns)
