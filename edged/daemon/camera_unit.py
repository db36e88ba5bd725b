"""Keeps one camera delivering: starts, watches and restarts its process."""

import logging
import mmap
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic_ns
from typing import Any, Literal, Protocol

from edged.daemon.attempt import Ring
from edged.daemon.reactor import Reactor
from edged.domain.errors import (
    BadPictureError,
    ChildDiedError,
    ConfigurationError,
    DeviceUnavailableError,
    EdgedError,
)
from edged.transport.lender import ring_bytes
from edged.transport.memory import sealed_memfd
from edged.transport.protocol import error_from_wire
from edged.transport.spawn import Child
from edged.transport.wire import HEADER, LAST_SEQ, WORD

log = logging.getLogger(__name__)
MODULE = "edged.children.camera"
BACKOFF_FIRST_S, BACKOFF_MOST_S = 0.5, 30.0

State = Literal["starting", "running", "lost", "ended"]


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """A source as its child is told of it, and how patient to be."""

    name: str
    source: Mapping[str, Any]
    lossless: bool
    """Every frame is waited for (files); else the newest wins (cameras)."""
    start_deadline_s: float = 30.0
    deadline_s: float = 10.0


class CameraListener(Protocol):
    """Who owns the unit."""

    def camera_opened(self, unit: "CameraUnit", ring: Ring) -> None:
        """A new ring is there; connect an accelerator to it."""

    def camera_lost(self, unit: "CameraUnit", error: EdgedError) -> None:
        """The source failed; it is tried again by itself."""

    def camera_stuck(self, unit: "CameraUnit") -> None:
        """The process hangs in the kernel and keeps its device until the next boot."""

    def camera_skipped(self, unit: "CameraUnit", seq: int, error: EdgedError) -> None:
        """One picture could not be read."""

    def camera_ended(self, unit: "CameraUnit", last_seq: int) -> None:
        """A finite source has published its last frame."""

    def camera_closed(self, unit: "CameraUnit") -> None:
        """The process of a source at its end is gone, with the frames that nobody had taken."""

    def camera_unusable(self, unit: "CameraUnit", error: EdgedError) -> None:
        """The source is configured in a way that cannot work."""


