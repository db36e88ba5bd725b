"""Event payloads from what the policy or the device decided; times come in as values."""

import json
from dataclasses import dataclass
from itertools import accumulate

from edged.delivery import payloads
from edged.delivery.fields import (
    MAX_TEXT_BYTES,
    box_fractions,
    box_pixels,
    cut,
    frame_info,
    milliseconds,
    model_info,
    ranked_label,
    regional,
    rounded,
    timestamp,
)
from edged.delivery.topics import SlugOf, slug
from edged.domain.events import ClassChanged, LabelsChanged, SystemEvent, TrackEnded, TrackStarted
from edged.domain.moment import Moment
from edged.domain.predictions import Observation

_ZONES_BYTES = 140
"""What keeps an event with the longest names under 1,000 bytes."""


@dataclass(frozen=True, slots=True)
class EventIds:
    """The names of one event: its own number, and its track where it has one."""

    device: str
    epoch: str
    seq: int
    track: str = ""

    @property
    def event(self) -> str:
        """The same on every retry; subscribers drop a repeated one."""
        return f"{self.device}-{self.epoch}-{self.seq}"


def detection_event(
    event: TrackStarted | TrackEnded, ids: EventIds, moment: Moment, slug_of: SlugOf = slug
) -> payloads.DetectionEvent:
    """An object's start or end; `moment` is when it was decided."""
    seen = _seen_object(event, ids, moment, slug_of)
    if isinstance(event, TrackStarted):
        return {**seen, "phase": "start"}
    return {**seen, **ended(event)}


def ended(event: TrackEnded) -> payloads.Ended:
    """What the end of an object adds to what was last seen of it."""
    return {
        "phase": "end",
        "reason": event.reason,
        "duration_s": max(0.0, round((event.ended_ns - event.started_ns) / 1e9, 3)),
        "best_score": rounded(event.best_score),
    }


def restart_end(start: bytes, ids: EventIds, moment: Moment) -> payloads.DetectionEnd:
    """The end of a track that a crash left open, from the payload of its start.

    Nobody saw the end, so the duration runs until now, by the wall clock, and is 0 where that went back.
    """
    before: payloads.SeenObject = json.loads(start)  # or a pose, whose end adds the same
    duration_s = (moment.wall_ns // 1_000_000 - before["ts_ms"]) / 1e3
    return {
        **before,
        **_stamped(ids, moment),
        "phase": "end",
        "latency_ms": 0.0,
        "reason": "restart",
        "duration_s": max(0.0, round(duration_s, 3)),
        "best_score": before["score"],
    }


def classification_event(
    event: ClassChanged, ids: EventIds, moment: Moment, slug_of: SlugOf = slug
) -> payloads.ClassificationEvent:
    """A change of the whole frame's class; at most the five best are listed."""
    return {
        **judged(event.observation, event.threshold, ids, moment),
        "type": "classification",
        "top": [ranked_label(ranked, slug_of) for ranked in event.top[: payloads.MAX_TOP]],
    }


def labels_event(
    event: LabelsChanged, ids: EventIds, moment: Moment, slug_of: SlugOf = slug
) -> payloads.LabelsEvent:
    """A change of the labels that hold for the whole frame; at most the five best are listed."""
    return {
        **judged(event.observation, event.threshold, ids, moment),
        "type": "labels",
        "top": [ranked_label(ranked, slug_of) for ranked in event.top[: payloads.MAX_TOP]],
    }


def system_event(event: SystemEvent, ids: EventIds, moment: Moment) -> payloads.SystemEventPayload:
    """Something the device itself did; overlong texts are cut."""
    return {
        **_stamped(ids, moment.at(event.at_ns)),
        "type": "system",
        "code": event.code,
        "severity": event.severity,
        "message": cut(event.message, MAX_TEXT_BYTES),
        "fix": cut(event.fix, MAX_TEXT_BYTES),
    }


def _seen_object(
    event: TrackStarted | TrackEnded, ids: EventIds, moment: Moment, slug_of: SlugOf
) -> payloads.SeenObject:
    seen, shape = event.detection, event.observation.frame.shape
    return {
        **judged(event.observation, event.threshold, ids, moment),
        "type": "detection",
        "track": ids.track,
        "label": slug_of(seen.label, seen.label_id),
        "label_id": seen.label_id,
        "score": rounded(seen.score),
        "box": box_fractions(seen.box),
        "box_px": box_pixels(seen.box, shape.width, shape.height),
        "zones": fitting(event.zones, _ZONES_BYTES - room_of_region(event.observation.region)),
    }


def room_of_region(region: str) -> int:
    """Bytes that the name of a region takes of what zones may have."""
    return len(f'"region":"{region}",') if region else 0


def fitting(names: tuple[str, ...], room: int = _ZONES_BYTES) -> list[str]:
    """As many names as an event has room for: 4 of the longest, 14 of eight letters."""
    ends = accumulate(len(name) + len('"",') for name in names)
    return [name for name, end in zip(names, ends, strict=True) if end <= room]


def _stamped(ids: EventIds, moment: Moment) -> payloads.Stamped:
    return {
        "v": 1,
        "id": ids.event,
        "seq": ids.seq,
        "ts": timestamp(moment),
        "ts_ms": moment.wall_ns // 1_000_000,
        "clock_synced": moment.synced,
        "uptime_ms": moment.uptime_ns // 1_000_000,
        "device": ids.device,
    }


def judged(observation: Observation, threshold: float, ids: EventIds, moment: Moment) -> payloads.Judged:
    """What an event says that a score decided."""
    about = observed(observation, ids, moment)
    stamp = _stamped(ids, moment.at(observation.frame.captured_ns))
    return {**stamp, "camera": about["camera"], "threshold": rounded(threshold), **about}


def observed(observation: Observation, ids: EventIds, moment: Moment) -> payloads.Observed:
    """What every event of a camera says; `moment` is when it was decided."""
    frame = observation.frame
    return {
        **_stamped(ids, moment.at(frame.captured_ns)),
        "camera": frame.camera,
        **regional(observation.region),
        "frame": frame_info(frame),
        "model": model_info(observation.model),
        "accelerator": observation.accelerator,
        "infer_ms": milliseconds(observation.invoke_end_ns - observation.invoke_start_ns),
        "latency_ms": milliseconds(moment.monotonic_ns - frame.captured_ns),
    }
