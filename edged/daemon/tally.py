"""Counts what the daemon reports about itself, between two reports."""

from collections import deque
from collections.abc import Sequence

from edged.delivery.stats_types import CameraStats, Percentiles
from edged.domain.predictions import Observation

_MOST = 10_000
"""Frames that percentiles are taken over; at 60 fps and 30 s there are 1,800."""


class Tally:
    """One camera's frames since the last report."""

    def __init__(self) -> None:
        self._invoke_ns: deque[int] = deque(maxlen=_MOST)
        self._latency_ns: deque[int] = deque(maxlen=_MOST)
        self._frames = 0
        self._dropped = 0
        self._since_ns = 0
        self._last_seq = 0
        self.total = 0
        """Frames since the daemon's start."""

    def count(self, observation: Observation, now_ns: int) -> None:
        """Takes one frame in; a gap in the camera's count before it is frames that nobody took."""
        self.total += 1
        self._frames += 1
        self._invoke_ns.append(observation.invoke_end_ns - observation.invoke_start_ns)
        self._latency_ns.append(now_ns - observation.frame.captured_ns)
        seq = observation.frame.seq
        if 0 < self._last_seq < seq:  # else it is the first, or the first after the camera was restarted
            self._dropped += seq - self._last_seq - 1
        self._last_seq = seq

    def report(self, now_ns: int) -> CameraStats:
        """What happened since the last report, and a fresh start."""
        seconds = (now_ns - self._since_ns) / 1e9
        fps = round(self._frames / seconds, 2) if self._since_ns else 0.0
        stats: CameraStats = {"fps": fps, "frames_dropped": self._dropped}
        if self._frames:
            stats["invoke_ms"] = percentiles(self._invoke_ns)
            stats["latency_ms"] = percentiles(self._latency_ns)
        self.restart(now_ns)
        return stats

    def restart(self, now_ns: int) -> None:
        """Begins to count from here."""
        self._frames, self._dropped, self._since_ns = 0, 0, now_ns
        self._invoke_ns.clear()
        self._latency_ns.clear()


def percentiles(values_ns: Sequence[int] | deque[int]) -> Percentiles:
    """The 50th, 95th and 99th percentile in ms, by nearest rank; the values must not be empty."""
    ordered = sorted(values_ns)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1e6, 3)

    return {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99)}
