"""An outbox in memory: for events that the disk refuses, until it takes them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from edged.domain.messages import StoredEvent


@dataclass(frozen=True, slots=True)
class Kept:
    """An event in memory with the track that it opened or closed."""

    event: StoredEvent
    opens: str
    closes: str


class SpareOutbox:
    """Keeps events while the process lives; its epoch must differ from the one on disk, as its ids would."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self._waiting: dict[int, Kept] = {}
        self._last_seq = 0
        self._opened: dict[str, Kept] = {}
        self._closed: dict[str, Kept] = {}
        """The ends of tracks that started elsewhere."""
        self._topics: set[str] = set()

    def append(
        self, build: Callable[[int], StoredEvent], *, opens: str = "", closes: str = ""
    ) -> StoredEvent:
        """Keeps the event that `build` makes."""
        event = build(self._last_seq + 1)
        self._last_seq = event.seq
        kept = self._waiting[event.seq] = Kept(event, opens, closes)
        if opens:
            self._opened[opens] = kept
        if closes and self._opened.pop(closes, None) is None:
            self._closed[closes] = kept
        return event

    def kept(self) -> list[tuple[Kept, bool]]:
        """What the disk should have, oldest first, and whether it still waits for the broker.

        Beside the events these are the ends of tracks that the disk has open, and the starts of open ones.
        """
        tracks = (*self._opened.values(), *self._closed.values())
        every = self._waiting | {kept.event.seq: kept for kept in tracks}
        return [(every[seq], seq in self._waiting) for seq in sorted(every)]

    def holds_any(self) -> bool:
        """Whether there is anything that the disk should have."""
        return bool(self._waiting or self._opened or self._closed)

    def moved(self, kept: Kept) -> None:
        """The disk has it now."""
        self._waiting.pop(kept.event.seq, None)
        for tracks, track in ((self._opened, kept.opens), (self._closed, kept.closes)):
            if tracks.get(track) is kept:
                del tracks[track]

    def after(self, seq: int, limit: int) -> Sequence[StoredEvent]:
        """The oldest events above `seq`."""
        return list(islice((one.event for one in self._waiting.values() if one.event.seq > seq), limit))

    def delete(self, seqs: Iterable[int]) -> None:
        """Forgets events."""
        for seq in seqs:
            self._waiting.pop(seq, None)

    def pending(self) -> int:
        """How many events are kept."""
        return len(self._waiting)

    def open_tracks(self) -> Sequence[tuple[str, StoredEvent]]:
        """The tracks that started and did not end."""
        return [(track, kept.event) for track, kept in self._opened.items()]

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
