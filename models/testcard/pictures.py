"""Draws pictures of test cards: any scale, rotation, tilt, light, blur and noise, on cluttered backgrounds.

Everything is drawn: no photograph takes part in the training. The same seed gives the same pictures. Needs numpy
and OpenCV, and the package `edged` for the outlines of the marks.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.adapters.cameras.marks import FRAME_INSIDE, MARKS, PAPER, Outline

SIZE = 256
"""Side of a picture in pixels; also the model's input."""
FILL = 114
"""Grey of the letterbox bars."""
LABELS = tuple(MARKS)
SMALLEST, LARGEST = 16.0, 230.0
"""Side of a card's frame in pixels, before it is tilted."""
MOST_CARDS = 4

Picture = NDArray[np.uint8]
Colour = tuple[float, float, float]


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
        self._chance = np.random.default_rng(seed)

    def sample(self, background: Picture | None = None) -> Sample:
        """A picture with none to four cards, on a drawn background or on the one given (SIZE x SIZE x 3)."""
        view = self._view()
        canvas = self._background() if background is None else background.copy()
        if background is None:
            self._clutter(canvas, int(self._chance.integers(0, 14)))
        cards = self._place_cards(canvas, view)
        if background is None and self._odds(0.25):
            self._clutter_around(canvas, cards)
        canvas = self._camera(canvas)
        left, top, right, bottom = view
        boxed = np.full_like(canvas, FILL)
        boxed[top:bottom, left:right] = canvas[top:bottom, left:right]
        return Sample(boxed, cards)

    def _odds(self, chance: float) -> bool:
        return bool(self._chance.random() < chance)

    def _between(self, low: float, high: float) -> float:
        return float(self._chance.uniform(low, high))

    def _view(self) -> tuple[int, int, int, int]:
        """The part of the input that a letterboxed frame fills: left, top, right, bottom."""
        shape = self._chance.choice(["4:3", "16:9", "1:1", "3:4"], p=[0.45, 0.3, 0.15, 0.1])
        short = {"4:3": 192, "16:9": 144, "1:1": 256, "3:4": 192}[shape]
        start = (SIZE - short) // 2
        return (start, 0, SIZE - start, SIZE) if shape == "3:4" else (0, start, SIZE, SIZE - start)

    # --- backgrounds

    def _background(self) -> Picture:
        """Light of several sizes, as in a photograph (amplitude over frequency), or plain, or a gradient."""
        kind = self._chance.random()
        if kind < 0.12:
            return np.full((SIZE, SIZE, 3), self._colour(), np.uint8)
        total = np.zeros((SIZE, SIZE, 3), np.float32)
        weight = self._between(0.3, 0.75)
        for octave in range(1, 8):
            side = 2**octave
            colourful = self._between(0, 1)
            grain = self._chance.normal(0, 1, (side, side, 1)) + colourful * self._chance.normal(
                0, 0.5, (side, side, 3)
            )
            total += (
                cv2.resize(grain.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
                * weight**octave
            )
        total = (total - total.mean()) / max(float(total.std()), 1e-3)
        return np.clip(np.array(self._colour(), np.float32) + total * self._between(8, 60), 0, 255).astype(
            np.uint8
        )

    def _colour(self) -> Colour:
        if self._odds(0.4):
            grey = self._between(0, 255)
            return grey, grey, grey
        red, green, blue = self._chance.uniform(0, 255, 3)
        return float(red), float(green), float(blue)

    def _clutter(self, canvas: Picture, count: int) -> None:
        """Things that are no cards: shapes, text, stripes, chequers, bare marks, empty frames."""
        draws = (
            self._a_polygon,
            self._an_ellipse,
            self._lines,
            self._text,
            self._stripes,
            self._chequers,
            self._a_bare_mark,
            self._a_wrong_card,
            self._rectangles,
        )
        for _ in range(count):
            draws[int(self._chance.integers(len(draws)))](canvas)

    def _point(self) -> tuple[int, int]:
        x, y = self._chance.integers(0, SIZE, 2)
        return int(x), int(y)

    def _side(self) -> float:
        return float(np.exp(self._between(math.log(8), math.log(160))))

    def _a_polygon(self, canvas: Picture) -> None:
        corners = np.array(self._point()) + self._chance.normal(
            0, self._side() / 2, (int(self._chance.integers(3, 7)), 2)
        )
        cv2.fillPoly(canvas, [corners.astype(np.int32)], self._colour(), cv2.LINE_AA)

    def _an_ellipse(self, canvas: Picture) -> None:
        axes = (int(self._side() / 2) + 1, int(self._side() / 2) + 1)
        thickness = -1 if self._odds(0.6) else int(self._chance.integers(1, 8))
        cv2.ellipse(
            canvas, self._point(), axes, self._between(0, 180), 0, 360, self._colour(), thickness, cv2.LINE_AA
        )

    def _lines(self, canvas: Picture) -> None:
        colour = self._colour()
        for _ in range(int(self._chance.integers(1, 6))):
            cv2.line(
                canvas, self._point(), self._point(), colour, int(self._chance.integers(1, 6)), cv2.LINE_AA
            )

    def _text(self, canvas: Picture) -> None:
        letters = "".join(
            self._chance.choice(list("ABCDEFGHKMNORSTXYZ0123456789oxu+*#"), int(self._chance.integers(1, 12)))
        )
        cv2.putText(
            canvas,
            letters,
            self._point(),
            int(self._chance.integers(0, 8)),
            self._between(0.3, 3),
            self._colour(),
            int(self._chance.integers(1, 6)),
            cv2.LINE_AA,
        )

    def _rectangles(self, canvas: Picture) -> None:
        """One inside the other, turned: windows, screens, doors, sheets of paper."""
        x, y = self._point()
        w, h, angle = self._side(), self._side(), self._between(-90, 90)
        for shrink in (1.0, self._between(0.5, 0.95), self._between(0.1, 0.5))[
            : int(self._chance.integers(1, 4))
        ]:
            corners = cv2.boxPoints(((x, y), (w * shrink, h * shrink), angle))
            cv2.fillPoly(canvas, [corners.astype(np.int32)], self._colour(), cv2.LINE_AA)

    def _patch(self, canvas: Picture) -> tuple[Picture, int]:
        (x, y), side = self._point(), int(self._side()) + 8
        return canvas[y : y + side, x : x + side], side

    def _stripes(self, canvas: Picture) -> None:
        patch, _ = self._patch(canvas)
        across, down = np.meshgrid(np.arange(patch.shape[1]), np.arange(patch.shape[0]))
        angle, period = self._between(0, math.pi), self._between(3, 20)
        on = ((across * math.cos(angle) + down * math.sin(angle)) // period % 2).astype(bool)
        patch[on] = self._colour()

    def _chequers(self, canvas: Picture) -> None:
        patch, _ = self._patch(canvas)
        across, down = np.meshgrid(np.arange(patch.shape[1]), np.arange(patch.shape[0]))
        period = int(self._chance.integers(3, 24))
        patch[(across // period + down // period) % 2 == 0] = self._colour()
        if self._odds(0.5):
            patch[(across // period + down // period) % 2 == 1] = self._colour()

    def _a_bare_mark(self, canvas: Picture) -> None:
        """A mark without a frame is no card."""
        outline = MARKS[str(self._chance.choice(LABELS))]
        dark, pale = self._ink(), self._paper()
        if self._odds(0.4):
            dark, pale = self._colour(), self._colour()
        corners = self._corners(self._between(12, 120))
        if self._odds(0.5):
            _fill(canvas, corners, _square_of(PAPER), pale)
        _fill(canvas, corners, outline, dark)

    def _a_wrong_card(self, canvas: Picture) -> None:
        """A frame that holds nothing, a letter, or two shapes is no card."""
        dark, pale = self._ink(), self._paper()
        corners = self._corners(self._between(14, 130))
        if self._odds(0.7):
            _fill(canvas, corners, _square_of(PAPER), pale)
        _fill(canvas, corners, _square_of(1.0), dark)
        if self._odds(0.15):
            return
        _fill(canvas, corners, _square_of(self._between(0.6, 0.93)), pale)
        kind = self._chance.random()
        if kind < 0.4:
            for _ in range(int(self._chance.integers(1, 4))):
                bar = self._between(-0.6, 0.6), self._between(-0.6, 0.6)
                half = self._between(0.05, 0.3), self._between(0.05, 0.5)
                _fill(canvas, corners, _rectangle(bar, half), dark)
        elif kind < 0.6:
            _fill(canvas, corners, tuple((x * 0.3, y * 0.3) for x, y in MARKS["circle"]), dark)
        elif kind < 0.75:
            _fill(canvas, corners, MARKS["circle"], dark)
            _fill(canvas, corners, tuple((x * 0.6, y * 0.6) for x, y in MARKS["circle"]), pale)

    # --- cards

    def _corners(self, side: float, centre: tuple[float, float] | None = None) -> NDArray[np.float64]:
        """Where the frame's outer corners fall: a square seen from somewhere, turned by any angle."""
        around, tilt = self._between(0, math.tau), self._between(0, 0.9) * self._between(0.2, 1)
        turn = self._between(0, math.tau) if self._odds(0.5) else float(self._chance.normal(0, 0.25))
        flat = np.array([(-1.0, -1.0), (1, -1), (1, 1), (-1, 1)])
        spun = flat @ np.array([(math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))])
        axis = np.array((math.cos(around), math.sin(around)))
        along = spun @ axis
        depth = 1 + along * math.sin(tilt) * self._between(0.05, 0.35)
        leaned = spun - np.outer(along * (1 - math.cos(tilt)), axis)
        x, y = centre or self._point()
        return np.asarray(np.array((x, y)) + leaned / depth[:, None] * side / 2, np.float64)

    def _ink(self) -> Colour:
        base = self._between(0, 70)
        red, green, blue = np.clip(base + self._chance.normal(0, 6, 3), 0, 255)
        return float(red), float(green), float(blue)

    def _paper(self) -> Colour:
        base = self._between(150, 255)
        red, green, blue = np.clip(base + self._chance.normal(0, 10, 3), 0, 255)
        return float(red), float(green), float(blue)

    def _place_cards(self, canvas: Picture, view: tuple[int, int, int, int]) -> tuple[Card, ...]:
        cards: list[Card] = []
        wanted = int(self._chance.choice(MOST_CARDS + 1, p=[0.1, 0.35, 0.25, 0.17, 0.13]))
        for _ in range(2 * wanted):
            corners = self._somewhere_in(view)
            full = len(cards) == wanted
            if full or not _all_inside(corners, view) or any(_touches(corners, each.box) for each in cards):
                continue
            label = int(self._chance.integers(len(LABELS)))
            self._draw_card(canvas, corners, MARKS[LABELS[label]])
            (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
            cards.append(Card(label, (float(x1), float(y1), float(x2), float(y2))))
        return tuple(cards)

    def _somewhere_in(self, view: tuple[int, int, int, int]) -> NDArray[np.float64]:
        """Corners of a card whose size is spread evenly over the octaves, mostly inside the view."""
        left, top, right, bottom = view
        room = min(right - left, bottom - top)
        side = math.exp(self._between(math.log(SMALLEST), math.log(min(LARGEST, 0.95 * room))))
        half = min(side * 0.55, room / 2)
        centre = self._between(left + half, right - half), self._between(top + half, bottom - half)
        return self._corners(side, centre)

    def _draw_card(self, canvas: Picture, corners: NDArray[np.float64], outline: Outline) -> None:
        """The printed sheet, under light that falls off across it, perhaps with a finger or a fold on its rim."""
        before = canvas.copy()
        dark, pale = self._ink(), self._paper()
        _fill(
            canvas,
            corners,
            _rectangle((0, self._between(-0.1, 0.1)), (PAPER, PAPER * self._between(1, 1.45))),
            pale,
        )
        _fill(canvas, corners, _square_of(1.0), dark)
        _fill(canvas, corners, _square_of(FRAME_INSIDE), pale)
        _fill(canvas, corners, outline, dark)
        if self._odds(0.3):
            self._shade(canvas, before, corners)
        if self._odds(0.12):
            self._finger(canvas, corners)

    def _shade(self, canvas: Picture, before: Picture, corners: NDArray[np.float64]) -> None:
        """A shadow or a glare over part of the card."""
        area = np.zeros(canvas.shape[:2], np.uint8)
        middle = corners.mean(axis=0)
        side = float(np.ptp(corners[:, 0]))
        angle = self._between(0, math.tau)
        edge = middle + np.array((math.cos(angle), math.sin(angle))) * side * self._between(-0.4, 0.4)
        along = np.array((-math.sin(angle), math.cos(angle))) * 4 * SIZE
        away = np.array((math.cos(angle), math.sin(angle))) * 4 * SIZE
        half = np.array([edge - along, edge + along, edge + along + away, edge - along + away])
        cv2.fillPoly(area, [half.astype(np.int32)], 255)
        area[(canvas == before).all(axis=2)] = 0
        amount = cv2.GaussianBlur(area, (0, 0), self._between(0.5, 4)).astype(np.float32)[..., None] / 255
        lit = canvas.astype(np.float32)
        lit = (
            lit * (1 - amount * self._between(0.3, 0.7))
            if self._odds(0.7)
            else lit + amount * self._between(20, 70)
        )
        canvas[:] = np.clip(lit, 0, 255).astype(np.uint8)

    def _finger(self, canvas: Picture, corners: NDArray[np.float64]) -> None:
        """A blob that covers a bit of the rim."""
        first = int(self._chance.integers(4))
        part = self._between(0.1, 0.9)
        rim = corners[first] * part + corners[(first + 1) % 4] * (1 - part)
        radius = float(np.ptp(corners[:, 0])) * self._between(0.06, 0.14)
        skin = (self._between(90, 240), self._between(60, 190), self._between(50, 160))
        cv2.circle(canvas, (int(rim[0]), int(rim[1])), max(1, int(radius)), skin, -1, cv2.LINE_AA)

    def _clutter_around(self, canvas: Picture, cards: tuple[Card, ...]) -> None:
        """Clutter in front, where no card is."""
        clear = canvas.copy()
        self._clutter(canvas, 3)
        for card in cards:
            x1, y1, x2, y2 = (round(edge) for edge in card.box)
            window = slice(max(0, y1 - 4), y2 + 5), slice(max(0, x1 - 4), x2 + 5)
            canvas[window] = clear[window]

    # --- the camera

    def _camera(self, canvas: Picture) -> Picture:
        """What a cheap camera makes of the scene: light, colour, blur, noise, compression."""
        seen = canvas.astype(np.float32)
        seen *= np.exp(self._chance.normal(0, 0.1, 3)).astype(np.float32)
        if self._odds(0.5):
            seen *= self._falloff()
        gain, base = self._between(0.35, 1.15), self._between(-10, 50) if self._odds(0.5) else 0.0
        seen = base + seen * gain
        seen = 255 * np.clip(seen / 255, 0, 1) ** self._between(0.6, 1.6)
        if self._odds(0.5):
            seen = cv2.GaussianBlur(seen, (0, 0), self._between(0.3, 1.6))
        if self._odds(0.2):
            seen = self._motion(seen)
        if self._odds(0.6):
            strength = self._between(1, 16)
            seen = seen + self._chance.normal(0, strength, seen.shape).astype(np.float32)
        picture = np.clip(seen, 0, 255).astype(np.uint8)
        if self._odds(0.4):
            picture = self._compressed(picture)
        return picture

    def _falloff(self) -> NDArray[np.float32]:
        """Light that comes from one side."""
        angle, depth = self._between(0, math.tau), self._between(0, 0.6)
        across, down = np.meshgrid(np.linspace(-0.5, 0.5, SIZE), np.linspace(-0.5, 0.5, SIZE))
        return (1 - depth * (across * math.cos(angle) + down * math.sin(angle) + 0.5))[..., None].astype(
            np.float32
        )

    def _motion(self, seen: NDArray[np.float32]) -> NDArray[np.float32]:
        length = int(self._chance.integers(2, 7))
        kernel = np.zeros((length, length), np.float32)
        angle = self._between(0, math.pi)
        for step in np.linspace(-0.5, 0.5, 4 * length):
            x, y = (
                (length - 1) * (0.5 + step * math.cos(angle)),
                (length - 1) * (0.5 + step * math.sin(angle)),
            )
            kernel[round(y), round(x)] = 1
        return np.asarray(cv2.filter2D(seen, -1, kernel / kernel.sum()), np.float32)

    def _compressed(self, picture: Picture) -> Picture:
        _, packed = cv2.imencode(
            ".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(self._chance.integers(35, 95))]
        )
        return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def _square_of(half: float) -> Outline:
    return _rectangle((0, 0), (half, half))


def _rectangle(middle: tuple[float, float], half: tuple[float, float]) -> Outline:
    (x, y), (w, h) = middle, half
    return (x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)


def _fill(canvas: Picture, corners: NDArray[np.float64], outline: Outline, colour: Colour) -> None:
    """Fills an outline in card units, seen so that the frame's corners fall on `corners`."""
    flat = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32)
    view = cv2.getPerspectiveTransform(flat, corners.astype(np.float32))
    points = cv2.perspectiveTransform(np.array([outline], np.float64), view)[0]
    shift = 4  # OpenCV draws in sixteenths of a pixel
    whole = np.round((points - 0.5) * 2**shift).astype(np.int32)
    cv2.fillPoly(canvas, [whole], colour, cv2.LINE_AA, shift)


def _all_inside(corners: NDArray[np.float64], view: tuple[int, int, int, int]) -> bool:
    left, top, right, bottom = view
    (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
    return bool(x1 >= left and y1 >= top and x2 <= right and y2 <= bottom)


def _touches(corners: NDArray[np.float64], box: tuple[float, float, float, float]) -> bool:
    (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
    room = 0.36 * max(x2 - x1, y2 - y1, box[2] - box[0], box[3] - box[1])  # a sheet is larger than its frame
    return bool(x1 - room < box[2] and x2 + room > box[0] and y1 - room < box[3] and y2 + room > box[1])
