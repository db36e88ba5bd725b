"""The delivery thread: it alone touches the outbox and tells the publisher what to send."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from edged.daemon.line import Line
from edged.delivery.changes import DeliveryStats, ProblemChange, Report
from edged.delivery.courier import Courier
from edged.delivery.event_payloads import system_event
from edged.delivery.event_writer import Build, EventWriter
from edged.delivery.spare import SpareOutbox
from edged.delivery.topics import Topics
from edged.domain.errors import StorageError
from edged.domain.events import SystemEvent
from edged.domain.messages import Message
from edged.domain.problems import Problem
from edged.ports import Clock, Notice, Outbox, Publisher

_LOG = logging.getLogger(__name__)
_TICK_S = 1.0
_BURST = 64
"""Commands taken before the next look at what may be sent."""
_LEAST_STOP_S = 0.2


class DeliveryThread:
    """Takes messages from any thread and never blocks its callers.

    `report` is called in the delivery thread and only enqueues. An outbox that cannot be opened is a
    problem, not an end: events are then kept in memory. The device's `status` is `online` from the first
    connection on and `offline` after `stop`.
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
        self._report = report
        self._spare_epoch = spare_epoch
        self._line = Line(publisher)
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self._running = True
        self._stats = DeliveryStats()
        self._courier: Courier
        self._writer: EventWriter

    def start(self) -> None:
        """Opens the outbox, ends tracks that a crash left open, and begins to connect; all in the thread."""
        self._thread.start()

    def event(self, topic: str, build: Build, *, opens: str = "", closes: str = "") -> None:
        """Stores and delivers an event; `opens` and `closes` are a key of the track it starts or ends."""
        self._commands.put(partial(self._write, topic, build, opens, closes))

    def state(self, topic: str, payload: bytes) -> None:
        """Sets a retained topic."""
        self._commands.put(lambda: self._courier.state(topic, payload))

    def clear(self, topic: str) -> None:
        """Removes a retained topic from the broker."""
        self.state(topic, b"")

    def keep_only(self, topics: Iterable[str]) -> None:
        """Clears the retained topics of this and earlier runs that are not among these."""
        kept = frozenset((*topics, self._topics.status))
        self._commands.put(lambda: self._courier.keep_only(kept, self._now_ns()))

    def telemetry(
        self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: int | None = None
    ) -> None:
        """Sends a message now, or drops and counts it."""
        message = Message(topic, payload, 0, retain, expiry_s)
        self._commands.put(lambda: self._courier.telemetry(message))

    def stats(self) -> DeliveryStats:
        """The counters, at most a second old."""
        return self._stats

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def stop(self, last: Iterable[Message], timeout_s: float) -> None:
        """Delivers what it can within `timeout_s`, says the last words and ends; may be called twice."""
        if self.alive:
            self._commands.put(partial(self._finish, tuple(last), timeout_s))
            self._thread.join(timeout_s + 2 * _TICK_S)

    def _run(self) -> None:
        outbox, recovered = self._opened()
        self._courier = Courier(
            outbox=outbox,
            spare=SpareOutbox(self._spare_epoch),
            send=self._line.send,
            report=self._report,
        )
        self._writer = EventWriter(self._courier, self._topics.device)
        self._guarded(lambda: self._writer.end_left_open(outbox.open_tracks(), self._clock.now()))
        if recovered:
            self._guarded(partial(self._tell_recovered, recovered))
        self._courier.state(self._topics.status, b"online")
        self._publisher.start(self._take_notice)
        while self._running:
            self._round(_TICK_S)
        self._guarded(outbox.close)

    def _round(self, timeout_s: float) -> None:
        """Waits for a command, takes those that are there, and sends what may go."""
        try:
            self._guarded(self._commands.get(timeout=timeout_s))
            for _ in range(_BURST):
                self._guarded(self._commands.get_nowait())
        except queue.Empty:
            pass
        self._guarded(lambda: self._courier.pump(self._now_ns()))
        self._stats = self._courier.stats()

    def _guarded(self, step: Callable[[], None]) -> None:
        """Runs a step; a bug in one event's payload must not end the delivery of all others."""
        try:
            step()
        except Exception:  # noqa: BLE001  whatever a builder raises, the other messages go on
            _LOG.exception("one step of delivery failed")
            self._courier.gave_up("bug")

    def _opened(self) -> tuple[Outbox, str]:
        try:
            outbox = self._outbox_factory()
        except StorageError as error:
            _LOG.error("%s; events are kept in memory; %s", error.what, error.fix)
            message = f"{error.what}; events are kept in memory"
            problem = Problem("outbox_failed", message, error.fix, self._now_ns())
            self._report(ProblemChange(problem.code, problem))
            return SpareOutbox(self._spare_epoch), ""
        return outbox, getattr(outbox, "recovered", "")

    def _tell_recovered(self, recovered: str) -> None:
        now = self._clock.now()
        event = SystemEvent("outbox_recovered", "error", recovered, "check the disk", now.monotonic_ns)
        self._write(self._topics.event, lambda ids: system_event(event, ids, now), "", "")

    def _write(self, topic: str, build: Build, opens: str, closes: str) -> None:
        self._writer.write(topic, build, now_ns=self._now_ns(), opens=opens, closes=closes)

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
        self._courier.flush(self._now_ns())
        self._stats = self._courier.stats()

    def _now_ns(self) -> int:
        return self._clock.now().monotonic_ns
