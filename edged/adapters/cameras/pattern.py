"""A camera without hardware: a drawn scene at exact times, the same each run."""

from typing import Literal

from edged.adapters.cameras.buffer import frame_array
from edged.adapters.cameras.cards import CardScene
from edged.adapters.cameras.colours import ColourScene
from edged.adapters.cameras.ground import Plane, planes
from edged.adapters.cameras.pace import Ticks, sleep_until
from edged.adapters.cameras.scene import Placed, Scene
from edged.domain.errors import ConfigurationError, DeviceUnavailableError
from edged.domain.frame import FrameShape, PixelFormat
from edged.ports import Captured, Pixels

FORMATS = {"rgb": PixelFormat.RGB, "i420": PixelFormat.I420}
LEAST = {"cards": 32, "colours": 2}
"""Pixels that the shorter side of a frame must have for anything to fit on it."""


class PatternCamera:
    """A scene as a camera; the bundled models `testcard` and `colours` name what it shows.

    `fps` ticks a second; a tick that nobody waited for is lost, as on a sensor. It ends after tick number
    `frames`, or never. Raises ConfigurationError for a size or rate that cannot be.
    """

    def __init__(
        self,
        *,
        scene: Literal["cards", "colours"] = "cards",
        size: tuple[int, int] = (640, 480),
        fps: float = 30.0,
        pixel_format: Literal["rgb", "i420"] = "rgb",
        seed: int = 0,
        dwell_s: float | None = None,
        frames: int | None = None,
    ) -> None:
        width, height = size
        odd = pixel_format == "i420" and (width % 2 or height % 2)
        least = LEAST[scene]
        if min(size) < least or fps <= 0 or odd:
            what = f"pattern camera: {scene} on {width}x{height} {pixel_format} at {fps} fps cannot be"
            fix = f"give at least {least}x{least} pixels, even for i420, and a rate above 0"
            raise ConfigurationError(what, fix)
        self.seq = 0
        """Number of the tick that `read` gave last."""
        self._shape = FrameShape(FORMATS[pixel_format], width, height)
        kind = CardScene if scene == "cards" else ColourScene
        self._scene: Scene = kind(width=width, height=height, fps=fps, seed=seed, dwell_s=dwell_s)
        self._fps, self._seed, self._frames = fps, seed, frames
        self._planes: list[Plane] = []
        self._ticks: Ticks | None = None

    def scene(self, seq: int) -> Placed | None:
        """What tick `seq`, from 1, shows; a pure function."""
        return self._scene.at(seq)

    def open(self) -> int:
        """Paints what is painted once, and starts the clock; returns the bytes of a frame."""
        self._planes = planes(self._shape, self._scene.sprites(), self._seed)
        self._ticks = Ticks(self._fps)
        self.seq = 0
        return self._shape.nbytes

    def read(self, buffer: memoryview) -> Captured | None:
        """Draws the next tick and waits for it; None once `frames` ticks have passed.

        A frame is whole at its tick, as what a sensor hands over is: drawing does not count as latency.
        Raises BadPictureError for a buffer that is too small.
        """
        if self._ticks is None:
            raise DeviceUnavailableError("pattern camera: not open", "call open() first")
        if self._frames is not None and self.seq >= self._frames:
            return None
        array = frame_array(buffer, self._shape, "pattern camera").reshape(-1)
        self.seq, due_ns = self._ticks.next()
        if self._frames is not None and self.seq > self._frames:
            return None
        self._draw(array, self.seq)
        sleep_until(due_ns)
        return Captured(self._shape, due_ns, self.seq)

    def _draw(self, flat: Pixels, seq: int) -> None:
        placed, start = self._scene.at(seq), 0
        for plane in self._planes:
            size = plane.rows * plane.columns
            plane.draw(flat[start : start + size].reshape(plane.rows, plane.columns), placed, seq)
            start += size

    def close(self) -> None:
        """Forgets the paintings; may be called twice."""
        self._planes, self._ticks = [], None
