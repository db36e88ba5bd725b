"""One outbox, read from its oldest event on, with what is under way and what is done."""

from collections import deque

from edged.domain.messages import StoredEvent
from edged.ports import Outbox

_PAGE = 64
_ROOM = 16
"""Events dropped at once when an outbox is full."""


class Lane:
    """A cursor over an outbox of at most `limit` events. Those that are under way or done are not met again until `restart`.

    All methods let the outbox's StorageError through.
    """

    def __init__(self, outbox: Outbox, limit: int) -> None:
        self.outbox = outbox
        self._limit = limit
        self._cursor = 0
        self._page: deque[StoredEvent] = deque()
        self._more = True
        self._under_way: set[int] = set()
        self._done: set[int] = set()
        self._skipped_from: int | None = None

    @property
    def done(self) -> int:
        """How many events wait to be deleted."""
        return len(self._done)

    def appended(self) -> None:
        """Notes that the outbox has grown."""
        self._more = True

    def peek(self) -> StoredEvent | None:
        """The next event, which stays the next one until `take` or `skip`."""
        while True:
            while self._page and self._is_settled(self._page[0].seq):
                self._cursor = self._page.popleft().seq
            if self._page or not self._more:
                break
            self._page.extend(self.outbox.after(self._cursor, _PAGE))
            self._more = bool(self._page)
        return self._page[0] if self._page else None

    def take(self) -> None:
        """The next event is under way now."""
        event = self._page.popleft()
        self._cursor = event.seq
        self._under_way.add(event.seq)

    def skip(self) -> None:
        """Passes over the next event until `rewind`."""
        self._cursor = self._page.popleft().seq
        self._skipped(self._cursor)

    def returned(self, seq: int) -> None:
        """An event that was under way is to be sent again, after `rewind`."""
        self._under_way.discard(seq)
        self._skipped(seq)

    def finished(self, seq: int) -> None:
        """An event is no longer needed; `flush` deletes it."""
        self._under_way.discard(seq)
        self._done.add(seq)

    def flush(self) -> None:
        """Deletes what is done, in one transaction."""
        if self._done:
            self.outbox.delete(self._done)
            self._done.clear()

    def sent_before(self, seq: int) -> None:
        """An event that came from another lane is under way already."""
        self._under_way.add(seq)

    def gave_away(self, seq: int) -> None:
        """An event was moved to another lane; what this one had read ahead may hold it."""
        self._under_way.discard(seq)
        self._back_to(0)

    def make_room(self) -> int:
        """Deletes the oldest events that are not under way if there are too many; returns how many."""
        if self.outbox.pending() <= self._limit:
            return 0
        self.flush()
        oldest = [event.seq for event in self.outbox.after(0, _ROOM + len(self._under_way))]
        doomed = [seq for seq in oldest if seq not in self._under_way][:_ROOM]
        self.outbox.delete(doomed)
        self._back_to(0)
        return len(doomed)

    def rewind(self) -> bool:
        """Goes back to the oldest skipped event; False where none was skipped."""
        if self._skipped_from is None:
            return False
        self._back_to(self._skipped_from - 1)
        self._skipped_from = None
        return True

    def restart(self) -> None:
        """Nothing is under way any more; all that is not done comes again, oldest first."""
        self._under_way.clear()
        self._skipped_from = None
        self._back_to(0)

    def _is_settled(self, seq: int) -> bool:
        return seq in self._under_way or seq in self._done

    def _back_to(self, seq: int) -> None:
        self._cursor = seq
        self._page.clear()
        self._more = True

    def _skipped(self, seq: int) -> None:
        self._skipped_from = seq if self._skipped_from is None else min(self._skipped_from, seq)
