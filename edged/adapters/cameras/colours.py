"""The scene of colours: which one each frame shows, and where, as a pure function of its number."""

import random

import numpy as np

from edged.adapters.cameras.scene import Placed
from edged.adapters.cameras.sprite import Sprite
from edged.domain.geometry import Box
from edged.ports import Pixels

COLOURS = {
    "red": (214, 40, 46),
    "green": (34, 170, 60),
    "blue": (40, 84, 220),
    "yellow": (236, 206, 36),
    "grey": (226, 226, 226),
}
"""R, G, B of the shape by the name that the bundled model gives it; `grey` is pale on a darker ground."""
DWELL_S = 3.0
"""How long each colour is shown, where nobody says."""
FORMS = ("disc", "square")
SIDE = 0.72
"""Side of the shape as a fraction of the frame's shorter side."""
CROSSINGS_PER_S = (0.13, 0.19)
"""How often per second the shape crosses the room it has, horizontally and vertically."""


class ColourScene:
    """A disc or a square that wanders over a grey ground and changes its colour every `dwell_s`."""

    def __init__(
        self, *, width: int, height: int, fps: float, seed: int, dwell_s: float | None = None
    ) -> None:
        chance = random.Random(seed)  # noqa: S311  a picture, not a secret
        self._size = (width, height)
        self._fps = fps
        self._dwell = max(1, round((dwell_s or DWELL_S) * fps))
        self._order = chance.sample(sorted(COLOURS), len(COLOURS))
        self._phase = (chance.random(), chance.random())
        self._first_form = chance.randrange(len(FORMS))
        self.side = max(2, int(min(width, height) * SIDE) // 2 * 2)

    def sprites(self) -> dict[str, Sprite]:
        """A disc and a square of each colour."""
        masks = {"disc": _disc(self.side), "square": np.full((self.side, self.side), 255, np.uint8)}
        return {
            f"{colour} {form}": Sprite(np.full((*mask.shape, 3), rgb, np.uint8), mask)
            for colour, rgb in COLOURS.items()
            for form, mask in masks.items()
        }

    def at(self, seq: int) -> Placed:
        """What frame `seq`, from 1, shows."""
        (width, height), side = self._size, self.side
        turn = (seq - 1) // self._dwell
        left, top = self._wandered(0, seq, width - side), self._wandered(1, seq, height - side)
        box = Box(left / width, top / height, side / width, side / height)
        form, colour = FORMS[(self._first_form + turn) % len(FORMS)], self._order[turn % len(self._order)]
        return Placed(colour, f"{colour} {form}", box, left, top)

    def _wandered(self, axis: int, seq: int, room: int) -> int:
        """To and fro over `room` pixels at constant speed, in even steps."""
        way = (self._phase[axis] + CROSSINGS_PER_S[axis] * seq / self._fps) * 2 % 2
        return round((2 - way if way > 1 else way) * max(room, 0)) // 2 * 2


def _disc(side: int) -> Pixels:
    place = np.arange(side) - (side - 1) / 2
    inside = place[:, None] ** 2 + place[None, :] ** 2 <= (side / 2) ** 2
    return np.where(inside, 255, 0).astype(np.uint8)
