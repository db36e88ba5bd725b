"""From the times of single frames to rate and latency."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.rounds import quantile

WARM_UP_S = 0.7
"""Frames of so long after the first result do not count."""
_FEWEST = 10


class Sample(NamedTuple):
    """One frame's way; all times are CLOCK_MONOTONIC in ns."""

    seq: int
    captured: int
    invoke_start: int
    invoke_end: int
    decided: int


@dataclass(frozen=True, slots=True)
class Timing:
    """One run of one design."""

    share: float
    """Results as a percentage of what camera and chip allow."""
    invoke_ms: float
    """Median."""
    p50_ms: float
    """Capture to decision, above the median invoke."""
    p99_ms: float


def warmed(rows: Sequence[Sample]) -> list[Sample]:
    """Without the first frames; raises SystemExit where too few are left to say anything."""
    begin = rows[0].decided + WARM_UP_S * 1e9 if rows else 0
    kept = [row for row in rows if row.captured >= begin]
    if len(kept) < _FEWEST:
        raise SystemExit(f"only {len(kept)} of {len(rows)} frames came after the warm-up")
    return kept


def timing(rows: Sequence[Sample], fps: float) -> Timing:
    """Of warmed rows."""
    invoke_ms = statistics.median(row.invoke_end - row.invoke_start for row in rows) / 1e6
    rate = (len(rows) - 1) / (rows[-1].decided - rows[0].decided) * 1e9
    late = [(row.decided - row.captured) / 1e6 - invoke_ms for row in rows]
    share = rate / min(fps, 1000 / invoke_ms) * 100
    return Timing(share, invoke_ms, quantile(late, 0.5), quantile(late, 0.99))
