"""The parent's one loop: descriptors, timers, and calls from other threads."""

import heapq
import itertools
import os
import queue
import select
from collections.abc import Callable
from time import monotonic_ns

Callback = Callable[[], None]


class Timer:
    """A call that has been arranged; `cancel` may be called at any time."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callback) -> None:
        self._callback: Callback | None = callback

    @property
    def pending(self) -> bool:
        """Whether the call is still to be made."""
        return self._callback is not None

    def cancel(self) -> None:
        """Forgets the call."""
        self._callback = None

    def arm(self, callback: Callback) -> None:
        """Sets what the next `fire` calls."""
        self._callback = callback

    def fire(self) -> None:
        """Makes the call, once."""
        callback, self._callback = self._callback, None
        if callback:
            callback()


class Reactor:
    """Waits for whatever happens next and calls who is concerned; one thread, no nesting."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._readers: dict[int, Callback] = {}
        self._timers: list[tuple[int, int, Timer]] = []
        self._order = itertools.count()
        self._soon: queue.SimpleQueue[Callback] = queue.SimpleQueue()
        """No lock around a list: a signal handler may come while the loop itself holds it."""
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll.register(self._wake, select.EPOLLIN)
        self._running = False

    def add_reader(self, fd: int, callback: Callback) -> None:
        """Calls back whenever the descriptor can be read or its other side has hung up."""
        self._readers[fd] = callback
        self._poll.register(fd, select.EPOLLIN)

    def remove_reader(self, fd: int) -> None:
        """Forgets a descriptor; call before closing it."""
        if self._readers.pop(fd, None):
            self._poll.unregister(fd)

    def call_later(self, delay_s: float, callback: Callback) -> Timer:
        """Arranges a call."""
        timer = Timer(callback)
        self._push(delay_s, timer)
        return timer

    def call_every(self, interval_s: float, callback: Callback) -> Timer:
        """Arranges calls at an interval, until they are cancelled."""

        def again() -> None:
            timer.arm(again)
            self._push(interval_s, timer)
            callback()

        timer = Timer(again)
        self._push(interval_s, timer)
        return timer

    def call_from_thread(self, callback: Callback) -> None:
        """Has the loop make a call; the only method that other threads and signal handlers may use."""
        if not self._poll.closed:
            self._soon.put(callback)
            os.eventfd_write(self._wake, 1)

    def run(self) -> None:
        """Serves until `stop`; may be called again after that."""
        self._running = True
        while self._running:
            for fd, _ in self._poll.poll(self._timeout_s()):
                if fd == self._wake:
                    self._run_soon()
                elif reader := self._readers.get(fd):
                    reader()
            self._run_timers()

    def stop(self) -> None:
        """Ends `run` after the present call."""
        self._running = False

    def close(self) -> None:
        """Lets go of the descriptors; may be called twice."""
        if not self._poll.closed:
            self._poll.close()
            os.close(self._wake)

    def _push(self, delay_s: float, timer: Timer) -> None:
        heapq.heappush(self._timers, (monotonic_ns() + int(delay_s * 1e9), next(self._order), timer))

    def _timeout_s(self) -> float:
        if not self._timers:
            return -1
        return max(0.0, (self._timers[0][0] - monotonic_ns()) / 1e9)

    def _run_soon(self) -> None:
        os.eventfd_read(self._wake)
        for _ in range(self._soon.qsize()):
            self._soon.get_nowait()()

    def _run_timers(self) -> None:
        now_ns = monotonic_ns()
        while self._timers and self._timers[0][0] <= now_ns:
            heapq.heappop(self._timers)[2].fire()
