"""What the delivery thread does next: three classes of messages over one connection that comes and goes."""

from collections import Counter
from collections.abc import Callable

from edged.delivery.changes import Conditions, DeliveryStats, Report
from edged.delivery.event_queue import EventQueue
from edged.delivery.holds import Holds
from edged.delivery.spare import SpareOutbox
from edged.delivery.state_board import StateBoard
from edged.domain.errors import StorageError
from edged.domain.messages import Message, StoredEvent
from edged.ports import Acknowledged, Connected, Disconnected, Notice, Outbox

MAX_WINDOW = 16
_MAX_TELEMETRY = 32
"""Telemetry messages that may wait for the network before new ones are dropped."""
_RETRY_NS = 30_000_000_000
_FLUSH_AT = 32
_FLUSH_AFTER_NS = 2_000_000_000
_BROKER_CODES = ("broker_lost", "broker_refused", "broker_unreachable")


class Courier:
    """Takes messages and notices, and sends what may go now through `send`.

    *event*: outbox first, in order, at least once; *state*: last value wins, all again after each connect;
    *telemetry*: dropped and counted while offline or congested. At most min(16, the broker's receive
    maximum) messages of QoS 1 are under way, states first. All times are CLOCK_MONOTONIC in nanoseconds.
    Without an outbox the spare one, in memory, serves until `adopt`.
    """

    def __init__(
        self,
        *,
        outbox: Outbox | None,
        spare: SpareOutbox,
        send: Callable[[Message], int | None],
        report: Report,
        limit: int = 100_000,
        spare_limit: int = 1_000,
    ) -> None:
        self._send = send
        self._conditions = Conditions(report)
        self._holds = (Holds(_RETRY_NS), Holds(_RETRY_NS))
        self._events = EventQueue(
            outbox=outbox,
            spare=spare,
            conditions=self._conditions,
            holds=self._holds[0],
            limit=limit,
            spare_limit=spare_limit,
        )
        self._states = StateBoard(
            outbox=spare if outbox is None else outbox, conditions=self._conditions, holds=self._holds[1]
        )
        self._telemetry: set[int] = set()
        self._dropped: Counter[str] = Counter()
        self._window = 0
        self._connects = 0
        self.broker_away = False
        """Whether the last word of the publisher was that there is no connection."""
        self._flushed_ns = 0

    def outbox_refused(self, error: StorageError, now_ns: int) -> None:
        """There is no outbox yet, and this is why."""
        self._events.disk_failed(error, now_ns)

    def adopt(self, outbox: Outbox, now_ns: int) -> None:
        """There is an outbox now: what memory holds goes there."""
        self._events.adopt(outbox)
        self._states.adopt(outbox, now_ns)

    def event(
        self, build: Callable[[str, int], StoredEvent], *, now_ns: int, opens: str = "", closes: str = ""
    ) -> StoredEvent:
        """Stores the event that `build` makes from epoch and sequence number."""
        return self._events.append(build, opens=opens, closes=closes, now_ns=now_ns)

    def state(self, topic: str, payload: bytes) -> None:
        """Sets a retained topic; an empty payload clears it."""
        self._states.set(topic, payload)

    def keep_only(self, topics: frozenset[str], now_ns: int) -> None:
        """Clears every retained topic, of this run or an earlier one, that is not among these."""
        self._states.recall(now_ns)
        self._states.keep_only(topics)

    def telemetry(self, message: Message, now_ns: int) -> None:
        """Sends a message now or never; a topic that keeps it is noted first, to be cleared one day."""
        if not self._window:
            self._dropped["offline"] += 1
            return
        if message.retain:
            self._states.note(message.topic, now_ns)
        if len(self._telemetry) >= _MAX_TELEMETRY or (token := self._send(message)) is None:
            self._dropped["congested"] += 1
        else:
            self._telemetry.add(token)

    def gave_up(self, reason: str, count: int = 1) -> None:
        """Counts messages that did not even come here."""
        self._dropped[reason] += count

    def notice(self, notice: Notice, now_ns: int) -> None:
        """Takes what the publisher announced."""
        if isinstance(notice, Acknowledged):
            self._acknowledged(notice, now_ns)
            return
        self._telemetry.clear()
        self._events.restart()
        self._states.restart()
        self.broker_away = isinstance(notice, Disconnected)
        if isinstance(notice, Connected):
            self._connects += 1
            self._window = max(1, min(MAX_WINDOW, notice.receive_maximum))
            self._conditions.end(*_BROKER_CODES)
        else:
            self._disconnected(notice, now_ns)

    def pump(self, now_ns: int) -> None:
        """Sends as much as the window lets through, and deletes what the broker has in batches."""
        self._events.move_to_disk(now_ns)
        while self._events.under_way + self._states.under_way < self._window:
            if not (self._states.offer(self._send, now_ns) or self._events.offer(self._send, now_ns)):
                break
        if self._events.done >= _FLUSH_AT or now_ns - self._flushed_ns >= _FLUSH_AFTER_NS:
            self.flush(now_ns)

    def flush(self, now_ns: int) -> None:
        """Deletes what the broker has."""
        self._events.flush(now_ns)
        self._flushed_ns = now_ns

    def put_away(self, now_ns: int) -> None:
        """The last call: what memory still holds goes to disk, even if that refused a moment ago."""
        self._events.put_away(now_ns)

    @property
    def settled(self) -> bool:
        """Whether the broker has everything that it takes."""
        return not self._events.pending and self._states.settled

    def stats(self) -> DeliveryStats:
        """The counters as they are."""
        dropped = self._dropped + self._events.dropped + self._states.dropped
        return DeliveryStats(
            connected=bool(self._window),
            pending=self._events.pending,
            published=self._events.published,
            reconnects=max(0, self._connects - 1),
            dropped=dict(dropped),
        )

    def _disconnected(self, notice: Disconnected, now_ns: int) -> None:
        self._window = 0
        self._conditions.end(*(code for code in _BROKER_CODES if code != notice.code))
        self._conditions.begin(notice.code, notice.message, notice.fix, now_ns)

    def _acknowledged(self, notice: Acknowledged, now_ns: int) -> None:
        token, refused = notice.token, notice.refused
        if token in self._telemetry:
            self._telemetry.discard(token)
            if refused:
                self._dropped[refused] += 1
            return
        if self._events.acknowledged(token, refused, now_ns) or self._states.acknowledged(
            token, refused, now_ns
        ):
            self._tell_holds(now_ns)

    def _tell_holds(self, now_ns: int) -> None:
        held = [topic for holds in self._holds for topic in holds.topics()]
        if not held:
            self._conditions.end("publish_denied")
            return
        more = f" and {len(held) - 1} more" if len(held) > 1 else ""
        self._conditions.begin(
            "publish_denied",
            f"the broker refuses messages to {held[0]}{more}",
            "let this user publish there in the broker's access rules",
            now_ns,
        )
