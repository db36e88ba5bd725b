"""Camera child: opens one source and writes its frames into the ring until it is killed."""

import socket
import threading
from typing import Any

from edged.children.sources import make_camera
from edged.children.start import fatal, run_child
from edged.domain.errors import BadPictureError
from edged.ports import Camera
from edged.transport.control import Control
from edged.transport.lender import Adopted, Lender


class _Adoption:
    """Consumers that the parent sends over the control channel."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def __call__(self) -> list[Adopted] | None:
        try:
            message, fds = self._control.receive() or ({}, [])
        except EOFError:
            return None
        return [Adopted(socket.socket(fileno=fd), message["follows"]) for fd in fds]


def capture(camera: Camera, lender: Lender, control: Control) -> int:
    """Reads until a finite source ends; the last sequence number that was published.

    A picture that cannot be read keeps its sequence number, so that the next one has the one after it.
    """
    seq = last = 0
    while True:
        slot = lender.begin()
        seq += 1
        try:
            captured = camera.read(lender.slots[slot])
        except BadPictureError as error:
            control.send({"event": "skipped", "seq": seq, "what": error.what, "fix": error.fix})
            continue
        if captured is None:
            return last
        seq = captured.seq or seq
        lender.publish(slot, seq, captured.captured_ns, captured.shape)
        last = seq


def work(control: Control, spec: dict[str, Any]) -> None:
    """Opens the source, asks for a ring of the right size, and captures."""
    camera = make_camera(spec["source"])
    slot_bytes = camera.open()
    control.send({"event": "opened", "slot_bytes": slot_bytes})
    _, fds = control.receive() or ({}, [])
    lender = Lender(fds[0], slot_bytes, lossless=spec["lossless"])

    def serve() -> None:
        lender.serve(control.sock, _Adoption(control))
        raise EOFError

    server = threading.Thread(target=fatal(serve), name="lend", daemon=True)
    server.start()
    last = capture(camera, lender, control)
    camera.close()
    control.send({"event": "ended", "last_seq": last})
    server.join()


if __name__ == "__main__":
    run_child(work)
