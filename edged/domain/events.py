"""What the policy decides to tell: values that delivery turns into messages."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from edged.domain.predictions import Detection, Observation, Ranked

EndReason = Literal["gone", "camera_lost", "stopped", "restart"]
Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class TrackStarted:
    """An object is confirmed for the first time."""

    track: int
    detection: Detection
    threshold: float
    zones: tuple[str, ...]
    observation: Observation


@dataclass(frozen=True, slots=True)
class TrackEnded:
    """An object that had started is no longer there; `detection` is the last one seen."""

    track: int
    detection: Detection
    threshold: float
    zones: tuple[str, ...]
    observation: Observation
    reason: EndReason
    best_score: float
    started_ns: int
    """`captured_ns` of the frame that started it."""
    ended_ns: int
    """`captured_ns` of the last frame that showed it."""


@dataclass(frozen=True, slots=True)
class ClassChanged:
    """The whole frame's class changed; an empty `top` means that nothing reaches its threshold any more."""

    top: tuple[Ranked, ...]
    threshold: float
    observation: Observation


@dataclass(frozen=True, slots=True)
class LabelsChanged:
    """The labels that hold for the whole frame are others now; `top` are all of them, best score first.

    Where the prediction is of areas: the classes that cover enough of it.
    """

    top: tuple[Ranked, ...]
    threshold: float
    """Of the camera; labels may have thresholds of their own."""
    observation: Observation


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """The state of one label of one camera; the last value wins."""

    camera: str
    label: str
    on: bool
    count: int
    score: float
    since_ns: int
    """CLOCK_MONOTONIC when the state took this value."""
    last_seen_ns: int | None
    """`captured_ns` of the last frame that showed the label; None before the first."""


@dataclass(frozen=True, slots=True)
class ValueChanged:
    """A value of the whole frame, such as a gauge's, differs enough from the one that was told last."""

    name: str
    value: float
    unit: str
    observation: Observation


@dataclass(frozen=True, slots=True)
class TextChanged:
    """The text of the whole frame is another one; an empty one means that it is no longer there."""

    text: str
    score: float
    """0..1, of the frame that the event is about; 0 for the empty text."""
    threshold: float
    observation: Observation


@dataclass(frozen=True, slots=True)
class ReadingState:
    """What a value or the text of one camera was told to be last; the last state wins."""

    camera: str
    name: str
    value: float | str | None
    """None before the first one and while the camera gives no frames."""
    since_ns: int
    """CLOCK_MONOTONIC when it took this value."""
    last_seen_ns: int | None
    """`captured_ns` of the last frame that showed one; None before the first."""
    unit: str | None = None
    """Of a value; None for a text."""
    score: float | None = None
    """Of a text that is there."""
    region: str = ""
    """The part of the frame that it is about; empty for the whole frame."""


@dataclass(frozen=True, slots=True)
class SystemEvent:
    """Something the device itself did: a fallback, a return, a restart, a refused reload."""

    code: str
    severity: Severity
    message: str
    fix: str
    at_ns: int
    """CLOCK_MONOTONIC."""


PolicyEvent: TypeAlias = (
    TrackStarted
    | TrackEnded
    | ClassChanged
    | LabelsChanged
    | ValueChanged
    | TextChanged
    | PresenceChanged
    | ReadingState
)
