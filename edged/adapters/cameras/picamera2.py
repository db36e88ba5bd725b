"""A Raspberry Pi camera through picamera2; written from its sources, never run on a Raspberry Pi.

Only the pure parts (`packed_rows`, `FORMATS`, `decimation`) are tested. What the calls are for:

- picamera2 names formats by their order in a register: its BGR888 is R, G, B in memory.
- libcamera may pad rows and round sizes, so size, format and stride are read back after `configure`.
- One `capture_request` per frame gives pixels and metadata of the same frame; it is released at once, or
  the camera runs out of buffers.
- A dead camera raises nothing: the wait ends, `cancel_all_and_flush` forgets the job, and the process
  should be replaced.
"""

import gc
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edged.adapters.cameras.buffer import frame_array
from edged.domain.errors import ConfigurationError, DeviceUnavailableError, EdgedError
from edged.domain.frame import FrameShape, PixelFormat
from edged.ports import Captured, Pixels

FORMATS = {"rgb": ("BGR888", PixelFormat.RGB), "i420": ("YUV420", PixelFormat.I420)}
"""picamera2's name of a format, and ours."""
SLOWEST_FPS = 5.0
"""A longer frame time also allows longer exposures, and blurs: below this rate frames are left out instead."""
BUFFERS = 4
CONTINUOUS_AUTOFOCUS = 2
"""libcamera's AfModeContinuous."""


