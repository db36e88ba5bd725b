"""Pictures of outlines, drawn with smooth edges by numpy alone: the camera's process imports nothing larger."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.adapters.cameras.marks import Outline
from edged.ports import Pixels

FINE = 4
"""Lines per row of pixels; along a line, what a pixel is covered by is exact."""

Coverage = NDArray[np.float32]
"""Height x width, 0..1."""


@dataclass(frozen=True, slots=True)
class Sprite:
    """A small picture that is laid over a frame."""

    rgb: Pixels
    """Height x width x 3; both sides even."""
    mask: Pixels
    """Height x width: 255 where the sprite covers the frame, else 0."""


def coverage(outline: Outline, side: int) -> Coverage:
    """How much of each pixel of a square of that side lies inside the outline (pixels; even-odd rule)."""
    starts = np.array(outline, np.float32)
    ends = np.roll(starts, -1, axis=0)
    lines = (np.arange(side * FINE, dtype=np.float32) + 0.5) / FINE
    above, below = starts[:, 1] <= lines[:, None], ends[:, 1] <= lines[:, None]
    run = np.where(ends[:, 1] == starts[:, 1], 1, ends[:, 1] - starts[:, 1])
    at = starts[:, 0] + (lines[:, None] - starts[:, 1]) / run * (ends[:, 0] - starts[:, 0])
    crossings = np.sort(np.where(above != below, at, side).astype(np.float32), axis=1)
    covered = np.zeros((lines.size, side), np.float32)
    columns = np.arange(side, dtype=np.float32)
    for pair in range(0, int((above != below).sum(axis=1).max(initial=0)), 2):
        left, right = crossings[:, pair, None], crossings[:, pair + 1, None]
        covered += np.clip(right - columns, 0, 1) - np.clip(left - columns, 0, 1)
    return np.asarray(covered.reshape(side, FINE, side).mean(axis=1), np.float32)


def grey_sprite(side: int, layers: Sequence[tuple[Outline, int]]) -> Sprite:
    """Outlines in pixels, each filled with its grey over those before it; the first one is the sprite's edge."""
    picture = np.full((side, side), layers[0][1], np.float32)
    for outline, grey in layers[1:]:
        picture += coverage(outline, side) * (grey - picture)
    inside = np.where(coverage(layers[0][0], side) >= 0.5, 255, 0)  # noqa: PLR2004  half a pixel
    return Sprite(np.rint(picture).astype(np.uint8)[..., None].repeat(3, axis=2), inside.astype(np.uint8))
