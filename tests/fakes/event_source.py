"""A process that delivers numbered events until it is killed: `python -m tests.fakes.event_source PORT OUTBOX COUNT`.

It prints a line for each event that it has handed over, and ends once all are delivered.
"""

import sys
import time
from pathlib import Path
from typing import Any

from edged.adapters.mqtt.paho import PahoPublisher
from edged.adapters.mqtt.settings import BrokerSettings
from edged.adapters.storage.outbox import SqliteOutbox, new_epoch
from edged.daemon.delivery import DeliveryThread
from edged.delivery.changes import ProblemChange, Report
from edged.delivery.event_payloads import detection_event
from edged.delivery.fields import dumps
from edged.delivery.topics import Topics
from edged.domain.events import TrackStarted
from edged.domain.frame import Frame, FrameShape, PixelFormat
from edged.domain.geometry import Box
from edged.domain.messages import Message
from edged.domain.moment import Moment
from edged.domain.predictions import Detection, Detections, ModelId, Observation

TOPICS = Topics("edged", "t")
PERSON = Detection("person", 0, 0.9, Box(0.1, 0.1, 0.2, 0.2))


def ignored(_: ProblemChange) -> None:
    """Where a test does not look at problems."""


class SystemClock:
    """The clocks of this machine."""

    def now(self) -> Moment:
        """All at once, as near as it takes."""
        monotonic_ns = time.monotonic_ns()
        return Moment(monotonic_ns, time.time_ns(), monotonic_ns, synced=True)


def new_delivery(port: int, outbox: Path, report: Report = ignored, **settings: Any) -> DeliveryThread:
    """A delivery thread over a real broker and a real disk."""
    broker = BrokerSettings("127.0.0.1", "edged-t", port, keepalive_s=5, **settings)
    return DeliveryThread(
        outbox_factory=lambda: SqliteOutbox(outbox),
        spare_epoch=new_epoch(),
        publisher=PahoPublisher(broker, Message(TOPICS.status, b"offline", 1, retain=True)),
        topics=TOPICS,
        clock=SystemClock(),
        report=report,
    )


def started(number: int, now_ns: int) -> TrackStarted:
    """A person whose frame carries the number."""
    frame = Frame("front", number, now_ns, FrameShape(PixelFormat.RGB, 640, 480))
    seen = Observation(frame, Detections((PERSON,)), ModelId("m", "ab12cd34"), "cpu", now_ns, now_ns)
    return TrackStarted(number, PERSON, 0.5, (), seen)


def emit(delivery: DeliveryThread, number: int, *, opens: str = "") -> None:
    """Hands over the event with this number."""
    now = SystemClock().now()
    event = started(number, now.monotonic_ns)
    delivery.event(
        TOPICS.camera_event("front"), lambda ids: dict(detection_event(event, ids, now)), opens=opens
    )


def main(port: str, outbox: str, count: str) -> None:
    """Emits events 1 to `count`, the first as a track that is never ended."""
    delivery = new_delivery(int(port), Path(outbox))
    delivery.start()
    delivery.state(TOPICS.camera_object("front", "person"), dumps({"v": 1, "state": "ON"}))
    for number in range(1, int(count) + 1):
        emit(delivery, number, opens="front-1" if number == 1 else "")
        print(number, flush=True)  # noqa: T201  its parent reads it
        time.sleep(0.002)
    while delivery.stats().pending or not delivery.stats().published:
        time.sleep(0.02)
    time.sleep(60)


if __name__ == "__main__":
    main(*sys.argv[1:])
