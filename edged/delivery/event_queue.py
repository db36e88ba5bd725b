"""The durable class: events in order, at least once, first on disk and then at the broker."""

import logging
from collections import Counter
from collections.abc import Callable

from edged.delivery.changes import Conditions
from edged.delivery.holds import Holds
from edged.delivery.lane import Lane
from edged.domain.errors import StorageError
from edged.domain.messages import Message, StoredEvent
from edged.ports import Outbox

_LOG = logging.getLogger(__name__)
_RETRY_DISK_NS = 10_000_000_000
_ROOM = 16
"""Events dropped at once when an outbox is full."""
DEAD_LETTERS = frozenset({"too_large", "malformed"})
"""Refusals that no retry would change; any other holds the topic back and is tried again."""


class EventQueue:
    """Events on disk, or in the spare outbox while the disk refuses them.

    While the spare one holds anything it takes all new events, so that it is always the newer half and the
    order is kept. `limit` and `spare_limit` bound each half; the oldest event goes first and is counted.
    """

    def __init__(
        self,
        *,
        outbox: Outbox,
        spare: Outbox,
        conditions: Conditions,
        holds: Holds,
        limit: int = 100_000,
        spare_limit: int = 1_000,
    ) -> None:
        self._disk = Lane(outbox)
        self._spare = Lane(spare)
        self._limits = {self._disk: limit, self._spare: spare_limit}
        self._conditions = conditions
        self._holds = holds
        self._under_way: dict[int, tuple[Lane, StoredEvent]] = {}
        self._disk_again_ns = 0
        self.published = 0
        self.dropped: Counter[str] = Counter()

    def append(
        self, build: Callable[[str, int], StoredEvent], *, opens: str, closes: str, now_ns: int
    ) -> StoredEvent:
        """Stores what `build` makes from epoch and sequence number; what `build` raises passes through."""
        lane = self._disk
        if now_ns < self._disk_again_ns or self._spare.outbox.pending():
            lane = self._spare
        try:
            event = self._append_to(lane, build, opens, closes)
        except StorageError as error:
            self._disk_failed(error, now_ns)
            lane = self._spare
            event = self._append_to(lane, build, opens, closes)
        if lane is self._disk:
            self._conditions.end("outbox_failed")
        return event

    def offer(self, send: Callable[[Message], int | None], now_ns: int) -> bool:
        """Sends the next event, if there is one and it is taken; True where it was."""
        lane = self._lane_to_send(now_ns)
        event = lane.peek() if lane else None
        if lane is None or event is None:
            return False
        token = send(Message(event.topic, event.payload, qos=1, expiry_s=event.expiry_s))
        if token is None:
            return False
        lane.take()
        self._holds.sent(event.topic, now_ns)
        self._under_way[token] = (lane, event)
        return True

    def acknowledged(self, token: int, refused: str, now_ns: int) -> bool:
        """Takes an answer of the broker; False where the token is not an event's."""
        lane, event = self._under_way.pop(token, (None, None))
        if lane is None or event is None:
            return False
        if refused and refused not in DEAD_LETTERS:
            lane.returned(event.seq)
            self._holds.hold(event.topic, now_ns)
            return True
        lane.finished(event.seq)
        if refused:
            self.dropped[refused] += 1
            _LOG.error("event %d for %s is given up: %s", event.seq, event.topic, refused)
        else:
            self.published += 1
        if self._holds.release(event.topic):
            self._rewind()
        return True

    def restart(self) -> None:
        """A connection was lost or made: all that the broker has not acknowledged comes again, in order."""
        self._under_way.clear()
        for lane in (self._disk, self._spare):
            lane.restart()

    def flush(self, now_ns: int) -> None:
        """Deletes what the broker has, in one transaction."""
        self._spare.flush()
        try:
            self._disk.flush()
        except StorageError as error:
            self._disk_failed(error, now_ns)

    @property
    def under_way(self) -> int:
        """Events sent and not yet acknowledged."""
        return len(self._under_way)

    @property
    def done(self) -> int:
        """Events that the broker has and that `flush` would delete."""
        return self._disk.done + self._spare.done

    @property
    def pending(self) -> int:
        """Events that the broker does not have yet."""
        return self._disk.outbox.pending() + self._spare.outbox.pending() - self.done

    def _append_to(
        self, lane: Lane, build: Callable[[str, int], StoredEvent], opens: str, closes: str
    ) -> StoredEvent:
        epoch = lane.outbox.epoch
        event = lane.outbox.append(lambda seq: build(epoch, seq), opens=opens, closes=closes)
        lane.appended()
        if lane.outbox.pending() > self._limits[lane]:
            self.dropped["outbox_full"] += lane.drop_oldest(_ROOM)
        return event

    def _lane_to_send(self, now_ns: int) -> Lane | None:
        if self._holds.due(now_ns):
            self._rewind()
        for lane in (self._disk, self._spare):
            if self._has_next(lane, now_ns):
                return lane
        for topic in self._holds.due(now_ns):
            self._holds.release(topic)  # no event is left to try it with
        return None

    def _has_next(self, lane: Lane, now_ns: int) -> bool:
        try:
            while event := lane.peek():
                if self._holds.admits(event.topic, now_ns):
                    return True
                lane.skip()
        except StorageError as error:
            self._disk_failed(error, now_ns)
        return False

    def _rewind(self) -> None:
        for lane in (self._disk, self._spare):
            lane.rewind()

    def _disk_failed(self, error: StorageError, now_ns: int) -> None:
        self._disk_again_ns = now_ns + _RETRY_DISK_NS
        self._conditions.begin("outbox_failed", f"{error.what}; events are kept in memory", error.fix, now_ns)
