"""How much of something may wait at a time."""

import threading


class Quota:
    """Admits as many as may wait, and counts those that it turned away; for any thread, never blocks long."""

    def __init__(self, most: int) -> None:
        self._room = most
        self._refused = 0
        self._lock = threading.Lock()

    def admit(self) -> bool:
        """Takes a place; False, and counted, where there is none."""
        with self._lock:
            if not self._room:
                self._refused += 1
                return False
            self._room -= 1
            return True

    def leave(self) -> None:
        """Gives a place back."""
        with self._lock:
            self._room += 1

    def refused(self) -> int:
        """How many were turned away since the last call."""
        with self._lock:
            count, self._refused = self._refused, 0
            return count
