"""Payloads of states and telemetry; times come in as values."""

from collections.abc import Iterable, Mapping

from edged.delivery import payloads
from edged.delivery.fields import (
    MAX_TEXT_BYTES,
    box_fractions,
    cut,
    frame_info,
    milliseconds,
    ranked_label,
    regional,
    rounded,
    timestamp,
)
from edged.delivery.topics import SlugOf, slug
from edged.domain.events import PresenceChanged
from edged.domain.moment import Moment
from edged.domain.predictions import Detection, Detections, Observation, Observations
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


def frame_payload(observations: Observations, moment: Moment, slug_of: SlugOf = slug) -> Mapping[str, object]:
    """What the model says about one frame, a `payloads.FramePayload`; the lists of its regions are put together."""
    whole: dict[str, object] = dict(_observation_payload(observations[0], moment, slug_of))
    for other in observations[1:]:
        for key, value in _observation_payload(other, moment, slug_of).items():
            before = whole.get(key)
            if isinstance(before, list) and isinstance(value, list):
                whole[key] = before + value
    return whole


def _observation_payload(observation: Observation, moment: Moment, slug_of: SlugOf) -> payloads.FramePayload:
    """What the model says about a frame or one region of it, down to the camera's lowest threshold."""
    taken = moment.at(observation.frame.captured_ns)
    payload: payloads.FramePayload = {
        "v": 1,
        "ts": timestamp(taken),
        "ts_ms": taken.wall_ns // 1_000_000,
        "camera": observation.frame.camera,
        "frame": frame_info(observation.frame),
        "latency_ms": milliseconds(moment.monotonic_ns - taken.monotonic_ns),
    }
    if isinstance(observation.prediction, Detections):
        payload["detections"] = [
            _detection(item, slug_of, observation.region) for item in observation.prediction.items
        ]
    else:
        payload["top"] = [
            {**regional(observation.region), **ranked_label(ranked, slug_of)}
            for ranked in observation.prediction.top
        ]
    return payload


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
    cameras: Mapping[str, payloads.CameraStats],
    temperatures_c: Mapping[str, float],
    throttled: Iterable[str],
    outbox: payloads.OutboxStats,
    reconnects: int,
    restarts: Mapping[str, int],
) -> payloads.Stats:
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


def _detection(seen: Detection, slug_of: SlugOf, region: str) -> payloads.FrameDetection:
    return {
        **regional(region),
        "label": slug_of(seen.label, seen.label_id),
        "label_id": seen.label_id,
        "score": rounded(seen.score),
        "box": box_fractions(seen.box),
    }
