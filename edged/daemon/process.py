"""A child and the conversation with it: heard in the loop, logged, and reported once when it ends."""

import logging
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edged.daemon.reactor import Reactor
from edged.domain.errors import ChildDiedError, EdgedError
from edged.transport.failure import error_from_wire
from edged.transport.spawn import Child

log = logging.getLogger(__name__)
NONSENSE = (KeyError, TypeError, ValueError, IndexError, ArithmeticError, struct.error)
"""What reading a message raises that no child of ours sends: it runs drivers and models that may write anywhere."""

Action = Callable[[], None]


class Process:
    """Runs from its making until `end`. Raises ChildDiedError where no process can be started.

    `understand` turns a message into what is to be done about it, and raises one of NONSENSE where it cannot;
    `gone` takes the reason when the process has ended, has reported an error or talks nonsense.
    """

    def __init__(
        self,
        reactor: Reactor,
        name: str,
        module: str,
        spec: Mapping[str, Any],
        *,
        understand: Callable[[dict[str, Any]], Action],
        gone: Callable[[EdgedError], None],
    ) -> None:
        self.name = name
        self._reactor = reactor
        self._understand = understand
        self._gone = gone
        self._ended = False
        self._child = Child(module, spec)
        self.pid = self._child.pid
        reactor.add_reader(self._child.control.sock.fileno(), self._on_control)
        reactor.add_reader(self._child.stderr_fd, self._on_stderr)

    def send(self, message: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
        """Says something with copies of descriptors; if the child has gone, its end of file says so."""
        if not self._ended:
            self._child.control.send(message, fds)

    def end(self) -> bool:
        """Kills the process; False where the kernel could not. May be called twice."""
        if self._ended:
            return True
        self._ended = True
        self._reactor.remove_reader(self._child.control.sock.fileno())
        self._reactor.remove_reader(self._child.stderr_fd)
        return self._child.end()

    def lost(self) -> None:
        """Its sockets are closed: an error that it reported comes first, then why it ended."""
        if not self._ended:
            self._gone(self._reported() or self._reason())

    def babbles(self, error: Exception) -> None:
        """It has sent what cannot be read."""
        if not self._ended:
            self._gone(
                ChildDiedError(f"{self.name} sent what cannot be read ({error!r:.120})", "it is restarted")
            )

    def _on_control(self) -> None:
        try:
            received = self._child.control.receive(wait=False)
            action = self._understand(received[0]) if received else None
        except EOFError:
            self.lost()
        except NONSENSE as error:
            self.babbles(error)
        else:
            if action:
                action()

    def _on_stderr(self) -> None:
        lines = self._child.read_stderr()
        if lines is None:
            self._reactor.remove_reader(self._child.stderr_fd)
        for line in lines or ():
            log.debug("%s[%d]: %s", self.name, self.pid, line)

    def _reported(self) -> EdgedError | None:
        try:
            while received := self._child.control.receive(wait=False):
                if received[0].get("event") == "failed":
                    return error_from_wire(received[0])
        except (EOFError, *NONSENSE):
            pass
        return None

    def _reason(self) -> EdgedError:
        reason = self._child.exit_reason()
        self._on_stderr()
        said = f"; it said: {self._child.tail[-1]}" if self._child.tail else ""
        return ChildDiedError(f"{self.name} died ({reason}{said})", "it is restarted")
