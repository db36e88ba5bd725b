"""Conversation between the parent and a child: JSON messages with descriptors, one per packet.

`socket.send_fds` and `recv_fds` are not used: both drop their flags (CPython 3.11 to 3.13) and would block.
"""

import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Any

MAX_BYTES = 160_000
MAX_FDS = 4
_FD = struct.Struct("i")


class Control:
    """One end of a SOCK_SEQPACKET pair.

    The parent's end is `hasty`: it never blocks on a child that does not read.
    """

    def __init__(self, sock: socket.socket, *, hasty: bool = False) -> None:
        self.sock = sock
        self._send_flags = socket.MSG_DONTWAIT if hasty else 0

    def send(self, message: Mapping[str, Any], fds: Sequence[int] = ()) -> bool:
        """Sends a message with copies of descriptors; False where the other side has gone (or, hasty, does not read)."""
        rights = b"".join(_FD.pack(fd) for fd in fds)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if fds else []
        try:
            self.sock.sendmsg([json.dumps(message).encode()], ancillary, self._send_flags)
        except OSError:
            return False
        return True

    def receive(self, *, wait: bool = True) -> tuple[dict[str, Any], list[int]] | None:
        """The next message with its descriptors.

        Raises EOFError when the other side has gone, ValueError for what is no message; None where `wait` is off and nothing has come.
        """
        flags = socket.MSG_CMSG_CLOEXEC | (0 if wait else socket.MSG_DONTWAIT)
        try:
            packet, ancillary, seen, _ = self.sock.recvmsg(
                MAX_BYTES, socket.CMSG_SPACE(MAX_FDS * _FD.size), flags
            )
        except BlockingIOError:
            return None
        except OSError as error:
            raise EOFError from error
        if not packet:
            raise EOFError
        fds = [fd for _, _, rights in ancillary for (fd,) in _FD.iter_unpack(rights)]
        try:
            return _object(packet, cut_off=bool(seen & socket.MSG_TRUNC)), fds
        except ValueError:
            for fd in fds:
                os.close(fd)
            raise

    def close(self) -> None:
        """Hangs up."""
        self.sock.close()


def _object(packet: bytes, *, cut_off: bool) -> dict[str, Any]:
    message = None if cut_off else json.loads(packet)
    if not isinstance(message, dict):
        raise ValueError(f"no message: {packet[:60]!r}")  # noqa: TRY004  whatever it is, it is not to be understood
    return message