class CameraUnit:
    """One camera process at a time; each gets a ring of its own."""

    def __init__(self, plan: CameraPlan, reactor: Reactor, listener: CameraListener) -> None:
        self.plan = plan
        self.name = plan.name
        self.state: State = "starting"
        self.restarts = 0
        self.ring: Ring | None = None
        self._reactor = reactor
        self._listener = listener
        self._child: Child | None = None
        self._header: mmap.mmap | None = None
        self._seen_seq = 0
        self._seen_ns = 0
        self._ever_opened = False
        self._backoff_s = BACKOFF_FIRST_S
        self._closed = False

    def start(self) -> None:
        """Starts the process."""
        if self._closed:
            return
        self.state = "starting"
        self._seen_seq, self._seen_ns = 0, monotonic_ns()
        self._child = Child(MODULE, {"source": dict(self.plan.source), "lossless": self.plan.lossless})
        self._reactor.add_reader(self._child.control.sock.fileno(), self._on_control)
        self._reactor.add_reader(self._child.stderr_fd, self._on_stderr)

    def close(self) -> None:
        """Kills the process; may be called twice."""
        self._closed = True
        self._end_child()

    def pids(self) -> tuple[int, ...]:
        """The process that runs at this moment."""
        return (self._child.pid,) if self._child else ()

    def lend_to(self, lease: socket.socket) -> None:
        """Hands a consumer's end to the child; the descriptor is copied."""
        if self._child:
            self._child.control.send({"do": "lend"}, [lease.fileno()])

    def last_seq(self) -> int:
        """Sequence number of the newest complete frame, 0 before the first."""
        return int(WORD.unpack_from(self._header, LAST_SEQ)[0]) if self._header else 0

    def check(self, *, taken_seq: int) -> None:
        """Restarts the process if nothing new has come for the deadline.

        A lossless source that waits for its last frame to be taken (`taken_seq` is behind) is not to blame.
        """
        if self.state not in ("starting", "running"):
            return
        seq, now_ns = self.last_seq(), monotonic_ns()
        if seq != self._seen_seq:
            self._seen_seq, self._seen_ns = seq, now_ns
            self._backoff_s = BACKOFF_FIRST_S
        elif self.plan.lossless and seq > taken_seq:
            self._seen_ns = now_ns
        deadline_s = self.plan.deadline_s if self.state == "running" else self.plan.start_deadline_s
        if now_ns - self._seen_ns > deadline_s * 1e9:
            what = f"camera {self.name} gave no frame for {deadline_s:g} s"
            self._lose(DeviceUnavailableError(what, "it is restarted; if this repeats, look at its cable"))

    def suspect(self) -> None:
        """Restarts a process that writes frames and lends none."""
        if self.state == "running":
            what = f"camera {self.name} has frames and does not hand them over"
            self._lose(ChildDiedError(what, "its process is restarted"))

    def _on_stderr(self) -> None:
        if not self._child:
            return
        lines = self._child.read_stderr()
        if lines is None:
            self._reactor.remove_reader(self._child.stderr_fd)
        for line in lines or ():
            log.debug("camera %s[%d]: %s", self.name, self._child.pid, line)

    def _on_control(self) -> None:
        child = self._child
        if not child:
            return
        try:
            received = child.control.receive(wait=False)
        except EOFError:
            self._died(child)
            return
        if received:
            self._handle(child, received[0])

    def _handle(self, child: Child, message: dict[str, Any]) -> None:
        if message["event"] == "opened":
            self._open_ring(child, message["slot_bytes"])
        elif message["event"] == "failed":
            self._lose(error_from_wire(message))
        elif message["event"] == "skipped":
            error = BadPictureError(message["what"], message["fix"])
            self._listener.camera_skipped(self, message["seq"], error)
        elif message["event"] == "ended":
            self.state = "ended"
            self._listener.camera_ended(self, message["last_seq"])

    def _open_ring(self, child: Child, slot_bytes: int) -> None:
        fd = sealed_memfd(f"edged-{self.name}", ring_bytes(slot_bytes))
        self._header = mmap.mmap(fd, HEADER, prot=mmap.PROT_READ)
        self.ring = Ring(fd, slot_bytes, self.plan.lossless)
        child.control.send({"do": "ring"}, [fd])
        self.state = "running"
        self._ever_opened = True
        self._seen_ns = monotonic_ns()
        self._listener.camera_opened(self, self.ring)

    def _died(self, child: Child) -> None:
        if self.state == "ended":
            self._end_child()
            self._listener.camera_closed(self)
            return
        reason = child.exit_reason()
        self._on_stderr()
        said = f"; it said: {child.tail[-1]}" if child.tail else ""
        self._lose(
            ChildDiedError(f"the process of camera {self.name} died ({reason}{said})", "it is restarted")
        )

    def _lose(self, error: EdgedError) -> None:
        worked = self.last_seq() > 0
        ended = self._end_child()
        self.state = "lost"
        log.warning("camera %s: %s", self.name, error)
        if not ended:  # a second owner of the device would hang too
            self._listener.camera_lost(self, error)
            self._listener.camera_stuck(self)
            return
        if isinstance(error, ConfigurationError) and not self._ever_opened:
            self._listener.camera_unusable(self, error)
            return
        self.restarts += 1
        if worked:
            self._backoff_s = BACKOFF_FIRST_S
        delay_s = 0.0 if worked and isinstance(error, ChildDiedError) else self._backoff_s
        self._backoff_s = min(self._backoff_s * 2, BACKOFF_MOST_S)
        self._reactor.call_later(delay_s, self.start)
        self._listener.camera_lost(self, error)

    def _end_child(self) -> bool:
        """Kills the process; False where the kernel could not."""
        ended = True
        child, self._child = self._child, None
        if child:
            self._reactor.remove_reader(child.control.sock.fileno())
            self._reactor.remove_reader(child.stderr_fd)
            ended = child.end()
        if self._header:
            self._header.close()
            self._header = None
        if self.ring:
            os.close(self.ring.fd)
            self.ring = None
        return ended
