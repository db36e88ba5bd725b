"""The durable class: events in order, at least once, first on disk and then at the broker."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from edged.delivery.changes import Conditions
from edged.delivery.holds import Holds
from edged.delivery.lane import Lane
from edged.delivery.spare import Kept, SpareOutbox
from edged.domain.errors import StorageError
from edged.domain.messages import Message, StoredEvent
from edged.ports import Outbox

_LOG = logging.getLogger(__name__)
_RETRY_DISK_NS = 10_000_000_000
_MOVED_AT_ONCE = 64
"""Events taken from memory to disk in one step, each with an fsync."""
DEAD_LETTERS = frozenset({"too_large", "malformed"})
"""Refusals that no retry would change; any other holds the topic back and is tried again."""


class EventQueue:
    """Events on disk, or in the spare outbox while the disk refuses them.

    While the spare one holds anything it takes all new events, so that it is always the newer half and the
    order is kept. Ten seconds after the disk refused it is tried again: events go there from memory, oldest
    first, under the ids that they have. `limit` and `spare_limit` bound each half; the oldest event goes
    first and is counted.
    """

    def __init__(
        self,
        *,
        outbox: Outbox | None,
        spare: SpareOutbox,
        conditions: Conditions,
        holds: Holds,
        limit: int = 100_000,
        spare_limit: int = 1_000,
    ) -> None:
        self._limit = limit
        self._disk = None if outbox is None else Lane(outbox, limit)
        self._memory = spare
        self._spare = Lane(spare, spare_limit)
        self._conditions = conditions
        self._holds = holds
        self._under_way: dict[int, tuple[Lane, StoredEvent]] = {}
        self._write_again_ns = 0
        self._read_again_ns = 0
        self.published = 0
        self.dropped: Counter[str] = Counter()

    def append(
        self, build: Callable[[str, int], StoredEvent], *, opens: str, closes: str, now_ns: int
    ) -> StoredEvent:
        """Stores what `build` makes from epoch and sequence number; what `build` raises passes through."""
        disk = self._writable(now_ns) if self.move_to_disk(now_ns) else None
        if disk:
            try:
                event = self._append_to(disk, build, opens, closes)
            except StorageError as error:
                self.disk_failed(error, now_ns)
            else:
                self._conditions.end("outbox_failed")
                self._make_room(disk, now_ns)
                return event
        event = self._append_to(self._spare, build, opens, closes)
        self._make_room(self._spare, now_ns)
        return event

    def move_to_disk(self, now_ns: int) -> bool:
        """Moves some events from memory to disk where it is time for that; True where memory holds none."""
        disk = self._writable(now_ns)
        if not self._memory.holds_any() or not disk:
            return not self._memory.holds_any()
        self._spare.flush()
        try:
            for kept, waits in self._memory.kept()[:_MOVED_AT_ONCE]:
                self._move(kept, disk, waits=waits)
        except StorageError as error:
            self.disk_failed(error, now_ns)
            return False
        self._end_problem_if_empty()
        self._make_room(disk, now_ns)
        return not self._memory.holds_any()

    def put_away(self, now_ns: int) -> None:
        """Moves all from memory to disk, and deletes what the broker has, even if it is not time for that."""
        self._write_again_ns = now_ns
        while self._writable(now_ns) and not self.move_to_disk(now_ns):
            pass
        self.flush(now_ns)

    def adopt(self, outbox: Outbox) -> None:
        """The disk is there after all."""
        self._disk = Lane(outbox, self._limit)
        self._write_again_ns = self._read_again_ns = 0
        self._end_problem_if_empty()

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
        for lane in self._lanes():
            lane.restart()

    def flush(self, now_ns: int) -> None:
        """Deletes what the broker has, in one transaction."""
        self._spare.flush()
        disk = self._writable(now_ns)
        if not disk or not disk.done:
            return
        try:
            disk.flush()
        except StorageError as error:
            self.disk_failed(error, now_ns)
        else:
            self._end_problem_if_empty()

    def disk_failed(self, error: StorageError, now_ns: int) -> None:
        """The disk gets nothing to write for ten seconds."""
        self._write_again_ns = now_ns + _RETRY_DISK_NS
        self._conditions.begin("outbox_failed", f"{error.what}; events are kept in memory", error.fix, now_ns)

    @property
    def under_way(self) -> int:
        """Events sent and not yet acknowledged."""
        return len(self._under_way)

    @property
    def done(self) -> int:
        """Events that the broker has and that `flush` would delete."""
        return sum(lane.done for lane in self._lanes())

    @property
    def pending(self) -> int:
        """Events that the broker does not have yet."""
        return sum(lane.outbox.pending() - lane.done for lane in self._lanes())

    def _append_to(
        self, lane: Lane, build: Callable[[str, int], StoredEvent], opens: str, closes: str
    ) -> StoredEvent:
        epoch = lane.outbox.epoch
        event = lane.outbox.append(lambda seq: build(epoch, seq), opens=opens, closes=closes)
        lane.appended()
        return event

    def _make_room(self, lane: Lane, now_ns: int) -> None:
        try:
            self.dropped["outbox_full"] += lane.make_room()
        except StorageError as error:
            self.disk_failed(error, now_ns)

    def _move(self, kept: Kept, disk: Lane, *, waits: bool) -> None:
        old = kept.event
        new = disk.outbox.append(lambda seq: replace(old, seq=seq), opens=kept.opens, closes=kept.closes)
        disk.appended()
        if not waits:
            disk.finished(new.seq)
        for token, (lane, event) in self._under_way.items():
            if lane is self._spare and event is old:
                self._under_way[token] = (disk, new)
                disk.sent_before(new.seq)
        self._memory.moved(kept)
        self._spare.gave_away(old.seq)

    def _writable(self, now_ns: int) -> Lane | None:
        return self._disk if now_ns >= self._write_again_ns else None

    def _end_problem_if_empty(self) -> None:
        if not self._memory.holds_any():
            self._conditions.end("outbox_failed")

    def _lanes(self) -> tuple[Lane, ...]:
        return (self._disk, self._spare) if self._disk else (self._spare,)

    def _lane_to_send(self, now_ns: int) -> Lane | None:
        if self._holds.due(now_ns):
            self._rewind()
        for lane in self._lanes():
            if self._has_next(lane, now_ns):
                return lane
        for topic in self._holds.due(now_ns):
            self._holds.release(topic)  # no event is left to try it with
        return None

    def _has_next(self, lane: Lane, now_ns: int) -> bool:
        if lane is self._disk and now_ns < self._read_again_ns:
            return False
        try:
            while event := lane.peek():
                if self._holds.admits(event.topic, now_ns):
                    return True
                lane.skip()
        except StorageError as error:
            self._read_again_ns = now_ns + _RETRY_DISK_NS
            self.disk_failed(error, now_ns)
        return False

    def _rewind(self) -> None:
        for lane in self._lanes():
            lane.rewind()
