"""A flat sheet of paper seen from somewhere: where its corners fall, and what is filled on it."""

import math

import cv2
import numpy as np
from chance import Chance, Colour, Picture
from numpy.typing import NDArray

from edged.adapters.cameras.marks import MARKS, Outline

LABELS = tuple(MARKS)
"""In the order of the model's classes."""


def corners_of(chance: Chance, side: float, centre: tuple[float, float] | None = None) -> NDArray[np.float64]:
    """Where the frame's outer corners fall: a square seen from somewhere, turned by any angle."""
    around, tilt = chance.between(0, math.tau), chance.between(0, 0.9) * chance.between(0.2, 1)
    turn = chance.between(0, math.tau) if chance.odds(0.5) else float(chance.rng.normal(0, 0.25))
    flat = np.array([(-1.0, -1.0), (1, -1), (1, 1), (-1, 1)])
    spun = flat @ np.array([(math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))])
    axis = np.array((math.cos(around), math.sin(around)))
    along = spun @ axis
    depth = 1 + along * math.sin(tilt) * chance.between(0.05, 0.35)
    leaned = spun - np.outer(along * (1 - math.cos(tilt)), axis)
    x, y = centre or chance.point()
    return np.asarray(np.array((x, y)) + leaned / depth[:, None] * side / 2, np.float64)


def square_of(half: float) -> Outline:
    """A square around the middle of a card, in card units."""
    return rectangle((0, 0), (half, half))


def rectangle(middle: tuple[float, float], half: tuple[float, float]) -> Outline:
    """A rectangle in card units."""
    (x, y), (w, h) = middle, half
    return (x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)


def fill(canvas: Picture, corners: NDArray[np.float64], outline: Outline, colour: Colour) -> None:
    """Fills an outline in card units, seen so that the frame's corners fall on `corners`."""
    flat = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32)
    view = cv2.getPerspectiveTransform(flat, corners.astype(np.float32))
    points = cv2.perspectiveTransform(np.array([outline], np.float64), view)[0]
    shift = 4  # OpenCV draws in sixteenths of a pixel
    whole = np.round((points - 0.5) * 2**shift).astype(np.int32)
    cv2.fillPoly(canvas, [whole], colour, cv2.LINE_AA, shift)
