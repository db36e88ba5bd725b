"""Conversation between the parent and a child: JSON messages with descriptors, one per packet."""

import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any

MAX_BYTES = 160_000
MAX_FDS = 4


class Control:
    """One end of a SOCK_SEQPACKET pair.

    The parent's end is `hasty`: it never blocks on a child that does not read.
    """

    def __init__(self, sock: socket.socket, *, hasty: bool = False) -> None:
        self.sock = sock
        self._send_flags = socket.MSG_DONTWAIT if hasty else 0

    def send(self, message: Mapping[str, Any], fds: Sequence[int] = ()) -> bool:
        """Sends a message with copies of descriptors; False where the other side has gone (or, hasty, does not read)."""
        try:
            socket.send_fds(self.sock, [json.dumps(message).encode()], fds, self._send_flags)
        except OSError:
            return False
        return True

    def receive(self, *, wait: bool = True) -> tuple[dict[str, Any], list[int]] | None:
        """The next message with its descriptors.

        Raises EOFError when the other side has gone; None where `wait` is off and nothing has come.
        """
        flags = 0 if wait else socket.MSG_DONTWAIT
        try:
            packet, fds, _, _ = socket.recv_fds(self.sock, MAX_BYTES, MAX_FDS, flags)
        except BlockingIOError:
            return None
        except OSError as error:
            raise EOFError from error
        if not packet:
            raise EOFError
        message: dict[str, Any] = json.loads(packet)
        return message, fds

    def close(self) -> None:
        """Hangs up."""
        self.sock.close()
