"""Which frames of a source that waits for us were never answered."""


class Roll:
    """Frames leave a gap where a picture was skipped, or where the process died that held them.

    A gap and the word that its picture was skipped may come in any order; what has only one of the two is lost.
    """

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._last = 0

    def answered(self, seq: int) -> None:
        """A frame was answered; those before it that were not never will be."""
        self._open ^= set(range(self._last + 1, seq))
        self._last = max(self._last, seq)

    def skipped(self, seq: int) -> None:
        """A picture could not be read."""
        self._open ^= {seq}

    def lost(self, last_seq: int) -> list[int]:
        """Frames up to the source's last that were neither answered nor skipped."""
        self.answered(last_seq + 1)
        return sorted(seq for seq in self._open if seq <= last_seq)
