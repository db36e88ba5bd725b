"""A camera's ring whose writer is a process of its own and writes each frame's number all over it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from edged.domain.frame import FrameShape, PixelFormat
from edged.transport.borrower import Borrower
from edged.transport.control import Control
from edged.transport.lender import ring_bytes
from edged.transport.memory import sealed_memfd

SHAPE = FrameShape(PixelFormat.RGB, 320, 240)
WRITER = """
import itertools, socket, sys, threading, time
import numpy as np
from edged.domain.frame import FrameShape, PixelFormat
from edged.transport.control import Control
from edged.transport.lender import Adopted, Lender
shape = FrameShape(PixelFormat.RGB, 320, 240)
control = Control(socket.socket(fileno=int(sys.argv[1])))
lossless, pause_s = sys.argv[2] == "lossless", float(sys.argv[3])
_, fds = control.receive()
lender = Lender(fds[0], shape.nbytes, lossless=lossless)
def adopt():
    try:
        message, fds = control.receive()
        return [Adopted(socket.socket(fileno=fd), message["follows"]) for fd in fds]
    except EOFError:
        return None
threading.Thread(target=lambda: (lender.serve(control.sock, adopt), __import__("os")._exit(0)), daemon=True).start()
for seq in itertools.count(1):
    slot = lender.begin()
    np.frombuffer(lender.slots[slot], np.uint32)[:] = seq
    lender.publish(slot, seq, time.monotonic_ns(), shape)
    time.sleep(pause_s)
"""


class Ring:
    """A writer in another process, and the means to borrow from it."""

    def __init__(self, *, lossless: bool, pause_s: float) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        arguments = [str(theirs.fileno()), "lossless" if lossless else "newest", str(pause_s)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, *arguments],
            pass_fds=[theirs.fileno()],
            cwd=Path(__file__).resolve().parents[2],
        )
        theirs.close()
        self._control = Control(ours)
        self._lossless = lossless
        self._sockets: list[socket.socket] = []
        self._fd = sealed_memfd("test-ring", ring_bytes(SHAPE.nbytes))
        self._control.send({}, [self._fd])

    def borrow(self, *, stream: int = 0, after: int = 0, follows: bool = False) -> Borrower:
        """A new reader; its end of the socket is closed with the ring."""
        lender, borrower = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.send({"follows": follows}, [lender.fileno()])
        lender.close()
        self._sockets.append(borrower)
        return Borrower(
            stream, borrower, os.dup(self._fd), SHAPE.nbytes, after=after, lossless=self._lossless
        )

    def close(self) -> None:
        """Ends the writer."""
        for sock in (*self._sockets, self._control.sock):
            sock.close()
        self.process.kill()
        self.process.wait()
        os.close(self._fd)
