"""An instant as a value, so that nothing pure ever asks a clock."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of all clocks at once."""

    monotonic_ns: int
    wall_ns: int
    """Nanoseconds since the epoch, right only where `synced`."""
    uptime_ns: int
    """Nanoseconds since boot, always right."""
    synced: bool
    """Whether the kernel says that the clock was set from outside since boot."""

    def at(self, monotonic_ns: int) -> "Moment":
        """The same clocks at another monotonic time."""
        past = self.monotonic_ns - monotonic_ns
        return Moment(monotonic_ns, self.wall_ns - past, self.uptime_ns - past, self.synced)
