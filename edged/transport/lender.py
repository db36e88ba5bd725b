"""The camera's side of a ring: writes frames into free slots and lends the newest one out.

Only this side knows which slot is free, so no lock is shared with a process that may be killed. A granted
slot is not written to until it comes back or the consumer's socket closes. The newest frame wins; no frame
is ever queued.
"""

import select
import socket
import threading
from collections.abc import Callable

from edged.domain.frame import FrameShape
from edged.transport.memory import mapped, padded
from edged.transport.slots import SLOTS, Held, Slots
from edged.transport.wire import GRANT, HEADER, LAST_SEQ, WANT, WORD


def ring_bytes(slot_bytes: int) -> int:
    """Size of a ring whose slots hold `slot_bytes` each."""
    return HEADER + SLOTS * padded(slot_bytes)


def slot_views(memory: memoryview, slot_bytes: int) -> list[memoryview]:
    """A view of each slot of a mapped ring."""
    step = padded(slot_bytes)
    return [memory[HEADER + i * step : HEADER + i * step + slot_bytes] for i in range(SLOTS)]


class _Consumer:
    """A process that borrows frames."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.lent: set[int] = set()
        self.waits_after: int | None = None


class Lender:
    """Writes frames and lends them out.

    The capture thread calls `begin` and `publish`; `serve` runs in a thread of its own. With `lossless`, a
    frame is replaced by the next only after a consumer has given it back: for sources that can wait, such as
    files. A frame whose consumer dies is lent to the next one.
    """

    def __init__(self, ring_fd: int, slot_bytes: int, *, lossless: bool = False) -> None:
        self._memory = mapped(ring_fd, writable=True)
        self.slots = slot_views(memoryview(self._memory), slot_bytes)
        self._lossless = lossless
        self._state = Slots()
        self._done = True
        """Whether the newest frame may be replaced by one that must not be lost."""
        self._changed = threading.Condition()
        self._consumers: dict[int, _Consumer] = {}

    def begin(self) -> int:
        """A slot to write the next frame to; waits while all are lent."""
        with self._changed:
            while (slot := self._state.free()) is None:
                self._changed.wait()
            return slot

    def publish(self, slot: int, seq: int, captured_ns: int, shape: FrameShape) -> None:
        """Announces a complete frame; a waiting consumer is answered from here: one wake-up, not two.

        Lossless, it waits until the last one was given back.
        """
        with self._changed:
            while self._lossless and not self._done:
                self._changed.wait()
            WORD.pack_into(self._memory, LAST_SEQ, seq)
            self._state.newest = Held(slot, seq, captured_ns, shape.format, shape.width, shape.height)
            self._done = False
            for consumer in self._consumers.values():
                self._grant(consumer)

    def _grant(self, consumer: _Consumer) -> None:
        if consumer.waits_after is None:
            return
        frame = self._state.lend_newer(consumer.waits_after)
        if frame is None:
            return
        consumer.lent.add(frame.slot)
        consumer.waits_after = None
        try:
            consumer.sock.send(GRANT.pack(*frame), socket.MSG_DONTWAIT)
        except OSError:
            return  # its end-of-file reaches `serve`, which ends the loan

    def serve(self, control: socket.socket, adopt: Callable[[], list[socket.socket] | None]) -> None:
        """Answers all consumers.

        `adopt` reads `control` and returns new consumers; None when the parent has gone, and `serve` returns.
        """
        poll = select.epoll()
        poll.register(control, select.EPOLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd != control.fileno():
                    self._answer(fd, poll)
                    continue
                adopted = adopt()
                if adopted is None:
                    return
                for sock in adopted:
                    with self._changed:
                        self._consumers[sock.fileno()] = _Consumer(sock)
                    poll.register(sock, select.EPOLLIN)

    def _answer(self, fd: int, poll: select.epoll) -> None:
        consumer = self._consumers[fd]
        try:
            message = consumer.sock.recv(WANT.size)
        except OSError:
            message = b""
        with self._changed:
            if message:
                given_back, after = WANT.unpack(message)
                consumer.waits_after = after
                self._end_loans(consumer, {given_back} & consumer.lent)
                if self._state.newest and after >= self._state.newest.seq:
                    self._done = True
                    self._changed.notify()
                self._grant(consumer)
                return
            self._end_loans(consumer, set(consumer.lent))
            del self._consumers[fd]
        poll.unregister(fd)
        consumer.sock.close()

    def _end_loans(self, consumer: _Consumer, slots: set[int]) -> None:
        for slot in slots:
            consumer.lent.remove(slot)
            self._state.give_back(slot)
        if slots:
            self._changed.notify()
