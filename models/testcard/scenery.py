"""Backgrounds and what lies about on them: nothing of it is a card, though some of it looks like one."""

import math

import cv2
import numpy as np
from chance import SIZE, Chance, Picture
from sheet import LABELS, corners_of, fill, rectangle, square_of

from edged.adapters.cameras.marks import MARKS, PAPER


class Scenery:
    """Draws scenes without cards."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    def background(self) -> Picture:
        """Light of several sizes, as in a photograph (amplitude over frequency), or plain, or a gradient."""
        kind = self._chance.rng.random()
        if kind < 0.12:
            return np.full((SIZE, SIZE, 3), self._chance.colour(), np.uint8)
        total = np.zeros((SIZE, SIZE, 3), np.float32)
        weight = self._chance.between(0.3, 0.75)
        for octave in range(1, 8):
            side = 2**octave
            colourful = self._chance.between(0, 1)
            grain = self._chance.rng.normal(0, 1, (side, side, 1)) + colourful * self._chance.rng.normal(
                0, 0.5, (side, side, 3)
            )
            total += (
                cv2.resize(grain.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
                * weight**octave
            )
        total = (total - total.mean()) / max(float(total.std()), 1e-3)
        return np.clip(
            np.array(self._chance.colour(), np.float32) + total * self._chance.between(8, 60), 0, 255
        ).astype(np.uint8)

    def clutter(self, canvas: Picture, count: int) -> None:
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
            draws[int(self._chance.rng.integers(len(draws)))](canvas)

    def _a_polygon(self, canvas: Picture) -> None:
        corners = np.array(self._chance.point()) + self._chance.rng.normal(
            0, self._chance.side() / 2, (int(self._chance.rng.integers(3, 7)), 2)
        )
        cv2.fillPoly(canvas, [corners.astype(np.int32)], self._chance.colour(), cv2.LINE_AA)

    def _an_ellipse(self, canvas: Picture) -> None:
        axes = (int(self._chance.side() / 2) + 1, int(self._chance.side() / 2) + 1)
        thickness = -1 if self._chance.odds(0.6) else int(self._chance.rng.integers(1, 8))
        cv2.ellipse(
            canvas,
            self._chance.point(),
            axes,
            self._chance.between(0, 180),
            0,
            360,
            self._chance.colour(),
            thickness,
            cv2.LINE_AA,
        )

    def _lines(self, canvas: Picture) -> None:
        colour = self._chance.colour()
        for _ in range(int(self._chance.rng.integers(1, 6))):
            cv2.line(
                canvas,
                self._chance.point(),
                self._chance.point(),
                colour,
                int(self._chance.rng.integers(1, 6)),
                cv2.LINE_AA,
            )

    def _text(self, canvas: Picture) -> None:
        letters = "".join(
            self._chance.rng.choice(
                list("ABCDEFGHKMNORSTXYZ0123456789oxu+*#"), int(self._chance.rng.integers(1, 12))
            )
        )
        cv2.putText(
            canvas,
            letters,
            self._chance.point(),
            int(self._chance.rng.integers(0, 8)),
            self._chance.between(0.3, 3),
            self._chance.colour(),
            int(self._chance.rng.integers(1, 6)),
            cv2.LINE_AA,
        )

    def _rectangles(self, canvas: Picture) -> None:
        """One inside the other, turned: windows, screens, doors, sheets of paper."""
        x, y = self._chance.point()
        w, h, angle = self._chance.side(), self._chance.side(), self._chance.between(-90, 90)
        for shrink in (1.0, self._chance.between(0.5, 0.95), self._chance.between(0.1, 0.5))[
            : int(self._chance.rng.integers(1, 4))
        ]:
            corners = cv2.boxPoints(((x, y), (w * shrink, h * shrink), angle))
            cv2.fillPoly(canvas, [corners.astype(np.int32)], self._chance.colour(), cv2.LINE_AA)

    def _patch(self, canvas: Picture) -> tuple[Picture, int]:
        (x, y), side = self._chance.point(), int(self._chance.side()) + 8
        return canvas[y : y + side, x : x + side], side

    def _stripes(self, canvas: Picture) -> None:
        patch, _ = self._patch(canvas)
        across, down = np.meshgrid(np.arange(patch.shape[1]), np.arange(patch.shape[0]))
        angle, period = self._chance.between(0, math.pi), self._chance.between(3, 20)
        on = ((across * math.cos(angle) + down * math.sin(angle)) // period % 2).astype(bool)
        patch[on] = self._chance.colour()

    def _chequers(self, canvas: Picture) -> None:
        patch, _ = self._patch(canvas)
        across, down = np.meshgrid(np.arange(patch.shape[1]), np.arange(patch.shape[0]))
        period = int(self._chance.rng.integers(3, 24))
        patch[(across // period + down // period) % 2 == 0] = self._chance.colour()
        if self._chance.odds(0.5):
            patch[(across // period + down // period) % 2 == 1] = self._chance.colour()

    def _a_bare_mark(self, canvas: Picture) -> None:
        """A mark without a frame is no card."""
        outline = MARKS[str(self._chance.rng.choice(LABELS))]
        dark, pale = self._chance.ink(), self._chance.paper()
        if self._chance.odds(0.4):
            dark, pale = self._chance.colour(), self._chance.colour()
        corners = corners_of(self._chance, self._chance.between(12, 120))
        if self._chance.odds(0.5):
            fill(canvas, corners, square_of(PAPER), pale)
        fill(canvas, corners, outline, dark)

    def _a_wrong_card(self, canvas: Picture) -> None:
        """A frame that holds nothing, a letter, or two shapes is no card."""
        dark, pale = self._chance.ink(), self._chance.paper()
        corners = corners_of(self._chance, self._chance.between(14, 130))
        if self._chance.odds(0.7):
            fill(canvas, corners, square_of(PAPER), pale)
        fill(canvas, corners, square_of(1.0), dark)
        if self._chance.odds(0.15):
            return
        fill(canvas, corners, square_of(self._chance.between(0.6, 0.93)), pale)
        kind = self._chance.rng.random()
        if kind < 0.4:
            for _ in range(int(self._chance.rng.integers(1, 4))):
                bar = self._chance.between(-0.6, 0.6), self._chance.between(-0.6, 0.6)
                half = self._chance.between(0.05, 0.3), self._chance.between(0.05, 0.5)
                fill(canvas, corners, rectangle(bar, half), dark)
        elif kind < 0.6:
            fill(canvas, corners, tuple((x * 0.3, y * 0.3) for x, y in MARKS["circle"]), dark)
        elif kind < 0.75:
            fill(canvas, corners, MARKS["circle"], dark)
            fill(canvas, corners, tuple((x * 0.6, y * 0.6) for x, y in MARKS["circle"]), pale)