class Picamera2Camera:
    """One camera that libcamera knows, main stream only, by its `Id` (which stays) or its number.

    `rotate` is 0 or 180; `timeout_s` is how long a frame may take before the camera counts as dead.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int] = (1280, 720),
        fps: float = 15.0,
        pixel_format: Literal["i420", "rgb"] = "i420",
        rotate: Literal[0, 180] = 0,
        camera: int | str = 0,
        timeout_s: float = 5.0,
    ) -> None:
        self._size = size
        self._every, self._sensor_fps = decimation(fps)
        self._name, self._format = FORMATS[pixel_format]
        self._rotate = rotate
        self._which = camera
        self._timeout_s = timeout_s
        self._sdk: Any = None
        self._sdk_camera: Any = None
        self._stride = 0
        self._shape = FrameShape(self._format, *size)

    def open(self) -> int:
        """Starts the camera; returns the bytes of a frame.

        Raises ConfigurationError without picamera2 or for a format the camera does not give,
        DeviceUnavailableError where the camera is missing or taken.
        """
        self._sdk, transform = _sdk()
        self.close()
        try:
            self._sdk_camera = self._sdk.Picamera2(self._number(self._sdk.Picamera2.global_camera_info()))
            self._configure(transform(hflip=1, vflip=1) if self._rotate else transform())
            self._sdk_camera.start()
        except EdgedError:
            self.close()
            raise
        except (RuntimeError, IndexError, OSError) as error:
            self.close()
            what = f"camera {self._which} does not start: {error}"
            raise DeviceUnavailableError(
                what, "check its cable, and that no other program uses it"
            ) from error
        return self._shape.nbytes

    def read(self, buffer: memoryview) -> Captured | None:
        """Waits for the next frame and copies it; never None.

        Raises BadPictureError for a buffer that is too small, DeviceUnavailableError where none comes in time.
        """
        if self._sdk_camera is None:
            raise DeviceUnavailableError("camera: not open", "call open() first")
        target = frame_array(buffer, self._shape, "camera")
        for _ in range(self._every - 1):
            self._request().release()
        request = self._request()
        try:
            captured_ns = int(request.get_metadata()["SensorTimestamp"])
            with self._sdk.MappedArray(request, "main", reshape=False) as mapped:
                packed_rows(mapped.array, self._shape, self._stride, target)
        finally:
            request.release()
        return Captured(self._shape, captured_ns)

    def close(self) -> None:
        """Lets go of the camera and of what its objects keep open; may be called twice."""
        if self._sdk_camera is None:
            return
        with suppress(RuntimeError, OSError):  # it may be gone, and is let go in any case
            self._sdk_camera.close()
        self._sdk_camera = None
        gc.collect()  # picamera2's objects form cycles that keep two or three descriptors open

    def _number(self, found: list[dict[str, Any]]) -> int:
        """The number that libcamera gives now to the camera that was asked for."""
        if not found:
            raise DeviceUnavailableError(
                "libcamera finds no camera", "check its cable and `rpicam-hello --list-cameras`"
            )
        key = "Id" if isinstance(self._which, str) else "Num"
        for camera in found:
            if camera[key] == self._which:
                return int(camera["Num"])
        there = ", ".join(f"{camera['Num']} ({camera['Id']})" for camera in found)
        raise DeviceUnavailableError(f"camera {self._which} is not there", f"there are: {there}")

    def _configure(self, transform: Any) -> None:
        frame_us = round(1e6 / self._sensor_fps)
        controls: dict[str, Any] = {"FrameDurationLimits": (frame_us, frame_us)}
        if "AfMode" in self._sdk_camera.camera_controls:
            controls["AfMode"] = CONTINUOUS_AUTOFOCUS
        main = {"size": self._size, "format": self._name}
        self._sdk_camera.configure(
            self._sdk_camera.create_video_configuration(
                main=main, raw=None, transform=transform, buffer_count=BUFFERS, queue=False, controls=controls
            )
        )
        self._read_back(self._sdk_camera.camera_configuration()["main"])

    def _read_back(self, main: Mapping[str, Any]) -> None:
        """What the camera really gives."""
        if main["format"] != self._name:
            what = f"camera gives {main['format']} where {self._name} was asked for"
            raise ConfigurationError(what, f"choose another format than {self._format.name.lower()}")
        width, height = main["size"]
        self._shape = FrameShape(self._format, int(width), int(height))
        self._stride = int(main["stride"])

    def _request(self) -> Any:
        try:
            return self._sdk_camera.capture_request(wait=self._timeout_s)
        except TimeoutError as error:
            self._sdk_camera.cancel_all_and_flush()  # else stop() hangs, and late jobs eat the buffers
            what = f"camera gave no frame for {self._timeout_s:g} s"
            raise DeviceUnavailableError(what, "check its cable; if it stays so, reboot") from error


def _sdk() -> tuple[Any, Any]:
    """The module picamera2 and the class Transform; their import already opens the cameras' files."""
    try:
        import picamera2  # noqa: PLC0415  apt's, and only on the device
        from libcamera import Transform  # noqa: PLC0415  apt's, and only on the device
    except ImportError as error:
        fix = "apt install python3-picamera2 --no-install-recommends, in a venv with --system-site-packages"
        raise ConfigurationError(f"cameras need picamera2: {error}", fix) from error
    return picamera2, Transform


def decimation(fps: float) -> tuple[int, float]:
    """One of how many frames is taken, and the rate of the sensor: at least SLOWEST_FPS."""
    if not fps > 0:
        raise ConfigurationError(f"camera: {fps} fps cannot be", "give a rate above 0")
    every = max(1, math.ceil(SLOWEST_FPS / fps))
    return every, fps * every


def packed_rows(padded: NDArray[np.uint8], shape: FrameShape, stride: int, target: Pixels) -> None:
    """Copies rows of `stride` bytes into a packed frame.

    YUV420 has chroma rows of half the stride, and planes one after another; what follows the last row is
    ignored. `padded` is one-dimensional, `target` has the frame's shape.
    """
    planes = [(shape.height, shape.width * (3 if shape.format is PixelFormat.RGB else 1), stride)]
    if shape.format is PixelFormat.I420:
        planes += [(shape.height // 2, shape.width // 2, stride // 2)] * 2
    flat, source, start = target.reshape(-1), 0, 0
    for rows, columns, step in planes:
        plane = padded[source : source + rows * step].reshape(rows, step)
        np.copyto(flat[start : start + rows * columns].reshape(rows, columns), plane[:, :columns])
        source, start = source + rows * step, start + rows * columns
