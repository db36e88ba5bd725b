"""What a daemon can take over while everything goes on."""

from collections.abc import Sequence
from dataclasses import dataclass

from edged.daemon.stream import StreamPlan
from edged.daemon.watch import WatchPlan


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts on each camera, and what is told of it."""

    watches: Sequence[WatchPlan]
    streams: Sequence[StreamPlan]
    """Taken over from other rules, they differ from those that run in thresholds and numbers of classes alone."""
    stats_interval_s: float
    config_sha: str
