"""A video file as a camera, decoded by PyAV: the only module that imports `av`."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import numpy as np

from edged.adapters.cameras.buffer import frame_array
from edged.adapters.cameras.pace import NS_PER_S, Pace
from edged.domain.errors import (
    ConfigurationError,
    DeviceUnavailableError,
    PermissionDeniedError,
)
from edged.domain.frame import FrameShape, PixelFormat
from edged.ports import Captured, Pixels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from av import Packet, VideoFrame, VideoStream
    from av.container import InputContainer

DEFAULT_FPS = 25
"""Of a file that does not say how long its frames last."""


class VideoCamera:
    """Plays a file once, or over and over, at its own pace or as fast as frames are taken.

    No frame is left out. I420 frames lose the last column and row of odd sizes. Packets that cannot be
    decoded, and frames that the decoder calls corrupt, are skipped and counted in `skipped`.
    """

    def __init__(
        self,
        *,
        path: Path,
        loop: bool = False,
        realtime: bool = True,
        pixel_format: Literal["i420", "rgb"] = "i420",
    ) -> None:
        self._path = path
        self._loop = loop
        self._format = PixelFormat.I420 if pixel_format == "i420" else PixelFormat.RGB
        self._pace = Pace() if realtime else None
        self._container: InputContainer | None = None
        self._frames: Iterator[tuple[int, VideoFrame]] | None = None
        self.skipped = 0

    def open(self) -> int:
        """Opens the file; returns the bytes of a frame.

        Raises ConfigurationError without PyAV, or where the file is missing or has no video, and
        PermissionDeniedError where we may not read it.
        """
        av = _pyav()
        self.close()
        stream = self._start(av)
        self._frames = self._passes(av)
        self._pace = Pace() if self._pace else None
        return self._shape(stream.width, stream.height).nbytes

    def read(self, buffer: memoryview) -> Captured | None:
        """Writes the next frame, at its time; None after the last one.

        Raises BadPictureError for a frame larger than the buffer, DeviceUnavailableError where the file cannot
        be read any more, or where a loop finds no frame in it.
        """
        if self._frames is None:
            raise DeviceUnavailableError(f"{self._path}: not open", "call open() first")
        offset_ns, frame = next(self._frames, (0, None))
        if frame is None:
            return None
        shape = self._shape(frame.width, frame.height)
        _write(frame, frame_array(buffer, shape, str(self._path)), shape)
        captured_ns = self._pace.wait(offset_ns) if self._pace else time.monotonic_ns()
        return Captured(shape, captured_ns)

    def close(self) -> None:
        """Closes the file; may be called twice."""
        self._frames = None
        if self._container is not None:
            self._container.close()
            self._container = None

    def _shape(self, width: int, height: int) -> FrameShape:
        even = self._format is PixelFormat.I420
        return FrameShape(self._format, width & ~1 if even else width, height & ~1 if even else height)

    def _start(self, av: ModuleType) -> VideoStream:
        """Opens the file at its beginning."""
        with _translated(av, self._path):
            self._container = av.open(str(self._path))
        if not self._container.streams.video:
            raise ConfigurationError(f"{self._path}: no video in it", "name a file with a video stream")
        return self._container.streams.video[0]

    def _passes(self, av: ModuleType) -> Iterator[tuple[int, VideoFrame]]:
        """Frames of all passes, each with its time since the first one."""
        timeline = None
        while self._container is not None:
            timeline = timeline or _Timeline(self._container.streams.video[0])
            seen = False
            for frame in self._pass(av):
                seen = True
                yield timeline.offset_ns(frame), frame
            if not seen:
                raise DeviceUnavailableError(f"{self._path}: no frame can be decoded", "copy the file again")
            if not self._loop:
                return
            timeline.begin_pass()
            self._container.close()
            self._start(av)

    def _pass(self, av: ModuleType) -> Iterator[VideoFrame]:
        """Frames from here to the end of the file."""
        packets = self._packets(av)
        for packet in packets:
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                self.skipped += 1
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self.skipped += 1
                else:
                    yield frame

    def _packets(self, av: ModuleType) -> Iterator[Packet[VideoStream]]:
        if self._container is None:
            return
        with _translated(av, self._path):
            yield from self._container.demux(self._container.streams.video[0])


def _pyav() -> ModuleType:
    try:
        import av  # noqa: PLC0415  optional: only who plays videos needs it
    except ImportError as error:
        fix = "pip install 'edged[camera]', or: apt install python3-av"
        raise ConfigurationError("video files need PyAV, which is not installed", fix) from error
    return av


@contextmanager
def _translated(av: ModuleType, path: Path) -> Iterator[None]:
    """FFmpeg's errors about the file as a whole, as ours."""
    try:
        yield
    except av.error.PermissionError as error:
        fix = "let the user that edged runs as read it"
        raise PermissionDeniedError(f"{path}: {error.strerror}", fix) from error
    except (av.error.FileNotFoundError, av.error.IsADirectoryError) as error:
        raise ConfigurationError(f"{path}: {error.strerror}", "name a video file that exists") from error
    except av.error.InvalidDataError as error:
        fix = "name a file that ffprobe can read"
        raise ConfigurationError(f"{path}: not a video that FFmpeg knows", fix) from error
    except av.error.FFmpegError as error:
        raise DeviceUnavailableError(f"{path}: {error.strerror}", "check the disk that it is on") from error


class _Timeline:
    """When frames are due, in ns since the first one, over all passes of a file."""

    def __init__(self, stream: VideoStream) -> None:
        self._period_ns = round(NS_PER_S / (stream.average_rate or DEFAULT_FPS))
        self._base_ns = 0
        self._last_ns = -self._period_ns
        self._first_s: float | None = None

    def offset_ns(self, frame: VideoFrame) -> int:
        """The frame's own time; one period after the one before where it has none."""
        if frame.pts is None:
            self._last_ns += self._period_ns
        else:
            self._first_s = frame.time if self._first_s is None else self._first_s
            self._last_ns = self._base_ns + round((frame.time - self._first_s) * NS_PER_S)
        return self._last_ns

    def begin_pass(self) -> None:
        """The next frame is one period after the last one, whatever time it has."""
        self._base_ns, self._first_s = self._last_ns + self._period_ns, None


def _write(frame: VideoFrame, target: Pixels, shape: FrameShape) -> None:
    """Copies the planes without their padding into the packed frame."""
    if shape.format is PixelFormat.RGB:
        np.copyto(target, _rows(frame.reformat(format="rgb24"), 0, 3).reshape(target.shape))
        return
    if frame.format.name != "yuv420p":
        frame = frame.reformat(format="yuv420p")
    flat, start = target.reshape(-1), 0
    for plane, step in enumerate((1, 2, 2)):
        height, width = shape.height // step, shape.width // step
        part = flat[start : start + height * width].reshape(height, width)
        np.copyto(part, _rows(frame, plane, 1)[:height, :width])
        start += height * width


def _rows(frame: VideoFrame, plane: int, channels: int) -> Pixels:
    """A plane as rows of bytes, padding cut off, without a copy."""
    source = frame.planes[plane]
    rows: Pixels = np.frombuffer(memoryview(source), np.uint8, source.height * source.line_size)
    return rows.reshape(source.height, source.line_size)[:, : source.width * channels]
