"""The shapes of the test card: the same outlines are printed, drawn by the pattern camera, and trained on.

A card is white; on it a black square frame holds one black mark. All in card units: the origin is the middle of
the card, x runs right, y runs down, and the frame's outer edge is at -1 and 1.
"""

import math

Outline = tuple[tuple[float, float], ...]
"""Corners of a closed polygon."""

PAPER = 1.16
"""The white reaches to here on every side."""
FRAME_INSIDE = 0.86
"""The inner edge of the frame; its outer edge is 1."""
_CURVE = 48
"""Corners of a curve."""


def _on_circle(turns: float, radius: float) -> tuple[float, float]:
    """A point by its angle, clockwise from the top."""
    return radius * math.sin(math.tau * turns), -radius * math.cos(math.tau * turns)


def _circle() -> Outline:
    return tuple(_on_circle(step / _CURVE, 0.56) for step in range(_CURVE))


def _square() -> Outline:
    return (-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)


def _triangle() -> Outline:
    return tuple((x, y + 0.12) for x, y in (_on_circle(step / 3, 0.72) for step in range(3)))


def _star() -> Outline:
    return tuple(_on_circle(step / 10, 0.27 if step % 2 else 0.7) for step in range(10))


def _cross() -> Outline:
    arm, width = 0.62, 0.2
    corner = ((-width, -arm), (width, -arm), (width, -width))
    turned = corner
    outline: list[tuple[float, float]] = []
    for _ in range(4):
        outline.extend(turned)
        turned = tuple((-y, x) for x, y in turned)  # type: ignore[assignment]  # three corners stay three
    return tuple(outline)


def _heart() -> Outline:
    """The curve x = 16 sin^3 t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t, fitted into the frame."""
    outline = []
    for step in range(_CURVE):
        t = math.tau * step / _CURVE
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        outline.append((0.036 * 16 * math.sin(t) ** 3, -0.036 * (y + 2.5)))
    return tuple(outline)


MARKS: dict[str, Outline] = {
    "circle": _circle(),
    "square": _square(),
    "triangle": _triangle(),
    "star": _star(),
    "cross": _cross(),
    "heart": _heart(),
}
"""The outline of each mark by its label, in the order of the model's classes."""
