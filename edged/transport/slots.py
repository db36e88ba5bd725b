"""Which of a ring's slots may be written, which holds the newest frame, which are lent: pure bookkeeping."""

from typing import NamedTuple

SLOTS = 4


class Held(NamedTuple):
    """A complete frame in a slot."""

    slot: int
    seq: int
    captured_ns: int
    format: int
    width: int
    height: int


class Slots:
    """The state of four slots; its owner holds a lock around each call."""

    def __init__(self) -> None:
        self.newest: Held | None = None
        self._lent = [0] * SLOTS

    def free(self) -> int | None:
        """A slot that is neither the newest nor lent; None where there is none."""
        newest = self.newest.slot if self.newest else -1
        for slot in range(SLOTS):
            if slot != newest and not self._lent[slot]:
                return slot
        return None

    def lend_newer(self, after: int) -> Held | None:
        """Lends the newest frame if its sequence number is above `after`."""
        if self.newest is None or self.newest.seq <= after:
            return None
        self._lent[self.newest.slot] += 1
        return self.newest

    def lend_again(self, slot: int) -> None:
        """Lends a slot that is lent already to one more."""
        self._lent[slot] += 1

    def give_back(self, slot: int) -> None:
        """Ends one loan of a slot."""
        self._lent[slot] -= 1
