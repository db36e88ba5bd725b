"""One owner of this machine's Edge TPUs at a time: a second process that opens a USB one aborts the first.

The lock is an abstract UNIX socket: the kernel frees it whatever becomes of the owner, and tells who that is.
"""

import socket
import struct
import time

_NAME = "\0edged-edgetpu"
_CREDENTIALS = struct.Struct("3i")
_RETRY_S = 0.1
_ASKS = 4096


class TpuLock:
    """Held from `acquire` until `release` or the end of the process."""

    def __init__(self, name: str = _NAME) -> None:
        self._name = name
        self._socket: socket.socket | None = None

    def acquire(self) -> bool:
        """Takes the lock, or keeps it; False where another process holds it."""
        if self._socket:
            return True
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            sock.bind(self._name)
        except OSError:
            sock.close()
            return False
        sock.listen(_ASKS)  # each ask takes a place for good: nobody accepts
        self._socket = sock
        return True

    def acquire_within(self, seconds: float) -> bool:
        """Takes the lock, waiting for an owner that is about to end."""
        until_s = time.monotonic() + seconds
        while not self.acquire():
            if time.monotonic() > until_s:
                return False
            time.sleep(_RETRY_S)
        return True

    def owner(self) -> int | None:
        """Process number of whoever holds it; None where nobody does, or it has been asked too often."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as sock:
            sock.setblocking(False)
            try:
                sock.connect(self._name)
            except OSError:
                return None
            raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, _, _ = _CREDENTIALS.unpack(raw)
        return int(pid)

    def release(self) -> None:
        """Lets others have it; may be called twice."""
        if self._socket:
            self._socket.close()
            self._socket = None
