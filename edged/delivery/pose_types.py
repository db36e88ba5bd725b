"""What the events of poses and of areas hold; a part of the types of the contract."""

from typing import Annotated, Literal, TypeAlias

from edged.delivery.payloads import (
    MAX_TOP,
    BoxFractions,
    Count,
    Ended,
    Fraction,
    Judged,
    Keypoints,
    Limits,
    Name,
    RankedArea,
    TrackId,
)


class SeenPose(Judged):
    """An object with key points as it was seen.

    The points come in the order of the camera's `keypoints` in `info`; null where the model gave no number, and where
    the names in the event leave no room: the surest ones are kept.
    """

    type: Literal["pose"]
    track: TrackId
    label: Name
    label_id: Count
    score: Fraction
    box: BoxFractions
    zones: list[Name]
    keypoints: Keypoints


class PoseStart(SeenPose):
    """An object with key points that appeared."""

    phase: Literal["start"]


class PoseEnd(SeenPose, Ended):
    """An object with key points that went, as it was last seen."""


class AreasEvent(Judged):
    """The classes that cover enough of the picture are others; `top` is empty where none does any more.

    At most the five largest are listed; each one's own state is on its topic.
    """

    type: Literal["areas"]
    top: Annotated[list[RankedArea], Limits(max_items=MAX_TOP)]


PoseEvent: TypeAlias = PoseStart | PoseEnd
