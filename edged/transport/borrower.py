"""The accelerator's side of the rings: takes the newest frame of whichever camera has waited longest."""

import os
import select
import socket
import struct
import threading
from operator import attrgetter

import numpy as np

from edged.domain.frame import FrameShape, PixelFormat
from edged.ports import Pixels
from edged.transport.lender import slot_views
from edged.transport.memory import mapped
from edged.transport.wire import GRANT, NO_WISH, WANT

_PATIENCE = struct.pack("ll", 0, 20_000)
"""Seconds and microseconds that a camera has for swapping a frame; a stopped one must not hold up the others."""

_MOST_LOOKS = 64


class CameraGoneError(Exception):
    """The camera's end of the socket is closed."""


class Loan:
    """A frame that is lent to this process until the next one of its camera is asked for."""

    __slots__ = ("captured_ns", "lossless", "pixels", "seq", "shape", "stream")

    def __init__(
        self, stream: int, seq: int, captured_ns: int, shape: FrameShape, pixels: Pixels, *, lossless: bool
    ) -> None:
        self.stream = stream
        self.lossless = lossless
        self.seq = seq
        self.captured_ns = captured_ns
        self.shape = shape
        self.pixels = pixels


class Borrower:
    """One camera's ring as seen by a consumer, who wants frames with sequence numbers above `after`."""

    def __init__(
        self, stream: int, sock: socket.socket, ring_fd: int, slot_bytes: int, *, after: int, lossless: bool
    ) -> None:
        self.stream = stream
        self.sock = sock
        self.lossless = lossless
        self.asked = False
        self.served = 0
        """When this camera was last served, in turns."""
        memory = mapped(ring_fd, writable=False)
        os.close(ring_fd)
        self._slots = [np.frombuffer(view, np.uint8) for view in slot_views(memoryview(memory), slot_bytes)]
        self._held, self._after = -1, after
        self._looks: dict[tuple[int, ...], tuple[FrameShape, Pixels]] = {}
        """What frames look like, by slot, format, width and height: cameras seldom change their size."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _PATIENCE)

    def ask(self) -> None:
        """Gives the held frame back and asks for a newer one than the last."""
        self._return_held(self._after)
        self.asked = True

    def give_back(self) -> None:
        """Gives the held frame back and asks for none: a follower has what it wished for."""
        self._return_held(NO_WISH)

    def _return_held(self, after: int) -> None:
        try:
            self.sock.send(WANT.pack(self._held, after))
        except OSError as error:
            raise CameraGoneError from error
        self._held = -1

    def take(self, *, stale: bool) -> Loan | None:
        """Receives the frame asked for; where it has been waiting (`stale`), swaps it for the newest.

        None where the camera does not answer at once: the frame stays asked for.
        """
        grant = self._receive()
        if grant and stale and not self.lossless:
            self._held = grant[0]
            self.ask()
            grant = self._receive()
        if grant is None:
            return None
        slot, seq, captured_ns, *look = grant
        self._held, self._after, self.asked = slot, seq, False
        shape, pixels = self._looks.get((slot, *look)) or self._look(slot, *look)
        return Loan(self.stream, seq, captured_ns, shape, pixels, lossless=self.lossless)

    def _look(self, slot: int, pixel_format: int, width: int, height: int) -> tuple[FrameShape, Pixels]:
        shape = FrameShape(PixelFormat(pixel_format), width, height)
        look = shape, self._slots[slot][: shape.nbytes].reshape(shape.array_shape)
        if len(self._looks) >= _MOST_LOOKS:  # a folder of pictures, each of another size
            self._looks.clear()
        self._looks[slot, pixel_format, width, height] = look
        return look

    def _receive(self) -> tuple[int, ...] | None:
        try:
            message = self.sock.recv(GRANT.size)
        except BlockingIOError:
            return None
        except OSError as error:
            raise CameraGoneError from error
        if not message:
            raise CameraGoneError
        return GRANT.unpack(message)


class Borrowers:
    """All cameras of one accelerator; `add` may be called from another thread than `next`."""

    def __init__(self) -> None:
        self._by_fd: dict[int, Borrower] = {}
        self._new: list[Borrower] = []
        self._lock = threading.Lock()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)
        self._turn = 0

    def add(self, borrower: Borrower) -> None:
        """Takes a ring on; it replaces an older one of the same stream."""
        with self._lock:
            self._new.append(borrower)
        os.eventfd_write(self._wake, 1)

    def next(self) -> Loan:
        """Blocks for the newest frame of the camera that was served longest ago."""
        waiting = {borrower for borrower in self._by_fd.values() if borrower.asked}
        while True:
            self._ask_all()
            ready = [fd for fd, _ in self._poll.poll()]
            if self._wake in ready:
                os.eventfd_read(self._wake)
                self._adopt()
                continue
            borrower = min([self._by_fd[fd] for fd in ready], key=attrgetter("served"))
            try:
                loan = borrower.take(stale=borrower in waiting)
            except CameraGoneError:
                self._drop(borrower)
                continue
            self._turn += 1
            borrower.served = self._turn
            if loan:
                return loan

    def _ask_all(self) -> None:
        for borrower in list(self._by_fd.values()):
            if not borrower.asked:
                try:
                    borrower.ask()
                except CameraGoneError:
                    self._drop(borrower)

    def _adopt(self) -> None:
        with self._lock:
            new, self._new = self._new, []
        for borrower in new:
            for old in [each for each in self._by_fd.values() if each.stream == borrower.stream]:
                self._drop(old)
            self._by_fd[borrower.sock.fileno()] = borrower
            self._poll.register(borrower.sock, select.POLLIN)

    def _drop(self, borrower: Borrower) -> None:
        fd = borrower.sock.fileno()
        self._poll.unregister(fd)
        del self._by_fd[fd]
        borrower.sock.close()
