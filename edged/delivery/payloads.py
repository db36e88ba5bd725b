"""What each payload of version 1 of the contract holds; the JSON Schemas are made from these types."""

from dataclasses import dataclass
from typing import Annotated, Literal, NotRequired, TypeAlias, TypedDict

from edged.domain.accelerator import Accelerator
from edged.domain.events import EndReason, Severity


@dataclass(frozen=True, slots=True)
class Limits:
    """What JSON Schema says about a value beyond its type."""

    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    format: str | None = None
    max_items: int | None = None
    max_length: int | None = None
    min_items: int | None = None


Version = Literal[1]
Name = Annotated[str, Limits(pattern="^[a-z0-9_-]{1,32}$")]
EventId = Annotated[str, Limits(pattern="^[a-z0-9_-]{1,32}-[a-z0-9]{6}-[0-9]+$")]
TrackId = Annotated[str, Limits(pattern="^[a-z0-9_-]{1,32}-[a-z0-9]{6}-t[0-9]+$")]
Timestamp = Annotated[str, Limits(format="date-time", pattern=r"\.[0-9]{3}Z$")]
Fraction = Annotated[float, Limits(minimum=0, maximum=1)]
Count = Annotated[int, Limits(minimum=0)]
Milliseconds = Annotated[float, Limits(minimum=0)]
Seconds = Annotated[float, Limits(minimum=0)]
MAX_TOP = 5
MAX_CHARACTERS = 100
ShortText = Annotated[str, Limits(max_length=MAX_CHARACTERS)]
"""Text that a model reads, cut where it is longer."""
Keypoints = Annotated[
    list[Annotated[list[Fraction], Limits(min_items=3, max_items=3)] | None], Limits(max_items=24)
]
"""Each point's x and y as fractions of the upright frame, and its score."""


class BoxFractions(TypedDict):
    """Fractions of the upright frame, top-left origin."""

    x: Fraction
    y: Fraction
    w: Fraction
    h: Fraction


class BoxPixels(TypedDict):
    """The same box in pixels of the frame."""

    x: Count
    y: Count
    w: Count
    h: Count


class FrameInfo(TypedDict):
    """Number and size of the frame that an event is about."""

    seq: Count
    w: Annotated[int, Limits(minimum=1)]
    h: Annotated[int, Limits(minimum=1)]


class ModelInfo(TypedDict):
    """Name and first digits of the SHA-256 of the model's file."""

    name: str
    sha: str


class RankedLabel(TypedDict):
    """One class of a classifier."""

    label: Name
    label_id: Count
    score: Fraction


class Stamped(TypedDict):
    """What every event says about its identity and time."""

    v: Version
    id: EventId
    seq: Annotated[int, Limits(minimum=1)]
    ts: Timestamp
    ts_ms: int
    clock_synced: bool
    uptime_ms: int
    device: Name


class Regional(TypedDict):
    """Which of its camera's regions something is about; missing where the camera has none."""

    region: NotRequired[Name]


class Observed(Stamped, Regional):
    """What every event of a camera says about where it comes from."""

    camera: Name
    frame: FrameInfo
    model: ModelInfo
    accelerator: Accelerator
    infer_ms: Milliseconds
    latency_ms: Milliseconds


class Judged(Observed):
    """What an event says besides where a score decided it."""

    threshold: Fraction


class SeenObject(Judged):
    """An object as it was seen."""

    type: Literal["detection"]
    track: TrackId
    label: Name
    label_id: Count
    score: Fraction
    box: BoxFractions
    box_px: BoxPixels
    zones: list[Name]


class DetectionStart(SeenObject):
    """An object that appeared."""

    phase: Literal["start"]


class Ended(TypedDict):
    """What the end of an object adds: why, after how long, and how sure it was at best."""

    phase: Literal["end"]
    reason: EndReason
    duration_s: Seconds
    best_score: Fraction


class DetectionEnd(SeenObject, Ended):
    """An object that went, as it was last seen."""


class ClassificationEvent(Judged):
    """The whole frame's class changed; `top` is empty where no class reaches its threshold any more."""

    type: Literal["classification"]
    top: Annotated[list[RankedLabel], Limits(max_items=MAX_TOP)]


class LabelsEvent(Judged):
    """The labels that hold for the whole frame are others; `top` is empty where none does any more.

    At most five are listed; each one's own state is on its topic.
    """

    type: Literal["labels"]
    top: Annotated[list[RankedLabel], Limits(max_items=MAX_TOP)]


class ReadValue(TypedDict):
    """A value by its name, to six significant digits, with its unit, which may be empty."""

    name: Name
    value: float
    unit: str


class RankedArea(TypedDict):
    """One class of a map, and the fraction of the picture that it covers."""

    label: Name
    label_id: Count
    area: Fraction


class SystemEventPayload(Stamped):
    """Something the device itself did."""

    type: Literal["system"]
    code: str
    severity: Severity
    message: str
    fix: str


class ObjectState(TypedDict):
    """Whether a camera sees a label now."""

    v: Version
    label: Name
    state: Literal["ON", "OFF"]
    count: Count
    score: Fraction
    since: Timestamp
    last_seen: Timestamp | None


class ProblemItem(TypedDict):
    """A condition that lasts."""

    code: str
    since: Timestamp
    message: str
    fix: str


class ProblemState(TypedDict):
    """All conditions that last; `ON` while there is one."""

    v: Version
    state: Literal["ON", "OFF"]
    problems: list[ProblemItem]


class CameraInfo(TypedDict):
    """What one camera is configured to do.

    `labels` gives the threshold of each slug; where it is empty every label of the model is reported, and
    `threshold` holds for all. `keypoints` names the points of a model of poses, in their order; `regions` are the
    names of the camera's regions, if it has any.
    """

    model: ModelInfo
    accelerator: Accelerator
    threshold: Fraction
    labels: dict[str, Fraction]
    keypoints: NotRequired[list[Name]]
    regions: NotRequired[list[Name]]


class Info(TypedDict):
    """What the device is and does; never a secret."""

    v: Version
    version: str
    schema: str
    boot_id: str
    config_sha: str
    cameras: dict[str, CameraInfo]


DetectionEvent: TypeAlias = DetectionStart | DetectionEnd
