"""The planes of a drawn frame: a ground that never stands still, and sprites over it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.adapters.cameras.scene import Placed
from edged.adapters.cameras.sprite import Sprite
from edged.domain.frame import FrameShape, PixelFormat
from edged.ports import Pixels

GROUND = 96
"""Mean grey of the background."""
SWAY = 16
"""The background slides up and down over this many rows, so that no two frames in turn are alike."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A sprite as one plane shows it."""

    ink: Pixels
    """Rows x bytes."""
    mask: Pixels
    """255 where the ink covers the ground."""
    scratch: Pixels


@dataclass(frozen=True, slots=True)
class Plane:
    """A plane of the frame as rows of bytes, and all that is needed to draw on it."""

    rows: int
    columns: int
    """Bytes in a row: pixels times channels."""
    channels: int
    step: int
    """Frame pixels per sample, each way."""
    ground: Pixels
    """rows + SWAY high."""
    looks: Mapping[str, _Look]

    def draw(self, target: Pixels, placed: Placed | None, seq: int) -> None:
        """The ground of frame `seq`, then what is placed on it, into `target` (rows x columns)."""
        sway = abs(seq % (2 * SWAY) - SWAY)
        np.copyto(target, self.ground[sway : sway + self.rows])
        if placed is None:
            return
        look = self.looks[placed.look]
        top, left = placed.top // self.step, placed.left // self.step * self.channels
        part = target[top : top + look.ink.shape[0], left : left + look.ink.shape[1]]
        np.bitwise_xor(part, look.ink, out=look.scratch)  # ground ^ ((ground ^ ink) & mask) is ink inside
        np.bitwise_and(look.scratch, look.mask, out=look.scratch)
        np.bitwise_xor(part, look.scratch, out=part)


def planes(shape: FrameShape, sprites: Mapping[str, Sprite], seed: int) -> list[Plane]:
    """The one plane of RGB, or the three of I420, with everything painted that is painted once."""
    ground = _texture(shape.width, shape.height + SWAY, seed)
    if shape.format is PixelFormat.RGB:
        looks = {
            name: _look(sprite.rgb, sprite.mask[..., None].repeat(3, axis=2))
            for name, sprite in sprites.items()
        }
        return [_plane(ground.repeat(3, axis=1), looks, channels=3)]
    luma = (ground.astype(np.uint16) * 219 // 255 + 16).astype(np.uint8)
    chroma = np.full((shape.height // 2 + SWAY, shape.width // 2), 128, np.uint8)
    seen = {name: (_yuv(sprite.rgb), sprite.mask) for name, sprite in sprites.items()}
    return [
        _plane(luma, {name: _look(yuv[0], mask) for name, (yuv, mask) in seen.items()}),
        *(
            _plane(
                chroma,
                {name: _look(yuv[each, ::2, ::2], mask[::2, ::2]) for name, (yuv, mask) in seen.items()},
                step=2,
            )
            for each in (1, 2)
        ),
    ]


def _plane(ground: Pixels, looks: Mapping[str, _Look], *, step: int = 1, channels: int = 1) -> Plane:
    height, columns = ground.shape
    return Plane(height - SWAY, columns, channels, step, ground, looks)


def _look(ink: Pixels, mask: Pixels) -> _Look:
    flat = np.ascontiguousarray(ink).reshape(ink.shape[0], -1)
    return _Look(flat, np.ascontiguousarray(mask).reshape(flat.shape), np.empty_like(flat))


def _texture(width: int, height: int, seed: int) -> Pixels:
    """Patches of 16 pixels with fine grain on them, all grey."""
    chance = random.Random(seed)  # noqa: S311  a picture, not a secret
    patches = _noise(chance, 20, height // 16 + 1, width // 16 + 1)
    coarse = patches.repeat(16, axis=0)[:height].repeat(16, axis=1)[:, :width]
    return np.asarray(GROUND + coarse + _noise(chance, 6, height, width), np.uint8)


def _noise(chance: random.Random, most: int, height: int, width: int) -> NDArray[np.int16]:
    """Whole numbers from -most to most; Python's generator, since the import of numpy's takes OpenSSL along."""
    drawn = np.frombuffer(chance.randbytes(height * width), np.uint8).reshape(height, width)
    return np.asarray(drawn % (2 * most + 1) - np.int16(most), np.int16)


def _yuv(rgb: Pixels) -> Pixels:
    """3 x height x width; BT.601, limited range: what cameras and OpenCV mean by I420."""
    weights = np.array([(65.481, 128.553, 24.966), (-37.797, -74.203, 112.0), (112.0, -93.786, -18.214)])
    base = np.array([16.0, 128.0, 128.0])
    planes_last = np.rint(rgb / 255 @ weights.T + base).astype(np.uint8)
    return np.asarray(planes_last.transpose(2, 0, 1), np.uint8)
