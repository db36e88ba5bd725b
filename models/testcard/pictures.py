"""Draws pictures of test cards: any scale, rotation, tilt, light, blur and noise, on cluttered backgrounds.

Everything is drawn: no photograph takes part in the training. The same seed gives the same pictures. Needs numpy
and OpenCV, and the package `edged` for the outlines of the marks.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from chance import SIZE, Chance, Picture
from lens import Lens
from numpy.typing import NDArray
from scenery import Scenery
from sheet import LABELS, corners_of, fill, rectangle, square_of

from edged.adapters.cameras.marks import FRAME_INSIDE, MARKS, PAPER, Outline

FILL = 114
"""Grey of the letterbox bars."""
SMALLEST, LARGEST = 16.0, 230.0
"""Side of a card's frame in pixels, before it is tilted."""
MOST_CARDS = 4


@dataclass(frozen=True, slots=True)
class Card:
    """One card in a picture: its label's number and the box of its frame, x1, y1, x2, y2 in pixels."""

    label: int
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture and the cards on it."""

    picture: Picture
    """SIZE x SIZE x 3, R G B."""
    cards: tuple[Card, ...]


class Painter:
    """Draws one picture after the other from a seed."""

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed)
        self._scenery, self._lens = Scenery(self._chance), Lens(self._chance)

    def sample(self, background: Picture | None = None) -> Sample:
        """A picture with none to four cards, on a drawn background or on the one given (SIZE x SIZE x 3)."""
        view = self._view()
        canvas = self._scenery.background() if background is None else background.copy()
        if background is None:
            self._scenery.clutter(canvas, int(self._chance.rng.integers(0, 14)))
        cards = self._place_cards(canvas, view)
        if background is None and self._chance.odds(0.25):
            self._clutter_around(canvas, cards)
        canvas = self._lens.seen(canvas)
        left, top, right, bottom = view
        boxed = np.full_like(canvas, FILL)
        boxed[top:bottom, left:right] = canvas[top:bottom, left:right]
        return Sample(boxed, cards)

    def _view(self) -> tuple[int, int, int, int]:
        """The part of the input that a letterboxed frame fills: left, top, right, bottom."""
        shape = self._chance.rng.choice(["4:3", "16:9", "1:1", "3:4"], p=[0.45, 0.3, 0.15, 0.1])
        short = {"4:3": 192, "16:9": 144, "1:1": 256, "3:4": 192}[shape]
        start = (SIZE - short) // 2
        return (start, 0, SIZE - start, SIZE) if shape == "3:4" else (0, start, SIZE, SIZE - start)

    def _place_cards(self, canvas: Picture, view: tuple[int, int, int, int]) -> tuple[Card, ...]:
        cards: list[Card] = []
        wanted = int(self._chance.rng.choice(MOST_CARDS + 1, p=[0.1, 0.35, 0.25, 0.17, 0.13]))
        for _ in range(2 * wanted):
            corners = self._somewhere_in(view)
            full = len(cards) == wanted
            if full or not _all_inside(corners, view) or any(_touches(corners, each.box) for each in cards):
                continue
            label = int(self._chance.rng.integers(len(LABELS)))
            self._draw_card(canvas, corners, MARKS[LABELS[label]])
            (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
            cards.append(Card(label, (float(x1), float(y1), float(x2), float(y2))))
        return tuple(cards)

    def _somewhere_in(self, view: tuple[int, int, int, int]) -> NDArray[np.float64]:
        """Corners of a card whose size is spread evenly over the octaves, mostly inside the view."""
        left, top, right, bottom = view
        room = min(right - left, bottom - top)
        side = math.exp(self._chance.between(math.log(SMALLEST), math.log(min(LARGEST, 0.95 * room))))
        half = min(side * 0.55, room / 2)
        centre = (
            self._chance.between(left + half, right - half),
            self._chance.between(top + half, bottom - half),
        )
        return corners_of(self._chance, side, centre)

    def _draw_card(self, canvas: Picture, corners: NDArray[np.float64], outline: Outline) -> None:
        """The printed sheet, under light that falls off across it, perhaps with a finger or a fold on its rim."""
        before = canvas.copy()
        dark, pale = self._chance.ink(), self._chance.paper()
        fill(
            canvas,
            corners,
            rectangle((0, self._chance.between(-0.1, 0.1)), (PAPER, PAPER * self._chance.between(1, 1.45))),
            pale,
        )
        fill(canvas, corners, square_of(1.0), dark)
        fill(canvas, corners, square_of(FRAME_INSIDE), pale)
        fill(canvas, corners, outline, dark)
        if self._chance.odds(0.3):
            self._shade(canvas, before, corners)
        if self._chance.odds(0.12):
            self._finger(canvas, corners)

    def _shade(self, canvas: Picture, before: Picture, corners: NDArray[np.float64]) -> None:
        """A shadow or a glare over part of the card."""
        area = np.zeros(canvas.shape[:2], np.uint8)
        middle = corners.mean(axis=0)
        side = float(np.ptp(corners[:, 0]))
        angle = self._chance.between(0, math.tau)
        edge = middle + np.array((math.cos(angle), math.sin(angle))) * side * self._chance.between(-0.4, 0.4)
        along = np.array((-math.sin(angle), math.cos(angle))) * 4 * SIZE
        away = np.array((math.cos(angle), math.sin(angle))) * 4 * SIZE
        half = np.array([edge - along, edge + along, edge + along + away, edge - along + away])
        cv2.fillPoly(area, [half.astype(np.int32)], 255)
        area[(canvas == before).all(axis=2)] = 0
        amount = (
            cv2.GaussianBlur(area, (0, 0), self._chance.between(0.5, 4)).astype(np.float32)[..., None] / 255
        )
        lit = canvas.astype(np.float32)
        lit = (
            lit * (1 - amount * self._chance.between(0.3, 0.7))
            if self._chance.odds(0.7)
            else lit + amount * self._chance.between(20, 70)
        )
        canvas[:] = np.clip(lit, 0, 255).astype(np.uint8)

    def _finger(self, canvas: Picture, corners: NDArray[np.float64]) -> None:
        """A blob that covers a bit of the rim."""
        first = int(self._chance.rng.integers(4))
        part = self._chance.between(0.1, 0.9)
        rim = corners[first] * part + corners[(first + 1) % 4] * (1 - part)
        radius = float(np.ptp(corners[:, 0])) * self._chance.between(0.06, 0.14)
        skin = (self._chance.between(90, 240), self._chance.between(60, 190), self._chance.between(50, 160))
        cv2.circle(canvas, (int(rim[0]), int(rim[1])), max(1, int(radius)), skin, -1, cv2.LINE_AA)

    def _clutter_around(self, canvas: Picture, cards: tuple[Card, ...]) -> None:
        """Clutter in front, where no card is."""
        clear = canvas.copy()
        self._scenery.clutter(canvas, 3)
        for card in cards:
            x1, y1, x2, y2 = (round(edge) for edge in card.box)
            window = slice(max(0, y1 - 4), y2 + 5), slice(max(0, x1 - 4), x2 + 5)
            canvas[window] = clear[window]


def _all_inside(corners: NDArray[np.float64], view: tuple[int, int, int, int]) -> bool:
    left, top, right, bottom = view
    (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
    return bool(x1 >= left and y1 >= top and x2 <= right and y2 <= bottom)


def _touches(corners: NDArray[np.float64], box: tuple[float, float, float, float]) -> bool:
    (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
    room = 0.36 * max(x2 - x1, y2 - y1, box[2] - box[0], box[3] - box[1])  # a sheet is larger than its frame
    return bool(x1 - room < box[2] and x2 + room > box[0] and y1 - room < box[3] and y2 + room > box[1])
