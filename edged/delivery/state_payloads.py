"""Payloads of states and telemetry; times come in as values."""

from collections.abc import Iterable, Mapping

from edged.delivery import payloads, stats_types
from edged.delivery.fields import (
    MAX_TEXT_BYTES,
    cut,
    rounded,
    timestamp,
)
from edged.domain.events import PresenceChanged
from edged.domain.moment import Moment
from edged.domain.problems import Problem


def object_state(change: PresenceChanged, label: str, moment: Moment) -> payloads.ObjectState:
    """The state of one label, given as a slug."""
    return {
        "v": 1,
        "label": label,
        "state": "ON" if change.on else "OFF",
        "count": change.count,
        "score": rounded(change.score),
        "since": timestamp(moment.at(change.since_ns)),
        "last_seen": None if change.last_seen_ns is None else timestamp(moment.at(change.last_seen_ns)),
    }


def problem_state(problems: Iterable[Problem], moment: Moment) -> payloads.ProblemState:
    """All conditions that last, as one state."""
    items: list[payloads.ProblemItem] = [
        {
            "code": problem.code,
            "since": timestamp(moment.at(problem.since_ns)),
            "message": cut(problem.message, MAX_TEXT_BYTES),
            "fix": cut(problem.fix, MAX_TEXT_BYTES),
        }
        for problem in problems
    ]
    return {"v": 1, "state": "ON" if items else "OFF", "problems": items}


def stats_payload(
    moment: Moment,
    *,
    cameras: Mapping[str, stats_types.CameraStats],
    temperatures_c: Mapping[str, float],
    throttled: Iterable[str],
    outbox: stats_types.OutboxStats,
    reconnects: int,
    restarts: Mapping[str, int],
) -> stats_types.Stats:
    """How the device is doing at this moment."""
    return {
        "v": 1,
        "ts": timestamp(moment),
        "ts_ms": moment.wall_ns // 1_000_000,
        "uptime_ms": moment.uptime_ns // 1_000_000,
        "cameras": dict(cameras),
        "temperatures_c": {name: round(value, 1) for name, value in temperatures_c.items()},
        "throttled": list(throttled),
        "outbox": outbox,
        "reconnects": reconnects,
        "restarts": dict(restarts),
    }


def info_payload(
    *, version: str, schema: str, boot_id: str, config_sha: str, cameras: Mapping[str, payloads.CameraInfo]
) -> payloads.Info:
    """What the device is and does."""
    return {
        "v": 1,
        "version": version,
        "schema": schema,
        "boot_id": boot_id,
        "config_sha": config_sha,
        "cameras": dict(cameras),
    }
