"""What the statistics hold; a part of the types of the contract."""

from typing import Annotated, NotRequired, TypedDict

from edged.delivery.payloads import Count, Limits, Milliseconds, Timestamp, Version


class Percentiles(TypedDict):
    """Of a time, since the last statistics."""

    p50: Milliseconds
    p95: Milliseconds
    p99: Milliseconds


class CameraStats(TypedDict):
    """One camera since the last statistics; the percentiles are missing where there was no frame."""

    fps: Annotated[float, Limits(minimum=0)]
    invoke_ms: NotRequired[Percentiles]
    latency_ms: NotRequired[Percentiles]
    frames_dropped: Count


class OutboxStats(TypedDict):
    """Events that wait, that the broker took, and that were dropped, by reason, since the start."""

    pending: Count
    published: Count
    dropped: dict[str, Count]


class Stats(TypedDict):
    """How the device is doing."""

    v: Version
    ts: Timestamp
    ts_ms: int
    uptime_ms: int
    cameras: dict[str, CameraStats]
    temperatures_c: dict[str, float]
    throttled: list[str]
    outbox: OutboxStats
    reconnects: Count
    restarts: dict[str, Count]
