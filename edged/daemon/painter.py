"""The process that makes snapshots: started when the first one is wanted, and told which frames to follow."""

import mmap
import os
import signal
import socket
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from edged.daemon.attempt import Ring
from edged.daemon.camera_unit import CameraUnit
from edged.daemon.process import Action, Process
from edged.daemon.reactor import Reactor
from edged.domain.errors import ChildDiedError, EdgedError
from edged.transport.drawings import overlay_to_wire
from edged.transport.kernel import step_aside, step_forward
from edged.transport.memory import sealed_memfd
from edged.transport.protocol import error_from_wire
from edged.vision.overlay import Overlay
from edged.vision.snapshot import MOST_SIDE, Sheet

MODULE = "edged.children.painter"
NAME = "the process that makes snapshots"
SHEET_BYTES = MOST_SIDE * MOST_SIDE
"""Memory that a mask or a JPEG lies in; pages that nobody touches cost nothing."""


class PainterListener(Protocol):
    """Who wants pictures."""

    def wish_noted(self, camera: str, number: int) -> None:
        """The camera is about to be asked: the frame is none that was answered long before."""

    def picture_taken(self, camera: str, number: int, seq: int) -> None:
        """A frame was copied, after a model had been shown it."""

    def picture_drawn(self, camera: str, number: int, jpeg: bytes) -> None:
        """A JPEG is ready; empty where none is as small as it has to be."""

    def painter_failed(self, error: EdgedError) -> None:
        """The process has ended, and with it all that was wished for."""


@dataclass(frozen=True, slots=True)
class _Following:
    """A camera's ring that the process follows, and the memory that they share."""

    ring: Ring
    memory: mmap.mmap


class Painter:
    """One process for all cameras, which gets what time the others leave.

    A picture's number goes with it all the way, so that none is taken for another one's.
    """

    def __init__(self, reactor: Reactor, listener: PainterListener) -> None:
        self._reactor = reactor
        self._listener = listener
        self._process: Process | None = None
        self._following: dict[str, _Following] = {}
        self.heard = False
        """Whether the present process has said anything: it has started then."""
        self.ending = False
        """Whether it was killed and is not gone yet; nothing is waited for, since it may take its time."""

    def take(self, camera: CameraUnit, number: int, sheet: Sheet) -> None:
        """Has the next frame of a camera copied that a model is shown; the camera has a ring, and no process is ending.

        Raises ChildDiedError where no process or no memory is to be had.
        """
        assert camera.ring  # noqa: S101  the caller's part
        try:
            if not self._process:
                self._start()
            following = self._following.get(camera.name)
            if not following or following.ring is not camera.ring:
                self._follow(camera, camera.ring)
        except OSError as error:
            raise ChildDiedError(f"no picture can be taken: {error.strerror}", "it is tried again") from error
        self._send({"do": "take", "camera": camera.name, "number": number, "side": sheet.side})

    def draw(self, camera: str, number: int, overlay: Overlay, sheet: Sheet) -> None:
        """Has the copy drawn over and made into a JPEG; a mask has the copy's size."""
        following = self._following.get(camera)
        if following is None:
            return
        mask = overlay.mask
        if mask is not None:
            following.memory[: mask.nbytes] = mask.tobytes()
        message = {
            "do": "draw",
            "camera": camera,
            "number": number,
            "overlay": overlay_to_wire(replace(overlay, mask=None)),
            "masked": mask is not None,
            "most_bytes": sheet.most_bytes,
        }
        self._send(message)

    def dismiss(self) -> None:
        """Has the process end; the next picture starts another."""
        if self._process and not self.ending:
            self.ending = True
            step_forward(self._process.pid)
            os.kill(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Ends the process; may be called twice."""
        process, self._process, self.ending = self._process, None, False
        if process:
            step_forward(process.pid)
            process.end()
        for following in self._following.values():
            following.memory.close()
        self._following.clear()

    def _start(self) -> None:
        self.heard = False
        self._process = Process(self._reactor, NAME, MODULE, {}, understand=self._understand, gone=self._gone)
        step_aside(self._process.pid)

    def _gone(self, error: EdgedError) -> None:
        """Its socket is closed; it is news only where that was not our doing."""
        expected = self.ending
        self.close()
        if not expected:
            self._listener.painter_failed(error)

    def _follow(self, camera: CameraUnit, ring: Ring) -> None:
        if old := self._following.pop(camera.name, None):
            old.memory.close()
        memory = sealed_memfd("edged-snapshot", SHEET_BYTES)
        try:
            lender, follower = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with lender, follower:
                camera.lend_to(lender, follows=True)
                message = {"do": "follow", "camera": camera.name, "slot_bytes": ring.slot_bytes}
                self._send(message, ring.fd, follower.fileno(), memory)
            self._following[camera.name] = _Following(ring, mmap.mmap(memory, SHEET_BYTES))
        finally:
            os.close(memory)

    def _send(self, message: dict[str, Any], *fds: int) -> None:
        if self._process:
            self._process.send(message, fds)

    def _understand(self, message: dict[str, Any]) -> Action:
        if message["event"] == "failed":
            return partial(self._gone, error_from_wire(message))
        self.heard = True
        which = str(message["camera"]), int(message["number"])
        match message["event"]:
            case "noted":
                return partial(self._listener.wish_noted, *which)
            case "taken":
                return partial(self._listener.picture_taken, *which, int(message["seq"]))
            case "drawn":
                return partial(self._finish, *which, int(message["bytes"]))
        raise ValueError(message["event"])

    def _finish(self, camera: str, number: int, nbytes: int) -> None:
        if following := self._following.get(camera):
            self._listener.picture_drawn(camera, number, following.memory[: max(0, nbytes)])
