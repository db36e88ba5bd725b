"""A frame's description; its pixels travel beside it, in shared memory."""

from dataclasses import dataclass
from enum import IntEnum


class PixelFormat(IntEnum):
    """How pixels lie in memory, packed, without padding; the numbers go over the wire between processes."""

    RGB = 0
    """height x width x 3, red first."""
    BGR = 1
    """height x width x 3, blue first."""
    GRAY = 2
    """height x width."""
    I420 = 3
    """Planes: height x width of luma, then two of height/2 x width/2 (U, V); both sides even."""


@dataclass(frozen=True, slots=True)
class FrameShape:
    """Format and size in pixels of a frame."""

    format: PixelFormat
    width: int
    height: int

    @property
    def array_shape(self) -> tuple[int, ...]:
        """Shape of the uint8 array that holds the frame."""
        if self.format is PixelFormat.I420:
            return (self.height * 3 // 2, self.width)
        if self.format is PixelFormat.GRAY:
            return (self.height, self.width)
        return (self.height, self.width, 3)

    @property
    def nbytes(self) -> int:
        """Bytes that the frame takes."""
        pixels = self.width * self.height
        return {PixelFormat.I420: pixels * 3 // 2, PixelFormat.GRAY: pixels}.get(self.format, pixels * 3)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of one camera, without its pixels."""

    camera: str
    seq: int
    """Counts from 1 for each start of the camera; a gap is a frame that nobody took."""
    captured_ns: int
    """CLOCK_MONOTONIC when the sensor exposed it."""
    shape: FrameShape
