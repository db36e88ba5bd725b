"""What the pattern camera shows at each frame: a pure function of the frame's number."""

import random
from dataclasses import dataclass

from edged.domain.geometry import Box

COLOURS = {
    "red": (214, 40, 46),
    "green": (34, 170, 60),
    "blue": (40, 84, 220),
    "yellow": (236, 206, 36),
    "grey": (226, 226, 226),
}
"""R, G, B of the shape by the name that the bundled model gives it; `grey` is pale on a darker ground."""
FORMS = ("disc", "square")
SIDE = 0.72
"""Side of the shape as a fraction of the frame's shorter side."""
CROSSINGS_PER_S = (0.13, 0.19)
"""How often per second the shape crosses the room it has, horizontally and vertically."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What one frame shows: a form of one colour, and the box that it fills."""

    colour: str
    form: str
    box: Box
    left: int
    """Pixels, as `top` and `side`; all even, so that they fall on whole chroma samples."""
    top: int
    side: int


class Scene:
    """A disc or a square that wanders over a grey ground and changes its colour every `dwell_s`."""

    def __init__(self, *, width: int, height: int, fps: float, seed: int, dwell_s: float) -> None:
        chance = random.Random(seed)  # noqa: S311  a picture, not a secret
        self._size = (width, height)
        self._fps = fps
        self._dwell = max(1, round(dwell_s * fps))
        self._order = chance.sample(sorted(COLOURS), len(COLOURS))
        self._phase = (chance.random(), chance.random())
        self._first_form = chance.randrange(len(FORMS))
        self.side = max(2, int(min(width, height) * SIDE) // 2 * 2)

    def at(self, seq: int) -> Shown:
        """What frame `seq`, from 1, shows."""
        (width, height), side = self._size, self.side
        turn = (seq - 1) // self._dwell
        left, top = self._wandered(0, seq, width - side), self._wandered(1, seq, height - side)
        box = Box(left / width, top / height, side / width, side / height)
        form = FORMS[(self._first_form + turn) % len(FORMS)]
        return Shown(self._order[turn % len(self._order)], form, box, left, top, side)

    def _wandered(self, axis: int, seq: int, room: int) -> int:
        """To and fro over `room` pixels at constant speed, in even steps."""
        way = (self._phase[axis] + CROSSINGS_PER_S[axis] * seq / self._fps) * 2 % 2
        return round((2 - way if way > 1 else way) * max(room, 0)) // 2 * 2
