"""What the payloads of values and texts hold; the JSON Schemas are made from these types."""

from typing import Literal, NotRequired, TypedDict

from edged.delivery.payloads import (
    Fraction,
    Judged,
    Name,
    Observed,
    ReadValue,
    ShortText,
    Timestamp,
    Version,
)


class ValueEvent(Observed, ReadValue):
    """A value of the whole frame differs enough from the one that was told last."""

    type: Literal["value"]


class TextEvent(Judged):
    """The text of the whole frame is another one; empty where it is no longer there."""

    type: Literal["text"]
    text: ShortText
    score: Fraction


class ReadingPayload(TypedDict):
    """What a camera's value or text is now; `null` before the first one and while the camera gives no frames."""

    v: Version
    name: Name
    value: float | ShortText | None
    unit: NotRequired[str]
    score: NotRequired[Fraction]
    since: Timestamp
    last_seen: Timestamp | None
