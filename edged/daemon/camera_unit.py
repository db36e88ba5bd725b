"""Keeps one camera delivering: starts, watches and restarts its process."""

import logging
import mmap
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from time import monotonic_ns
from typing import Any, Literal, Protocol

from edged.daemon.attempt import Ring
from edged.daemon.process import Action, Process
from edged.daemon.reactor import Reactor, Timer
from edged.domain.errors import (
    BadPictureError,
    ChildDiedError,
    ConfigurationError,
    DeviceUnavailableError,
    EdgedError,
)
from edged.transport.failure import error_from_wire
from edged.transport.lender import ring_bytes
from edged.transport.memory import sealed_memfd
from edged.transport.wire import HEADER, LAST_SEQ, WORD

log = logging.getLogger(__name__)
MODULE = "edged.children.camera"
BACKOFF_FIRST_S, BACKOFF_MOST_S = 0.5, 30.0
BACKOFF_WORKED_S = 1.0
"""The longest wait before a process that gave frames is started again."""
SETTLED_S = 10.0

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
        self._process: Process | None = None
        self._started_ns = 0
        self._header: mmap.mmap | None = None
        self._seen_seq = 0
        self._seen_ns = 0
        self._ever_opened = False
        self._backoff_s = 0.0
        self._again: Timer | None = None
        self._closed = False

    def start(self) -> None:
        """Starts the process."""
        if self._closed:
            return
        self.state = "starting"
        self._seen_seq, self._seen_ns = 0, monotonic_ns()
        self._started_ns = self._seen_ns
        spec = {"source": dict(self.plan.source), "lossless": self.plan.lossless}
        name = f"the process of camera {self.name}"
        try:
            self._process = Process(
                self._reactor, name, MODULE, spec, understand=self._understand, gone=self._gone
            )
        except ChildDiedError as error:
            self._lose(error)

    def close(self) -> None:
        """Kills the process; may be called twice."""
        self._closed = True
        if self._again:
            self._again.cancel()
        self._end_process()

    def lend_to(self, lease: socket.socket, *, follows: bool = False) -> None:
        """Hands a consumer's end to the child, or a follower's; the descriptor is copied."""
        if self._process:
            self._process.send({"do": "lend", "follows": follows}, [lease.fileno()])

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

    def _understand(self, message: dict[str, Any]) -> Action:
        match message["event"]:
            case "opened":
                return partial(self._open_ring, int(message["slot_bytes"]))
            case "failed":
                return partial(self._lose, error_from_wire(message))
            case "skipped":
                error = BadPictureError(message["what"], message["fix"])
                return partial(self._listener.camera_skipped, self, int(message["seq"]), error)
            case "ended":
                return partial(self._come_to_an_end, int(message["last_seq"]))
        raise ValueError(message["event"])

    def _open_ring(self, slot_bytes: int) -> None:
        try:
            fd = sealed_memfd(f"edged-{self.name}", ring_bytes(slot_bytes))
            self.ring = Ring(fd, slot_bytes, self.plan.lossless)
            self._header = mmap.mmap(fd, HEADER, prot=mmap.PROT_READ)
        except (OSError, ValueError, OverflowError) as error:
            self._lose(
                ChildDiedError(f"camera {self.name}: no memory for frames: {error}", "it is tried again")
            )
            return
        if self._process:
            self._process.send({"do": "ring"}, [fd])
        self.state = "running"
        self._ever_opened = True
        self._seen_ns = monotonic_ns()
        self._listener.camera_opened(self, self.ring)

    def _come_to_an_end(self, last_seq: int) -> None:
        self.state = "ended"
        self._listener.camera_ended(self, last_seq)

    def _gone(self, error: EdgedError) -> None:
        if self.state == "ended":
            self._end_process()
            self._listener.camera_closed(self)
        else:
            self._lose(error)

    def _lose(self, error: EdgedError) -> None:
        worked = self.last_seq() > 0
        ended = self._end_process()
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
        self._again = self._reactor.call_later(self._delay_s(worked=worked), self.start)
        self._listener.camera_lost(self, error)

    def _delay_s(self, *, worked: bool) -> float:
        """At once after a good while, soon after frames, and ever later where there never was one."""
        if monotonic_ns() - self._started_ns > SETTLED_S * 1e9:
            self._backoff_s = 0.0
        delay_s = min(self._backoff_s, BACKOFF_WORKED_S) if worked else max(self._backoff_s, BACKOFF_FIRST_S)
        self._backoff_s = min(max(self._backoff_s * 2, BACKOFF_FIRST_S), BACKOFF_MOST_S)
        return delay_s

    def _end_process(self) -> bool:
        """Kills the process; False where the kernel could not."""
        process, self._process = self._process, None
        ended = process.end() if process else True
        if self._header:
            self._header.close()
            self._header = None
        if self.ring:
            os.close(self.ring.fd)
            self.ring = None
        return ended
