"""A camera without hardware: a coloured shape over a grey texture, at exact times, the same each run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edged.adapters.cameras.buffer import frame_array
from edged.adapters.cameras.pace import Ticks
from edged.adapters.cameras.scene import COLOURS, Scene, Shown
from edged.domain.errors import ConfigurationError, DeviceUnavailableError
from edged.domain.frame import FrameShape, PixelFormat
from edged.ports import Captured, Pixels

GROUND = 96
"""Mean grey of the background."""
SWAY = 16
"""The background slides up and down over this many rows, so that no two frames in turn are alike."""
FORMATS = {"rgb": PixelFormat.RGB, "i420": PixelFormat.I420}


@dataclass(frozen=True, slots=True)
class _Plane:
    """A plane of the frame as rows of bytes, and all that is needed to draw on it."""

    rows: int
    columns: int
    """Bytes in a row: pixels times channels."""
    channels: int
    step: int
    """Frame pixels per sample, each way."""
    ground: Pixels
    """rows + SWAY high."""
    mask: Pixels
    """255 inside the disc, 0 outside."""
    inks: dict[str, Pixels]
    """One row of the shape in each colour."""
    scratch: Pixels

    def draw(self, target: Pixels, shown: Shown, sway: int) -> None:
        """Background, then the shape, into `target` (rows x columns)."""
        np.copyto(target, self.ground[sway : sway + self.rows])
        side, left = shown.side // self.step, shown.left // self.step * self.channels
        top, width = shown.top // self.step, shown.side // self.step * self.channels
        part, ink = target[top : top + side, left : left + width], self.inks[shown.colour]
        if shown.form == "square":
            part[:] = ink
            return
        np.bitwise_xor(part, ink, out=self.scratch)  # ground ^ ((ground ^ ink) & mask) is ink inside
        np.bitwise_and(self.scratch, self.mask, out=self.scratch)
        np.bitwise_xor(part, self.scratch, out=part)


class PatternCamera:
    """The scene of `scene.py` as a camera; the model `colours` names what it shows.

    `fps` ticks a second; a tick that nobody waited for is lost, as on a sensor. It ends after tick number
    `frames`, or never. Raises ConfigurationError for a size or rate that cannot be.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int] = (640, 480),
        fps: float = 30.0,
        pixel_format: Literal["rgb", "i420"] = "rgb",
        seed: int = 0,
        dwell_s: float = 3.0,
        frames: int | None = None,
    ) -> None:
        width, height = size
        odd = pixel_format == "i420" and (width % 2 or height % 2)
        if min(size) < 2 or fps <= 0 or odd:  # noqa: PLR2004  nothing fits on one pixel
            what = f"pattern camera: {width}x{height} {pixel_format} at {fps} fps cannot be"
            raise ConfigurationError(what, "give at least 2x2 pixels, even for i420, and a rate above 0")
        self.seq = 0
        """Number of the tick that `read` gave last."""
        self._shape = FrameShape(FORMATS[pixel_format], width, height)
        self._scene = Scene(width=width, height=height, fps=fps, seed=seed, dwell_s=dwell_s)
        self._fps, self._seed, self._frames = fps, seed, frames
        self._planes: list[_Plane] = []
        self._ticks: Ticks | None = None

    def scene(self, seq: int) -> Shown:
        """What tick `seq`, from 1, shows; a pure function."""
        return self._scene.at(seq)

    def open(self) -> int:
        """Paints what is painted once, and starts the clock; returns the bytes of a frame."""
        self._planes = _planes(self._shape, self._scene.side, self._seed)
        self._ticks = Ticks(self._fps)
        self.seq = 0
        return self._shape.nbytes

    def read(self, buffer: memoryview) -> Captured | None:
        """Waits for the next tick and draws it; None once `frames` ticks have passed.

        Raises BadPictureError for a buffer that is too small.
        """
        if self._ticks is None:
            raise DeviceUnavailableError("pattern camera: not open", "call open() first")
        if self._frames is not None and self.seq >= self._frames:
            return None
        array = frame_array(buffer, self._shape, "pattern camera").reshape(-1)
        self.seq, due_ns = self._ticks.wait()
        if self._frames is not None and self.seq > self._frames:
            return None
        self._draw(array, self.seq)
        return Captured(self._shape, due_ns, self.seq)

    def _draw(self, flat: Pixels, seq: int) -> None:
        shown, sway, start = self._scene.at(seq), abs(seq % (2 * SWAY) - SWAY), 0
        for plane in self._planes:
            size = plane.rows * plane.columns
            plane.draw(flat[start : start + size].reshape(plane.rows, plane.columns), shown, sway)
            start += size

    def close(self) -> None:
        """Forgets the paintings; may be called twice."""
        self._planes, self._ticks = [], None


def _planes(shape: FrameShape, side: int, seed: int) -> list[_Plane]:
    ground, mask = _texture(shape.width, shape.height + SWAY, seed), _disc(side)
    if shape.format is PixelFormat.RGB:
        return [_plane(ground.repeat(3, axis=1), mask.repeat(3, axis=1), 1, COLOURS, channels=3)]
    yuv = {name: _yuv(*rgb) for name, rgb in COLOURS.items()}
    luma = (ground.astype(np.uint16) * 219 // 255 + 16).astype(np.uint8)
    chroma, small = np.full((shape.height // 2 + SWAY, shape.width // 2), 128, np.uint8), mask[::2, ::2]
    return [
        _plane(luma, mask, 1, {name: values[:1] for name, values in yuv.items()}),
        _plane(chroma, small, 2, {name: values[1:2] for name, values in yuv.items()}),
        _plane(chroma, small, 2, {name: values[2:] for name, values in yuv.items()}),
    ]


def _plane(
    ground: Pixels, mask: Pixels, step: int, inks: Mapping[str, tuple[int, ...]], channels: int = 1
) -> _Plane:
    rows = {name: np.resize(np.array(ink, np.uint8), mask.shape[1]) for name, ink in inks.items()}
    mask = np.ascontiguousarray(mask)
    height, columns = ground.shape
    return _Plane(height - SWAY, columns, channels, step, ground, mask, rows, np.empty_like(mask))


def _texture(width: int, height: int, seed: int) -> Pixels:
    """Patches of 16 pixels with fine grain on them, all grey."""
    noise = np.random.default_rng(seed)
    patches = noise.integers(-20, 21, (height // 16 + 1, width // 16 + 1), np.int16)
    coarse = patches.repeat(16, axis=0)[:height].repeat(16, axis=1)[:, :width]
    grain = noise.integers(-6, 7, (height, width), np.int16)
    return np.asarray(GROUND + coarse + grain, np.uint8)


def _disc(side: int) -> Pixels:
    place = np.arange(side) - (side - 1) / 2
    inside = place[:, None] ** 2 + place[None, :] ** 2 <= (side / 2) ** 2
    return np.where(inside, 255, 0).astype(np.uint8)


def _yuv(red: int, green: int, blue: int) -> tuple[int, int, int]:
    """BT.601, limited range: what cameras and OpenCV mean by I420."""
    luma = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255
    cb = 128 + (-37.797 * red - 74.203 * green + 112.0 * blue) / 255
    cr = 128 + (112.0 * red - 93.786 * green - 18.214 * blue) / 255
    return round(luma), round(cb), round(cr)
