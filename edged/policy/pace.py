"""How often a change of the same thing is told."""

from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """Lets an event through, and no other within an interval of it; the interval may change meanwhile."""

    interval_ns: int
    """0 lets every event through."""
    _told_ns: int | None = None

    def is_due(self, now_ns: int) -> bool:
        """Whether an event may be told in a frame captured now."""
        return self._told_ns is None or now_ns - self._told_ns >= self.interval_ns

    def told(self, now_ns: int) -> None:
        """Notes that one was told in a frame captured now."""
        self._told_ns = now_ns

    def restart(self) -> None:
        """The next event is the first again, and is due at once."""
        self._told_ns = None
