"""The scene of moving test cards: which card each frame shows, and where, as a pure function of its number."""

import math
import random
from dataclasses import dataclass
from functools import lru_cache

from edged.adapters.cameras.marks import FRAME_INSIDE, MARKS, PAPER, Outline
from edged.adapters.cameras.scene import Placed
from edged.adapters.cameras.sprite import Sprite, grey_sprite
from edged.domain.geometry import Box

DWELL_S = 2.0
"""How long each card has its turn, where nobody says."""
INK, WHITE = 30, 225
SIZES = (0.34, 0.62)
"""Smallest and largest frame of a card, as a fraction of the picture's shorter side."""
MOST = 280
"""Pixels of the largest card; a larger one would take long to draw at the start and show nothing more."""
LEAN = 0.35
"""Largest turn of a card to either side, in radians."""
PAUSE = 0.2
"""The part of a turn at its end during which no card is shown."""
_SQUARE: Outline = ((-1, -1), (1, -1), (1, 1), (-1, 1))


@dataclass(frozen=True, slots=True)
class _Look:
    """One card as it is drawn: its mark, the side of its frame in pixels, and how far it is turned."""

    mark: str
    side: float
    turn: float

    @property
    def reach(self) -> int:
        """Side of the sprite: what the paper covers however it is turned, a multiple of 4."""
        return math.ceil(self.side * PAPER * (abs(math.cos(self.turn)) + abs(math.sin(self.turn))) / 4) * 4

    @property
    def spread(self) -> float:
        """Side of the upright box around the frame, in pixels."""
        return self.side * (abs(math.cos(self.turn)) + abs(math.sin(self.turn)))

    def placed(self, outline: Outline, scale: float = 1.0) -> Outline:
        """From card units to the sprite's pixels."""
        half, cos, sin = self.side / 2 * scale, math.cos(self.turn), math.sin(self.turn)
        middle = self.reach / 2
        return tuple(
            (middle + half * (x * cos - y * sin), middle + half * (x * sin + y * cos)) for x, y in outline
        )

    def sprite(self) -> Sprite:
        """Paper, frame, the white inside, and the mark."""
        layers = [
            (self.placed(_SQUARE, PAPER), WHITE),
            (self.placed(_SQUARE), INK),
            (self.placed(_SQUARE, FRAME_INSIDE), WHITE),
            (self.placed(MARKS[self.mark]), INK),
        ]
        return grey_sprite(self.reach, layers)


class CardScene:
    """One card after the other slides over the picture, each for `dwell_s`, with a pause between two."""

    def __init__(
        self, *, width: int, height: int, fps: float, seed: int, dwell_s: float | None = None
    ) -> None:
        chance = random.Random(seed)  # noqa: S311  a picture, not a secret
        self._size = (width, height)
        self._dwell = max(2, round((dwell_s or DWELL_S) * fps))
        self._shown = max(1, round(self._dwell * (1 - PAUSE)))
        marks = chance.sample(sorted(MARKS), len(MARKS))
        shorter = min(width, height)
        self._looks = [
            _Look(mark, min(MOST, shorter * chance.uniform(*SIZES)), chance.uniform(-LEAN, LEAN))
            for mark in marks
        ]
        self._seed = seed

    def sprites(self) -> dict[str, Sprite]:
        """The picture of each card by its label."""
        return {look.mark: look.sprite() for look in self._looks}

    def turn(self, seq: int) -> int:
        """Which card in the order of appearance frame `seq`, from 1, belongs to; counted from 0."""
        return (seq - 1) // self._dwell

    def last_shown(self, turn: int) -> int:
        """The last frame that shows the card of a turn."""
        return turn * self._dwell + self._shown

    def at(self, seq: int) -> Placed | None:
        """The card that frame `seq`, from 1, shows and the box of its frame; None in a pause."""
        turn, step = self.turn(seq), (seq - 1) % self._dwell
        if step >= self._shown:
            return None
        look = self._looks[turn % len(self._looks)]
        left, top = (
            self._slid(turn, axis, step / self._shown, room - look.reach)
            for axis, room in enumerate(self._size)
        )
        edge = (look.reach - look.spread) / 2
        (width, height), spread = self._size, look.spread
        box = Box((left + edge) / width, (top + edge) / height, spread / width, spread / height)
        return Placed(look.mark, look.mark, box, left, top)

    def _slid(self, turn: int, axis: int, part: float, room: int) -> int:
        """From one place to another over `room` pixels, in even steps; each turn goes its own way."""
        start, end = _way(self._seed, turn, axis)
        return round((start + (end - start) * part) * max(room, 0)) // 2 * 2


@lru_cache(maxsize=4)
def _way(seed: int, turn: int, axis: int) -> tuple[float, float]:
    """Where a turn's card begins and ends, as parts of the room it has; asked for with each frame."""
    chance = random.Random(f"{seed}/{turn}/{axis}")  # noqa: S311  a picture, not a secret
    return chance.random(), chance.random()
