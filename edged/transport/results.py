"""Raw outputs on their way to the parent: slots in a memfd, the message carries the index."""

import os
import socket
import threading
from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np

from edged.domain.frame import FrameShape, PixelFormat
from edged.domain.tensors import TensorSpec
from edged.ports import Pixels, Tensor
from edged.transport.memory import mapped, padded
from edged.transport.wire import GIVEN_BACK, RESULT

SLOTS = 8
ALIGNMENT = 64
MAX_SLOT_BYTES = 256 << 20
"""What the outputs of a model may take; there is memory for so many of each slot."""
_FEW = 3
"""Returned slots are taken in batches, when fewer than this are left."""
_LARGE = 1_000_000
"""Bytes from which on a returned slot is taken at once and used again before others: memory is short on a Pi."""


def offsets(specs: Sequence[TensorSpec], runs: int = 1) -> list[int]:
    """Where each output begins in a slot, those of the first run of the model before the next; one more, for the end.

    Raises ValueError for an open shape.
    """
    at = [0]
    for spec in [*specs] * runs:
        if any(side < 0 for side in spec.shape):
            raise ValueError(f"output {spec.name} has the shape {list(spec.shape)}")
        nbytes = prod(spec.shape) * np.dtype(spec.dtype).itemsize
        at.append(at[-1] + -(-nbytes // ALIGNMENT) * ALIGNMENT)
    return at


def results_bytes(slot_bytes: int) -> int:
    """Size of the memory behind all slots."""
    return SLOTS * padded(slot_bytes)


def _slots(fd: int, slot_bytes: int) -> list[Pixels]:
    try:
        memory, step = mapped(fd, writable=True), padded(slot_bytes)
    finally:
        os.close(fd)
    return [np.frombuffer(memory, np.uint8, slot_bytes, i * step) for i in range(SLOTS)]


class Result(NamedTuple):
    """Where a frame's outputs lie and when they were made; times are CLOCK_MONOTONIC."""

    slot: int
    stream: int
    seq: int
    captured_ns: int
    invoke_start_ns: int
    invoke_end_ns: int
    shape: FrameShape


class ResultSender:
    """The accelerator's side, which owns the slots' state; the parent sends each index back."""

    def __init__(self, fd: int, sock: socket.socket, slot_bytes: int) -> None:
        self._slots = _slots(fd, slot_bytes)
        self._sock = sock
        self._free = list(range(SLOTS))
        self._few = _FEW if slot_bytes < _LARGE else SLOTS
        self._lock = threading.Lock()

    def send(self, result: Result, outputs: Sequence[Tensor], at: Sequence[int]) -> None:
        """Copies the outputs into a slot and announces it; waits while the parent holds all slots.

        Raises EOFError when the parent has gone.
        """
        with self._lock:
            if len(self._free) < self._few:
                self._reclaim(socket.MSG_DONTWAIT)
            if not self._free:
                self._reclaim(0)
            slot = self._free.pop()
            memory = self._slots[slot]
            for start, output in zip(at, outputs, strict=False):
                memory[start : start + output.nbytes] = output.ravel().view(np.uint8)
            shape = result.shape
            try:
                self._sock.send(RESULT.pack(slot, *result[1:6], shape.format, shape.width, shape.height))
            except OSError as error:
                raise EOFError from error

    def _reclaim(self, flags: int) -> None:
        while True:
            try:
                message = self._sock.recv(GIVEN_BACK.size, flags)
            except BlockingIOError:
                return
            except OSError as error:
                raise EOFError from error
            if not message:
                raise EOFError
            self._free.append(message[0])
            flags = socket.MSG_DONTWAIT


class ResultReceiver:
    """The parent's side."""

    def __init__(self, fd: int, sock: socket.socket, slot_bytes: int) -> None:
        self._slots = _slots(fd, slot_bytes)
        self.sock = sock

    def receive(self) -> Result | None:
        """The next result, None if none waits; EOFError when the accelerator has gone."""
        try:
            message = self.sock.recv(RESULT.size, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError as error:
            raise EOFError from error
        if not message:
            raise EOFError
        slot, stream, seq, captured, start, end, *look = RESULT.unpack(message)
        return Result(slot, stream, seq, captured, start, end, _shape(*look))

    def views(self, specs: Sequence[TensorSpec], at: Sequence[int]) -> list[list[Tensor]]:
        """For each slot, read-only views of a model's outputs; what they show is valid until it is given back.

        Raises ValueError for outputs that the slots cannot hold.
        """
        return [
            [_view(memory, spec, start) for spec, start in zip(specs, at, strict=False)]
            for memory in self._slots
        ]

    def give_back(self, slot: int) -> None:
        """Lets the accelerator write to a slot again."""
        try:
            self.sock.send(GIVEN_BACK.pack(slot))
        except OSError:
            return  # the next receive says so

    def close(self) -> None:
        """Ends the conversation."""
        self.sock.close()
        self._slots = []


@lru_cache(maxsize=64)
def _shape(pixel_format: int, width: int, height: int) -> FrameShape:
    """The same value for each frame of a camera, not made anew."""
    return FrameShape(PixelFormat(pixel_format), width, height)


def _view(memory: Pixels, spec: TensorSpec, start: int) -> Tensor:
    dtype = np.dtype(spec.dtype)
    view = memory[start : start + prod(spec.shape) * dtype.itemsize].view(dtype).reshape(spec.shape)
    view.flags.writeable = False
    return view
