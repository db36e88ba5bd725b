"""Observations for the policy's tests, said shortly."""

from typing import TypeVar

from edged.domain.events import (
    LabelsChanged,
    PolicyEvent,
    PresenceChanged,
    ReadingState,
    TextChanged,
    TrackEnded,
    TrackStarted,
    ValueChanged,
)
from edged.domain.frame import Frame, FrameShape, PixelFormat
from edged.domain.geometry import Box
from edged.domain.predictions import (
    Classification,
    Detection,
    Detections,
    LabelSet,
    ModelId,
    Observation,
    Prediction,
    Ranked,
    Reading,
    Readings,
    Text,
)
from edged.policy.camera import CameraPolicy
from edged.policy.rules import CameraRules, LabelRule, Zone

Told = TypeVar("Told", bound=PolicyEvent)

SHAPE = FrameShape(PixelFormat.RGB, 640, 480)
FRAME_NS = 100_000_000
"""Frames come every tenth of a second, unless a test says otherwise."""
LEFT = Box(0.125, 0.25, 0.25, 0.5)
RIGHT = Box(0.625, 0.25, 0.25, 0.5)


def item(label: str = "person", score: float = 0.75, box: Box = LEFT) -> Detection:
    return Detection(label, 0, score, box)


def observe(seq: int, prediction: Prediction, captured_ns: int | None = None) -> Observation:
    at_ns = seq * FRAME_NS if captured_ns is None else captured_ns
    frame = Frame("front", seq, at_ns, SHAPE)
    return Observation(frame, prediction, ModelId("m", "ab12cd34"), "cpu", at_ns + 1, at_ns + 2)


def found(seq: int, *items: Detection) -> Observation:
    return observe(seq, Detections(items))


def ranked(seq: int, **scores: float) -> Observation:
    best_first = sorted(scores.items(), key=lambda entry: -entry[1])
    return observe(seq, Classification(tuple(Ranked(label, 0, score) for label, score in best_first)))


def labelled(seq: int, **scores: float) -> Observation:
    """A frame of a multi-label model."""
    best_first = sorted(scores.items(), key=lambda entry: -entry[1])
    return observe(seq, LabelSet(tuple(Ranked(label, 0, score) for label, score in best_first)))


def gauge(seq: int, **values: float) -> Observation:
    """A frame of a model that gives values, in bar."""
    return observe(seq, Readings(tuple(Reading(name, value, "bar") for name, value in values.items())))


def read(seq: int, text: str, score: float = 0.9) -> Observation:
    """A frame of a model that reads text."""
    return observe(seq, Text(text, score))


def policy(
    threshold: float = 0.5,
    confirm: tuple[int, int] = (1, 1),
    hold_s: float = 0.0,
    min_area: float = 0.0,
    zones: tuple[Zone, ...] = (),
    first_track: int = 1,
) -> CameraPolicy:
    """A camera where one rule holds for every label."""
    rules = CameraRules(LabelRule(threshold, min_area, confirm, hold_s), zones=zones)
    return CameraPolicy("front", rules, first_track)


def kinds(events: tuple[PolicyEvent, ...]) -> list[str]:
    """Events as words: `start 1`, `end 1 gone`, `person ON 2`, `class cat`."""
    return [_kind(event) for event in events]


def _kind(event: PolicyEvent) -> str:  # noqa: PLR0911  a sentence for each kind
    if isinstance(event, TrackStarted):
        return f"start {event.track}"
    if isinstance(event, TrackEnded):
        return f"end {event.track} {event.reason}"
    if isinstance(event, PresenceChanged):
        return f"{event.label} {'ON' if event.on else 'OFF'} {event.count}"
    if isinstance(event, LabelsChanged):
        return f"labels {'+'.join(sorted(entry.label for entry in event.top)) or '-'}"
    if isinstance(event, ValueChanged):
        return f"{event.name} {event.value:g} {event.unit}"
    if isinstance(event, TextChanged):
        return f"text {event.text or '-'}"
    if isinstance(event, ReadingState):
        return f"{event.name}={event.value!r}"
    return f"class {event.top[0].label if event.top else '-'}"


def only(kind: type[Told], events: tuple[PolicyEvent, ...]) -> list[Told]:
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def run(camera: CameraPolicy, *frames: Observation) -> list[list[str]]:
    """What each frame caused."""
    return [kinds(camera.update(frame)) for frame in frames]
