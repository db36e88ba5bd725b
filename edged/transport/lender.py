"""The camera's side of a ring: writes frames into free slots and lends the newest one out.

Only this side knows which slot is free, so no lock is shared with a process that may be killed. A granted
slot is not written to until it comes back or the consumer's socket closes. The newest frame wins; no frame
is ever queued.

A follower is lent no frame for its own sake, but one that a consumer has just used: what it is shown is what
was answered, whatever was dropped.
"""

import select
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from edged.domain.frame import FrameShape
from edged.transport.memory import mapped, padded
from edged.transport.slots import SLOTS, Held, Slots
from edged.transport.wire import GRANT, HEADER, LAST_SEQ, NO_WISH, WANT, WORD


def ring_bytes(slot_bytes: int) -> int:
    """Size of a ring whose slots hold `slot_bytes` each."""
    return HEADER + SLOTS * padded(slot_bytes)


def slot_views(memory: memoryview, slot_bytes: int) -> list[memoryview]:
    """A view of each slot of a mapped ring."""
    step = padded(slot_bytes)
    return [memory[HEADER + i * step : HEADER + i * step + slot_bytes] for i in range(SLOTS)]


class Adopted(NamedTuple):
    """Somebody new who borrows frames."""

    sock: socket.socket
    follows: bool = False


@dataclass(slots=True)
class _Consumer:
    """A process that borrows frames."""

    sock: socket.socket
    follows: bool
    lent: dict[int, Held] = field(default_factory=dict)
    waits_after: int | None = None
    """The frame it has; None while it asks for none."""


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
        if consumer.waits_after is None or consumer.follows:
            return
        frame = self._state.lend_newer(consumer.waits_after)
        if frame is None:
            return
        self._hand_over(consumer, frame)

    def _hand_over(self, consumer: _Consumer, frame: Held) -> None:
        consumer.lent[frame.slot] = frame
        consumer.waits_after = None
        try:
            consumer.sock.send(GRANT.pack(*frame), socket.MSG_DONTWAIT)
        except OSError:
            return  # its end-of-file reaches `serve`, which ends the loan

    def _show(self, frame: Held) -> None:
        """Lends a frame that was used, and is still lent, to the followers that wish for one."""
        for follower in self._consumers.values():
            if follower.follows and follower.waits_after is not None:
                self._state.lend_again(frame.slot)
                self._hand_over(follower, frame)

    def serve(self, control: socket.socket, adopt: Callable[[], list[Adopted] | None]) -> None:
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
                for new in adopted:
                    with self._changed:
                        self._consumers[new.sock.fileno()] = _Consumer(*new)
                    poll.register(new.sock, select.EPOLLIN)

    def _answer(self, fd: int, poll: select.epoll) -> None:
        consumer = self._consumers[fd]
        try:
            message = consumer.sock.recv(WANT.size)
        except OSError:
            message = b""
        with self._changed:
            if message:
                self._hear(consumer, *WANT.unpack(message))
                return
            self._end_loans(consumer, list(consumer.lent))
            del self._consumers[fd]
        poll.unregister(fd)
        consumer.sock.close()

    def _hear(self, consumer: _Consumer, given_back: int, after: int) -> None:
        """Somebody gives a frame back and asks for another; one that was swapped unused is not the last one seen."""
        consumer.waits_after = None if after == NO_WISH else after
        frame = consumer.lent.get(given_back)
        if frame and frame.seq == after and not consumer.follows:
            self._show(frame)
        self._end_loans(consumer, [given_back] if frame else [])
        if consumer.follows:
            return
        if self._state.newest and after >= self._state.newest.seq:
            self._done = True
            self._changed.notify()
        self._grant(consumer)

    def _end_loans(self, consumer: _Consumer, slots: list[int]) -> None:
        for slot in slots:
            del consumer.lent[slot]
            self._state.give_back(slot)
        if slots:
            self._changed.notify()
