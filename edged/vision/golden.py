"""The golden frame: one picture that every process can draw, bit for bit, and that gives any model something to see."""

import numpy as np

from edged.domain.tensors import TensorSpec
from edged.ports import Pixels, Tensor
from edged.vision.manifest import InputRule
from edged.vision.quantise import input_table

_SIDE = 128
"""Of the drawing that is stretched to the model's input."""
_GRAIN = 61
"""Side of the patch of noise; a prime, so that it falls differently on each repetition of a pattern."""
_PAPER, _LIGHT, _DARK, _INK = 235, 215, 40, 20
_CARD = ((30, _PAPER), (23, _INK), (17, _PAPER))
"""Half of the side of each square, on top of the one before, and its grey."""


def golden_input(spec: TensorSpec, rule: InputRule) -> Tensor:
    """The golden frame as an input tensor, through the same table as any frame's bytes.

    Raises ModelError for a tensor into which pixels cannot be put.
    """
    height, width, channels = (1, 1, *spec.shape)[-3:]
    picture = golden_picture(height, width)
    picture = picture if channels == 3 else picture[..., 1:2]  # noqa: PLR2004  RGB, or its green
    whole = np.broadcast_to(picture, (*spec.shape[:-3], height, width, channels)).reshape(spec.shape)
    tensor: Tensor = input_table(spec, rule).table[whole]
    return tensor


def golden_picture(height: int, width: int) -> Pixels:
    """The frame as height x width x 3, RGB; whole numbers all the way, so that it is the same on every machine."""
    rows, columns = np.arange(height), np.arange(width)
    drawn = _drawing()[rows * _SIDE // max(height, 1)][:, columns * _SIDE // max(width, 1)]
    grain = _noise()[rows % _GRAIN][:, columns % _GRAIN]
    picture: Pixels = drawn + grain
    return picture


def _drawing() -> Pixels:
    """Slopes of colour, light rings on a dark disc, and a framed dot on paper in one corner."""
    down, right = np.ogrid[:_SIDE, :_SIDE]
    picture = np.stack(np.broadcast_arrays(64 + right, 64 + down, 190 - (right + down) // 2), -1)
    from_middle = (right - 64) ** 2 + (down - 64) ** 2
    picture[from_middle < 63**2] = _DARK
    for radius in range(7, 63, 7):
        picture[(from_middle > radius**2) & (from_middle < (radius + 2) ** 2)] = _LIGHT
    across = np.maximum(abs(right - 92), abs(down - 92))
    for half, grey in _CARD:
        picture[across < half] = grey
    picture[(right - 92) ** 2 + (down - 92) ** 2 < 11**2] = _INK
    return picture.astype(np.uint8)


def _noise() -> Pixels:
    """A patch of grain from 0 to 15 for each channel, by multiplying and folding 32-bit integers."""
    noise = np.arange(1, _GRAIN * _GRAIN * 3 + 1, dtype=np.uint32)
    for factor in (2654435761, 2246822519):  # 2^32 over the golden ratio, and a prime of xxHash
        noise *= np.uint32(factor)
        noise ^= noise >> np.uint32(15)
    return (noise >> np.uint32(28)).astype(np.uint8).reshape(_GRAIN, _GRAIN, 3)
