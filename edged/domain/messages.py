"""What leaves for the broker."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT publish."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    expiry_s: int | None = None
    """MQTT 5 message expiry; None never expires."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event that is on disk and not yet acknowledged by the broker."""

    seq: int
    topic: str
    payload: bytes
    expiry_s: int | None
