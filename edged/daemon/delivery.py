"""The delivery thread: it alone touches the outbox and tells the publisher what to send."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from edged.daemon.line import Line
from edged.daemon.quota import Quota
from edged.delivery.changes import DeliveryStats, Report
from edged.delivery.courier import Courier
from edged.delivery.event_payloads import system_event
from edged.delivery.event_writer import Build, EventWriter
from edged.delivery.spare import SpareOutbox
from edged.delivery.topics import Topics
from edged.domain.errors import StorageError
from edged.domain.events import SystemEvent
from edged.domain.messages import Message
from edged.ports import Clock, Notice, Outbox, Publisher

_LOG = logging.getLogger(__name__)
_TICK_S = 1.0
_BURST = 64
"""Commands taken before the next look at what may be sent."""
_LEAST_STOP_S = 0.2
_MOST_TELEMETRY = 64
"""Telemetry commands that may wait for the thread before new ones are dropped."""
_OPEN_AGAIN_NS = 10_000_000_000


class DeliveryThread:
    """Takes messages from any thread and never blocks its callers.

    `report` is called in the delivery thread and only enqueues. An outbox that cannot be opened is a
    problem, not an end: events are then kept in memory, and it is tried again every ten seconds. `spare_epoch`
    differs from run to run. The device's `status` is `online` from the first connection on and `offline`
    after `stop`.
    """

    def __init__(
        self,
        *,
        outbox_factory: Callable[[], Outbox],
        spare_epoch: str,
        publisher: Publisher,
        topics: Topics,
        clock: Clock,
        report: Report,
    ) -> None:
        self._outbox_factory = outbox_factory
        self._publisher = publisher
        self._topics = topics
        self._clock = clock
        self._line = Line(publisher)
        self._courier = Courier(
            outbox=None, spare=SpareOutbox(spare_epoch), send=self._line.send, report=report
        )
        self._writer = EventWriter(self._courier, topics.device, spare_epoch)
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self._running = True
        self._telemetry = Quota(_MOST_TELEMETRY)
        self._stats = DeliveryStats()
        self._outbox: Outbox | None = None
        self._tried_to_open = threading.Event()
        self._open_again_ns = 0
        self._tick_s = self._progress_s = 0.0
        self._idle = False

    def start(self) -> None:
        """Opens the outbox, ends tracks that a crash left open, and begins to connect; all in the thread."""
        self._progress_s = time.monotonic()
        self._thread.start()

    def wait_opened(self, timeout_s: float) -> bool:
        """Waits until the outbox was opened or refused; False where that takes longer or the thread ended."""
        return self._tried_to_open.wait(timeout_s) and self._running

    def event(self, topic: str, build: Build, *, opens: str = "", closes: str = "") -> None:
        """Stores and delivers an event; `opens` and `closes` are a key of the track it starts or ends."""
        self._commands.put(partial(self._write, topic, build, opens, closes))

    def state(self, topic: str, payload: bytes) -> None:
        """Sets a retained topic."""
        self._commands.put(lambda: self._courier.state(topic, payload))

    def keep_only(self, topics: Iterable[str]) -> None:
        """Clears the retained topics of this and earlier runs that are not among these."""
        kept = frozenset((*topics, self._topics.status))
        self._commands.put(lambda: self._courier.keep_only(kept, self._now_ns()))

    def telemetry(
        self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: int | None = None
    ) -> None:
        """Sends a message now, or drops and counts it, as it does while the thread does not keep up."""
        if self._telemetry.admit():
            self._commands.put(partial(self._send, Message(topic, payload, 0, retain, expiry_s)))

    def stats(self) -> DeliveryStats:
        """The counters, at most a second old."""
        return self._stats

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def responsive(self, within_s: float) -> bool:
        """Whether the thread waits for work or has finished a piece of it within that time."""
        return self.alive and (self._idle or time.monotonic() - self._progress_s <= within_s)

    def stop(self, last: Iterable[Message], timeout_s: float) -> None:
        """Delivers what it can within `timeout_s`, says the last words and ends; may be called twice."""
        if self.alive:
            self._commands.put(partial(self._finish, tuple(last), timeout_s))
            self._thread.join(timeout_s + 2 * _TICK_S)

    def _run(self) -> None:
        try:
            self._deliver()
        except Exception:  # noqa: BLE001  whatever it is, somebody must read of it
            _LOG.exception("delivery has ended: nothing is stored or sent any more")
        finally:
            self._running = False
            self._tried_to_open.set()
            if self._outbox:
                self._guarded(self._outbox.close)

    def _deliver(self) -> None:
        self._open()
        self._tried_to_open.set()
        self._courier.state(self._topics.status, b"online")
        self._publisher.start(self._take_notice)
        while self._running:
            self._round(_TICK_S)

    def _round(self, timeout_s: float) -> None:
        """Waits for a command, takes those that are there, and sends what may go."""
        now_s = time.monotonic()
        if now_s >= self._tick_s:
            self._tick_s = now_s + _TICK_S
            self._tick()
        try:
            self._guarded(self._next(min(timeout_s, self._tick_s - now_s)))
            for _ in range(_BURST):
                self._guarded(self._commands.get_nowait())
        except queue.Empty:
            pass
        self._guarded(lambda: self._courier.pump(self._now_ns()))

    def _next(self, timeout_s: float) -> Callable[[], None]:
        self._idle = True
        try:
            return self._commands.get(timeout=timeout_s)
        finally:
            self._progress_s = time.monotonic()
            self._idle = False

    def _tick(self) -> None:
        """What is done once a second."""
        if self._outbox is None and self._now_ns() >= self._open_again_ns:
            self._guarded(self._open)
        self._count()

    def _count(self) -> None:
        self._courier.gave_up("congested", self._telemetry.refused())
        self._stats = self._courier.stats()

    def _guarded(self, step: Callable[[], None]) -> None:
        """Runs a step; a bug in one event's payload must not end the delivery of all others."""
        try:
            step()
        except Exception:  # noqa: BLE001  whatever a builder raises, the other messages go on
            _LOG.exception("one step of delivery failed")
            self._courier.gave_up("bug")
        self._progress_s = time.monotonic()

    def _open(self) -> None:
        """Opens the outbox and ends what an earlier run left open there, or tells why that cannot be."""
        self._open_again_ns = self._now_ns() + _OPEN_AGAIN_NS
        try:
            outbox = self._outbox_factory()
        except StorageError as error:
            self._courier.outbox_refused(error, self._now_ns())
            return
        self._outbox = outbox
        self._courier.adopt(outbox, self._now_ns())
        self._guarded(lambda: self._writer.end_left_open(outbox.open_tracks(), self._clock.now()))
        if recovered := getattr(outbox, "recovered", ""):
            self._guarded(partial(self._tell_recovered, recovered))

    def _tell_recovered(self, recovered: str) -> None:
        now = self._clock.now()
        event = SystemEvent("outbox_recovered", "error", recovered, "check the disk", now.monotonic_ns)
        self._write(self._topics.event, lambda ids: system_event(event, ids, now), "", "")

    def _write(self, topic: str, build: Build, opens: str, closes: str) -> None:
        self._writer.write(topic, build, now_ns=self._now_ns(), opens=opens, closes=closes)

    def _send(self, message: Message) -> None:
        self._telemetry.leave()
        self._courier.telemetry(message, self._now_ns())

    def _take_notice(self, notice: Notice) -> None:
        """Called in the publisher's thread."""
        self._line.announced(notice)
        self._commands.put(partial(self._hear, notice))

    def _hear(self, notice: Notice) -> None:
        self._line.heard(notice)
        self._courier.notice(notice, self._now_ns())

    def _finish(self, last: tuple[Message, ...], timeout_s: float) -> None:
        until_s = time.monotonic() + timeout_s
        self._running = False
        self._courier.pump(self._now_ns())
        while not (self._courier.settled or self._courier.broker_away) and time.monotonic() < until_s:
            self._round(_LEAST_STOP_S)
        offline = Message(self._topics.status, b"offline", 1, retain=True)
        self._publisher.stop((*last, offline), max(_LEAST_STOP_S, until_s - time.monotonic()))
        while not self._commands.empty():
            self._guarded(self._commands.get())
        if self._outbox is None:
            self._guarded(self._open)
        self._courier.put_away(self._now_ns())
        self._count()

    def _now_ns(self) -> int:
        return self._clock.now().monotonic_ns
