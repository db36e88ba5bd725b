"""The daemon's local socket: a process of this machine asks one thing and hears one answer.

Requests and answers are JSON objects, one packet each: `{"v": 1, "do": "reload"}` is answered with
`{"v": 1, "exit_code": 0, "text": "…", "data": {}}`. Another command is another verb.
"""

import fcntl
import json
import logging
import os
import socket
import stat
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from edged.daemon.answer import Answer, Reply
from edged.daemon.reactor import Reactor, Timer
from edged.domain.errors import DeviceUnavailableError, ExitCode

log = logging.getLogger(__name__)
NAME = "control.sock"
MAX_REQUEST = 4096
MAX_CLIENTS = 8
PATIENCE_S = 5.0
"""How long a client may take to say what it wants."""
AGAIN_S = 1.0
_MODE = 0o660
_BACKLOG = 16
_ROOM = 150_000
"""Bytes; the kernel doubles that. A picture needs more than some systems give a socket that does not ask."""
_CREDENTIALS = struct.Struct("3i")

Request: TypeAlias = Mapping[str, Any]
Verb: TypeAlias = Callable[[Request, Reply], None]
"""Acts on a request, in the loop, and answers once: now or later."""


class ControlSocket:
    """Listens from `open` to `close`; whoever may write to the file may ask: its owner, its group and root."""

    def __init__(
        self, path: Path, reactor: Reactor, verbs: Mapping[str, Verb], *, patience_s: float = PATIENCE_S
    ) -> None:
        self._path = path
        self._reactor = reactor
        self._verbs = verbs
        self._patience_s = patience_s
        self._lock: int | None = None
        self._listener: socket.socket | None = None
        self._clients: set[_Client] = set()

    def open(self) -> None:
        """Takes the path over from a daemon that is dead. Raises DeviceUnavailableError where one is alive."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _lock(self._path.with_name(f"{self._path.name}.lock"))
            self._listener = self._bind()
        except OSError as error:
            self.close()
            if isinstance(error, DeviceUnavailableError):
                raise
            raise DeviceUnavailableError(
                f"the socket {self._path} cannot be made: {error.strerror or error}",
                "name another one: --socket",
            ) from error
        self._reactor.add_reader(self._listener.fileno(), self._accept)

    def close(self) -> None:
        """Hangs up; may be called twice."""
        for client in list(self._clients):
            client.close()
        if self._listener:
            self._reactor.remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None
            self._path.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _bind(self) -> socket.socket:
        if self._path.exists() and not stat.S_ISSOCK(self._path.stat().st_mode):
            raise FileExistsError(0, "there is a file of that name, and it is no socket")
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        try:
            with address_of(self._path) as address:
                listener.bind(address)
            self._path.chmod(_MODE)  # nobody can connect before `listen`
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
        listener.setblocking(False)
        return listener

    def _accept(self) -> None:
        assert self._listener  # noqa: S101  only called while it listens
        try:
            sock, _ = self._listener.accept()
        except OSError as error:
            if not isinstance(
                error, BlockingIOError
            ):  # no descriptor is to be had: it would come again at once
                fd = self._listener.fileno()
                self._reactor.remove_reader(fd)
                self._reactor.call_later(AGAIN_S, self._listen_again)
            return
        if len(self._clients) >= MAX_CLIENTS:
            log.warning("%s is turned away: %d are served already", _who(sock), MAX_CLIENTS)
            sock.close()
            return
        self._clients.add(_Client(sock, self._reactor, self._verbs, self._patience_s, self._clients.discard))

    def _listen_again(self) -> None:
        if self._listener:
            self._reactor.add_reader(self._listener.fileno(), self._accept)


class _Client:
    """Somebody who has connected; whatever it does costs one descriptor for a limited time."""

    def __init__(
        self,
        sock: socket.socket,
        reactor: Reactor,
        verbs: Mapping[str, Verb],
        patience_s: float,
        gone: Callable[["_Client"], None],
    ) -> None:
        self._sock = sock
        self._reactor = reactor
        self._verbs = verbs
        self._gone = gone
        self._asked = self._closed = False
        self._impatience: Timer = reactor.call_later(patience_s, self.close)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
        reactor.add_reader(sock.fileno(), self._read)

    def close(self) -> None:
        """Hangs up; may be called twice."""
        if not self._closed:
            self._closed = True
            self._impatience.cancel()
            self._reactor.remove_reader(self._sock.fileno())
            self._sock.close()
            self._gone(self)

    def _read(self) -> None:
        try:
            packet, _, flags, _ = self._sock.recvmsg(MAX_REQUEST)
        except BlockingIOError:
            return
        except OSError:
            packet, flags = b"", 0
        if self._asked or not packet:  # one request each, or the other side has gone
            self.close()
            return
        self._asked = True
        self._impatience.cancel()
        request = None if flags & socket.MSG_TRUNC else _object(packet)
        verb = self._verbs.get(str(request.get("do"))) if request else None
        if request is None or verb is None:
            known = ", ".join(self._verbs)
            self._answer(Answer(ExitCode.USAGE, f"not understood; this daemon knows: {known}"))
            return
        log.info("%s asks: %s", _who(self._sock), request["do"])
        try:
            verb(request, self._answer)
        except Exception:  # a bug behind one request must not end the daemon
            log.exception("a request failed")
            self._answer(Answer(ExitCode.BUG, "a fault of edged; the daemon's log says more"))

    def _answer(self, answer: Answer) -> None:
        if not self._closed:
            try:
                self._sock.send(_answer_to_wire(answer))
            except OSError as error:  # it has gone, does not read, or the system takes no packet of that size
                log.info("an answer does not arrive: %s", error.strerror)
            self.close()


def _lock(path: Path) -> int:
    """A descriptor that holds the path's lock until it is closed; the kernel closes that of a killed process."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise DeviceUnavailableError(
            f"another daemon listens on {path.with_suffix('')}", "name another socket: --socket"
        ) from error
    return fd


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """The path in a form that the kernel takes at any length: it allows 107 bytes. Raises OSError."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _object(packet: bytes) -> dict[str, Any] | None:
    try:
        request = json.loads(packet)
    except (ValueError, RecursionError):
        return None
    return request if isinstance(request, dict) and request.get("v") == 1 else None


def _who(sock: socket.socket) -> str:
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(raw)
    return f"process {pid} of user {uid}"


def _answer_to_wire(answer: Answer) -> bytes:
    message = {"v": 1, "exit_code": int(answer.exit_code), "text": answer.text, "data": dict(answer.data)}
    return json.dumps(message, ensure_ascii=False).encode("utf-8", "replace")
