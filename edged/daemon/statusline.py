"""The one line that the service manager shows for us."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

_EVERY_NS = 1_000_000_000
_MEASURE_NS = 5_000_000_000
"""Over how long the rate is measured once there is one."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the daemon is doing at this moment."""

    cameras: int
    online: int
    frames: int
    """Judged since the start."""
    accelerators: Sequence[tuple[str, str]]
    """What answers on each accelerator, by name; an empty word where nothing does."""
    connected: bool
    problems: Sequence[str]
    """The codes of those that last."""


class StatusLine:
    """Tells a line when it has changed, once a second at most."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told = ""
        self._due_ns = 0
        self._from: tuple[int, int] | None = None
        """Time and count of frames where the measurement of the rate began."""
        self._rate = 0.0

    def look(self, now_ns: int, standing: Callable[[], Standing]) -> None:
        """Asks how things stand, if it is time for that."""
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + _EVERY_NS
        now = standing()
        self._measure(now_ns, now.frames)
        line = line_of(now, self._rate)
        if line != self._told:
            self._told = line
            self._tell(line)

    def _measure(self, now_ns: int, frames: int) -> None:
        if self._from is None:
            self._from = (now_ns, frames)
            return
        since_ns, before = self._from
        if now_ns - since_ns >= (_MEASURE_NS if self._rate else _EVERY_NS):
            self._rate = (frames - before) / (now_ns - since_ns) * 1e9
            self._from = (now_ns, frames)


def line_of(standing: Standing, rate: float) -> str:
    """Cameras, rate, what runs the models, broker, problems."""
    answering = (f"{name}: {word or 'nothing answers'}" for name, word in standing.accelerators)
    parts = [
        f"{standing.online} of {standing.cameras} cameras online",
        f"{rate:.1f} frames/s",
        *answering,
        f"broker {'connected' if standing.connected else 'away'}",
        f"problems: {', '.join(dict.fromkeys(standing.problems))}" if standing.problems else "no problem",
    ]
    return "; ".join(parts)
