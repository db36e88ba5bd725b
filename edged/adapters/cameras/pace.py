"""When the next frame is due."""

import time

NS_PER_S = 1_000_000_000


def sleep_until(due_ns: int) -> None:
    """Sleeps until a time of CLOCK_MONOTONIC; not at all if that has passed."""
    wait_ns = due_ns - time.monotonic_ns()
    if wait_ns > 0:
        time.sleep(wait_ns / NS_PER_S)


class Ticks:
    """The ticks of a sensor: tick k is due k periods after the start, and one that is missed is lost."""

    def __init__(self, fps: float) -> None:
        self._period_ns = NS_PER_S / fps
        self._start_ns = time.monotonic_ns()
        self._last = 0

    def next(self) -> tuple[int, int]:
        """The first tick that is still to come; its number, from 1, and its time (CLOCK_MONOTONIC)."""
        passed = int((time.monotonic_ns() - self._start_ns) / self._period_ns)
        self._last = max(self._last, passed) + 1
        return self._last, self._start_ns + round(self._last * self._period_ns)


class Pace:
    """The pace of a recording: no frame is lost, and one that is late moves all later ones."""

    def __init__(self) -> None:
        self._start_ns: int | None = None

    def wait(self, offset_ns: int) -> int:
        """Sleeps until `offset_ns` after the first frame; the time that the frame has (CLOCK_MONOTONIC)."""
        now_ns = time.monotonic_ns()
        if self._start_ns is None or self._start_ns + offset_ns < now_ns:
            self._start_ns = now_ns - offset_ns
        due_ns = self._start_ns + offset_ns
        sleep_until(due_ns)
        return due_ns
