"""Draws an overlay over a picture: tints, boxes, limbs and words."""

import numpy as np
from numpy.typing import NDArray

from edged.adapters.pixels.opencv import draw_line, drawn_text
from edged.ports import Pixels
from edged.vision.overlay import Figure, Overlay

PALETTE: NDArray[np.uint8] = np.array(
    [
        (230, 25, 75), (60, 180, 75), (255, 225, 25), (0, 130, 200), (245, 130, 48), (145, 30, 180),
        (70, 240, 240), (240, 50, 230), (210, 245, 60), (250, 190, 190), (0, 128, 128), (170, 110, 40),
        (128, 0, 0), (170, 255, 195), (128, 128, 0), (0, 0, 128), (255, 250, 200), (128, 128, 128),
    ],
    np.uint8,
)  # fmt: skip
"""Red, green, blue of each class, in turn."""
_TINT = 0.5
"""How much of a tinted pixel is colour."""
_BRIGHT = 150
"""Words on colours brighter than this are black."""


def draw(pixels: Pixels, overlay: Overlay) -> None:
    """Draws over an RGB picture [height, width, 3] in its place; a mask has its size."""
    if overlay.mask is not None:
        _tint(pixels, overlay.mask)
    brush = _Brush(pixels)
    for figure in reversed(overlay.figures):  # the best last, on top
        brush.figure(figure)
    brush.words(overlay.words)


def colour_of(number: int) -> tuple[int, int, int]:
    """Red, green and blue of a class."""
    red, green, blue = PALETTE[number % len(PALETTE)].tolist()
    return red, green, blue


def _tint(pixels: Pixels, mask: NDArray[np.uint8]) -> None:
    """Lays its class's colour over each pixel that has one, a stripe at a time to save memory."""
    for top in range(0, len(mask), 256):
        stripe, numbers = pixels[top : top + 256], mask[top : top + 256]
        tinted = numbers > 0
        colours = PALETTE[(numbers[tinted].astype(np.intp) - 1) % len(PALETTE)]
        stripe[tinted] = (stripe[tinted] * (1 - _TINT) + colours * _TINT).astype(np.uint8)


class _Brush:
    """Lines and words as thick and large as they must be to be seen in the picture."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels
        self._height, self._width = pixels.shape[:2]
        small = min(self._height, self._width)
        self._thick = max(1, round(small / 200))
        self._scale = max(0.35, small / 900)

    def figure(self, figure: Figure) -> None:
        """A box with its words above, and what it has of a body."""
        colour = colour_of(figure.colour)
        left, top = self._pixel(figure.box[0], figure.box[1])
        right, bottom = self._pixel(figure.box[0] + figure.box[2], figure.box[1] + figure.box[3])
        self._frame(left, top, right, bottom, colour)
        for start, end in figure.lines:
            ends = self._pixel(*start), self._pixel(*end)
            draw_line(self._pixels, ends, (255, 255, 255), self._thick)
        for dot in figure.dots:
            spot = self._pixel(*dot)
            draw_line(self._pixels, (spot, spot), colour, 4 * self._thick)
        self._word(figure.text, left, top, colour, above=True)

    def words(self, words: tuple[tuple[str, int], ...]) -> None:
        """A line for each, from the top left corner down."""
        top = 0
        for text, number in words:
            top += self._word(text, 0, top, colour_of(number), above=False)
            if top >= self._height:
                break

    def _word(self, text: str, left: int, top: int, colour: tuple[int, int, int], *, above: bool) -> int:
        """A word on its colour, inside the picture; how high that is."""
        cover = drawn_text(text.encode("ascii", "replace").decode(), self._scale)
        height, width = cover.shape
        left = max(0, min(left, self._width - width))
        top = max(0, top - height) if above else top
        place = self._pixels[top : top + height, left : left + width]
        share = cover[: place.shape[0], : place.shape[1], None] / 255
        ink = 0 if sum(colour) / 3 > _BRIGHT else 255
        place[:] = (np.array(colour) * (1 - share) + ink * share).astype(np.uint8)
        return int(height)

    def _frame(self, left: int, top: int, right: int, bottom: int, colour: tuple[int, int, int]) -> None:
        thick, pixels = self._thick + 1, self._pixels
        pixels[top : top + thick, left : right + 1] = colour
        pixels[max(bottom + 1 - thick, 0) : bottom + 1, left : right + 1] = colour
        pixels[top : bottom + 1, left : left + thick] = colour
        pixels[top : bottom + 1, max(right + 1 - thick, 0) : right + 1] = colour

    def _pixel(self, x: float, y: float) -> tuple[int, int]:
        """The pixel that holds a place."""
        return min(int(x * self._width), self._width - 1), min(int(y * self._height), self._height - 1)
