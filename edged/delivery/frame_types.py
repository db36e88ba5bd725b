"""What the payload about one frame holds; its JSON Schema is made from these types."""

from typing import NotRequired, TypedDict

from edged.delivery.payloads import (
    BoxFractions,
    Count,
    Fraction,
    FrameInfo,
    Keypoints,
    Milliseconds,
    Name,
    RankedArea,
    RankedLabel,
    ReadValue,
    Regional,
    ShortText,
    Timestamp,
    Version,
)


class FrameDetection(Regional):
    """One object of a frame, confirmed or not."""

    label: Name
    label_id: Count
    score: Fraction
    box: BoxFractions
    keypoints: NotRequired[Keypoints]


class FrameRanked(RankedLabel, Regional):
    """One class of a frame or of one of its regions."""


class FrameArea(RankedArea, Regional):
    """One class of a map, of a frame or of one of its regions."""


class FrameValue(ReadValue, Regional):
    """One value of a frame or of one of its regions."""


class FrameText(Regional):
    """What was read in a frame or in one of its regions."""

    text: ShortText
    score: Fraction


class FramePayload(TypedDict):
    """What the model says about one frame: `detections`, `top`, `areas`, `values` or `texts`, as the task is."""

    v: Version
    ts: Timestamp
    ts_ms: int
    camera: Name
    frame: FrameInfo
    latency_ms: Milliseconds
    detections: NotRequired[list[FrameDetection]]
    top: NotRequired[list[FrameRanked]]
    areas: NotRequired[list[FrameArea]]
    values: NotRequired[list[FrameValue]]
    texts: NotRequired[list[FrameText]]
