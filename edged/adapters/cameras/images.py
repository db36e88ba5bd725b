"""Pictures from files as a camera: a folder in order of names, or a list of paths."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edged.adapters.cameras.buffer import frame_array
from edged.adapters.cameras.pace import NS_PER_S, Pace
from edged.adapters.pixels.files import LARGEST_PICTURE
from edged.adapters.pixels.opencv import read_picture
from edged.domain.errors import (
    BadPictureError,
    ConfigurationError,
    DeviceUnavailableError,
    PermissionDeniedError,
)
from edged.domain.frame import FrameShape, PixelFormat
from edged.ports import Captured

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp"})


class ImagesCamera:
    """Reads each picture once, or over and over, as RGB.

    `source` is a folder (its *.jpg, *.jpeg, *.png and *.bmp, sorted by name) or the paths themselves.
    `fps` is the pace; without it pictures come as fast as they are taken. No picture is left out.
    """

    def __init__(
        self, *, source: Path | Sequence[Path], loop: bool = False, fps: float | None = None
    ) -> None:
        self._source = source
        self._loop = loop
        self._fps = fps
        self._paths: list[Path] = []
        self._next = 0
        self._bad_in_turn = 0
        self._pace = Pace()

    def open(self) -> int:
        """Lists the pictures; returns the bytes of the largest picture that is taken at all.

        That bound is fixed, since sizes show only when pictures are read, and costs nothing in shared memory,
        of which only pages that were written exist.

        Raises ConfigurationError where there is no picture, PermissionDeniedError where we may not look.
        """
        self._paths = _pictures(self._source) if isinstance(self._source, Path) else list(self._source)
        if not self._paths:
            raise ConfigurationError(f"no pictures in {self._source}", "put *.jpg, *.png or *.bmp there")
        self._next = self._bad_in_turn = 0
        self._pace = Pace()
        return LARGEST_PICTURE * 3

    def read(self, buffer: memoryview) -> Captured | None:
        """Writes the next picture at its time; None after the last one.

        Raises BadPictureError for a picture that is unreadable, too large, or larger than the buffer, and
        DeviceUnavailableError in a loop where none of the pictures can be read.
        """
        if not self._paths:
            raise DeviceUnavailableError("images: not open", "call open() first")
        if not self._loop and self._next >= len(self._paths):
            return None
        path, number = self._paths[self._next % len(self._paths)], self._next
        self._next += 1
        try:
            shape = _read_into(buffer, path)
        except BadPictureError as error:
            self._count_bad(error)
            raise
        self._bad_in_turn = 0
        if self._fps is None:
            return Captured(shape, time.monotonic_ns())
        return Captured(shape, self._pace.wait(round(number * NS_PER_S / self._fps)))

    def _count_bad(self, error: BadPictureError) -> None:
        self._bad_in_turn += 1
        if self._loop and self._bad_in_turn >= len(self._paths):
            what = f"none of the {len(self._paths)} pictures can be read; the last one: {error.what}"
            raise DeviceUnavailableError(what, error.fix) from error

    def close(self) -> None:
        """Forgets the list; may be called twice."""
        self._paths = []


def _pictures(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    except PermissionError as error:
        fix = "let the user that edged runs as read it"
        raise PermissionDeniedError(f"{folder}: {error.strerror}", fix) from error
    except OSError as error:
        fix = "name a folder that exists, with pictures in it"
        raise ConfigurationError(f"{folder}: {error.strerror}", fix) from error


def _read_into(buffer: memoryview, path: Path) -> FrameShape:
    pixels = read_picture(path)
    shape = FrameShape(PixelFormat.RGB, pixels.shape[1], pixels.shape[0])
    np.copyto(frame_array(buffer, shape, str(path)), pixels)
    return shape
