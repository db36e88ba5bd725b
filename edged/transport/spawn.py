"""Starting and ending child processes."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from edged.domain.errors import ChildDiedError
from edged.transport.control import Control

_TAIL_LINES = 20
_KILL_WAIT_S = 2.0
_PRIVATE = ("EDGED_", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_")
_SHARED = frozenset({"EDGED_RUNTIME"})
_CHUNK = 65536
_LONGEST_LINE = 4096
_SIGNALS = {int(each): each.name for each in signal.Signals}


class Child:
    """A process of ours, in its own session, with a control channel and the end of its stderr.

    `spec`, what it is to do, is its standard input: a file in memory, which has no largest size.
    Call from the main thread only: the kernel's parent-death signal follows the spawning thread.
    """

    def __init__(self, module: str, spec: Mapping[str, Any]) -> None:
        with ExitStack() as on_error, ExitStack() as handed_over:
            try:
                ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                on_error.callback(ours.close)
                handed_over.callback(theirs.close)
                reader, writer = os.pipe2(os.O_CLOEXEC)
                on_error.callback(os.close, reader)
                handed_over.callback(os.close, writer)
                os.set_blocking(reader, False)
                stdin = _file_of(json.dumps(spec).encode())
                handed_over.callback(os.close, stdin)
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", module, str(os.getpid()), str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),),
                    stdin=stdin,
                    stdout=writer,
                    stderr=writer,
                    start_new_session=True,
                    env=_environment(os.environ),
                )
            except OSError as error:
                raise ChildDiedError(
                    f"no process can be started: {error.strerror}", "it is tried again"
                ) from error
            on_error.pop_all()
        self.pid = self._process.pid
        self.control = Control(ours, hasty=True)
        self.stderr_fd = reader
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._partial = b""
        self._ended = False

    def read_stderr(self) -> list[str] | None:
        """The lines that the child has written since the last call, None at their end; never blocks."""
        try:
            chunk = os.read(self.stderr_fd, _CHUNK)
        except BlockingIOError:
            return []
        if not chunk and not self._partial:
            return None
        *lines, self._partial = (self._partial + chunk).split(b"\n")
        if self._partial and (not chunk or len(self._partial) > _LONGEST_LINE):
            lines, self._partial = [*lines, self._partial], b""
        texts = [line.decode("utf-8", "replace").rstrip()[:_LONGEST_LINE] for line in lines]
        self.tail.extend(text for text in texts if text)
        return texts

    def exit_reason(self) -> str:
        """Why the process has ended, for people: `SIGSEGV`, `exit status 3`, or `still running`."""
        try:
            code = self._process.wait(0.2)
        except subprocess.TimeoutExpired:
            return "still running"
        return _SIGNALS.get(-code, f"signal {-code}") if code < 0 else f"exit status {code}"

    def end(self) -> bool:
        """Kills the process and waits at most two seconds; False where the kernel cannot end it (state D)."""
        if self._ended:
            return True
        self._ended = True
        self._process.kill()
        gone = True
        try:
            self._process.wait(_KILL_WAIT_S)
        except subprocess.TimeoutExpired:
            gone = False
        with contextlib.suppress(OSError):
            self.read_stderr()
        self.control.close()
        os.close(self.stderr_fd)
        return gone


def _file_of(content: bytes) -> int:
    """A descriptor of a file in memory, at its beginning."""
    fd = os.memfd_create("edged-spec", os.MFD_CLOEXEC)
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """What a child may know: it runs drivers and models, and has no use for credentials or our service manager."""
    kept = {name: value for name, value in ours.items() if not name.startswith(_PRIVATE) or name in _SHARED}
    return {**kept, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
