"""Painter child: takes pictures of frames that were answered, draws over them and makes JPEGs, until it is killed."""

import os
import select
import socket
from dataclasses import replace
from typing import Any

import numpy as np

from edged.adapters.pixels.drawing import draw
from edged.adapters.pixels.encoding import encode_within
from edged.adapters.pixels.opencv import prepare, small_picture
from edged.children.start import run_child
from edged.ports import Pixels
from edged.transport.borrower import Borrower, CameraGoneError
from edged.transport.control import Control
from edged.transport.drawings import overlay_from_wire
from edged.transport.memory import mapped
from edged.vision.snapshot import picture_size


class _Easel:
    """One camera: whose frames are followed, the picture in work, and the memory that masks and JPEGs lie in."""

    def __init__(self, lease: int, ring: int, slot_bytes: int, memory: int) -> None:
        self.follower = Borrower(0, socket.socket(fileno=lease), ring, slot_bytes, after=0, lossless=False)
        self._sheet = np.frombuffer(mapped(memory, writable=True), np.uint8)
        os.close(memory)
        self._side = 0
        self.number = 0
        self._picture: Pixels | None = None

    def wish(self, number: int, side: int) -> None:
        """Asks for the next frame that is answered; a wish replaces the one before it."""
        self.number, self._side, self._picture = number, side, None
        if not self.follower.asked:
            self.follower.ask()

    def take(self) -> int | None:
        """Copies the frame that is shown, and gives it back at once; its sequence number."""
        loan = self.follower.take(stale=False)
        if loan is None:
            return None
        self._picture = small_picture(loan.pixels, loan.shape, picture_size(loan.shape, self._side))
        self.follower.give_back()
        return loan.seq

    def draw(self, wire: dict[str, Any], *, masked: bool, most_bytes: int) -> int | None:
        """Draws over the picture and makes a JPEG of it, in the memory; its bytes, or None where there is none."""
        picture, self._picture = self._picture, None
        if picture is None:  # it was wished for anew
            return None
        overlay = overlay_from_wire(wire)
        if masked:
            height, width = picture.shape[:2]
            overlay = replace(overlay, mask=self._sheet[: height * width].reshape(height, width))
        draw(picture, overlay)
        jpeg = encode_within(picture, most_bytes)
        self._sheet[: len(jpeg)] = np.frombuffer(jpeg, np.uint8)
        return len(jpeg)


class _Painter:
    """Does what the parent says, and takes the frames that the cameras show."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._easels: dict[str, _Easel] = {}
        self._poll = select.poll()
        self._poll.register(control.sock, select.POLLIN)

    def work(self) -> None:
        """Never returns; EOFError when the parent has gone."""
        while True:
            for fd, _ in self._poll.poll():
                if fd == self._control.sock.fileno():
                    self._listen()
                else:
                    self._look(fd)

    def _listen(self) -> None:
        message, fds = self._control.receive() or ({}, [])
        camera = message["camera"]
        if message["do"] == "follow":
            self._follow(camera, message["slot_bytes"], *fds)
        elif easel := self._easels.get(camera):  # else its camera has gone: another one will be followed
            self._obey(camera, easel, message)

    def _follow(self, camera: str, slot_bytes: int, ring: int, lease: int, memory: int) -> None:
        self._drop(camera)
        easel = self._easels[camera] = _Easel(lease, ring, slot_bytes, memory)
        self._poll.register(easel.follower.sock, select.POLLIN)

    def _obey(self, camera: str, easel: _Easel, message: dict[str, Any]) -> None:
        if message["do"] == "take":
            self._tell("noted", camera, message["number"])
            try:
                easel.wish(message["number"], message["side"])
            except CameraGoneError:
                self._drop(camera)
            return
        nbytes = easel.draw(message["overlay"], masked=message["masked"], most_bytes=message["most_bytes"])
        if nbytes is not None:
            self._tell("drawn", camera, easel.number, bytes=nbytes)

    def _look(self, fd: int) -> None:
        """A camera shows a frame, or has gone."""
        found = [(name, each) for name, each in self._easels.items() if each.follower.sock.fileno() == fd]
        for camera, easel in found:
            try:
                seq = easel.take()
            except CameraGoneError:
                self._drop(camera)
            else:
                if seq is not None:
                    self._tell("taken", camera, easel.number, seq=seq)

    def _tell(self, event: str, camera: str, number: int, **more: int) -> None:
        self._control.send({"event": event, "camera": camera, "number": number, **more})

    def _drop(self, camera: str) -> None:
        if easel := self._easels.pop(camera, None):
            self._poll.unregister(easel.follower.sock)
            easel.follower.sock.close()


def work(control: Control, spec: dict[str, Any]) -> None:
    """Paints for ever."""
    del spec
    prepare()
    _Painter(control).work()


if __name__ == "__main__":
    run_child(work)
