"""An outbox in memory: for events that the disk refuses."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from edged.domain.messages import StoredEvent


class SpareOutbox:
    """Keeps events while the process lives; its epoch must differ from the one on disk, as its ids would."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self._events: dict[int, StoredEvent] = {}
        self._last_seq = 0
        self._tracks: dict[str, StoredEvent] = {}
        self._topics: set[str] = set()

    def append(
        self, build: Callable[[int], StoredEvent], *, opens: str = "", closes: str = ""
    ) -> StoredEvent:
        """Keeps the event that `build` makes."""
        event = build(self._last_seq + 1)
        self._last_seq = event.seq
        self._events[event.seq] = event
        if opens:
            self._tracks[opens] = event
        self._tracks.pop(closes, None)
        return event

    def after(self, seq: int, limit: int) -> Sequence[StoredEvent]:
        """The oldest events above `seq`."""
        return list(islice((event for event in self._events.values() if event.seq > seq), limit))

    def delete(self, seqs: Iterable[int]) -> None:
        """Forgets events."""
        for seq in seqs:
            self._events.pop(seq, None)

    def pending(self) -> int:
        """How many events are kept."""
        return len(self._events)

    def open_tracks(self) -> Sequence[tuple[str, StoredEvent]]:
        """The tracks that started and did not end."""
        return list(self._tracks.items())

    def retained_topics(self) -> frozenset[str]:
        """Topics of retained messages of this run."""
        return frozenset(self._topics)

    def remember_retained(self, topics: Iterable[str]) -> None:
        """Notes topics."""
        self._topics.update(topics)

    def forget_retained(self, topics: Iterable[str]) -> None:
        """Forgets topics."""
        self._topics.difference_update(topics)

    def close(self) -> None:
        """Nothing to let go of."""
