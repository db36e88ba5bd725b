"""Boxes as fractions of the upright frame, top-left origin."""

from typing import NamedTuple


class Box(NamedTuple):
    """An axis-parallel box: left, top, width and height as fractions of the frame."""

    x: float
    y: float
    w: float
    h: float

    @property
    def area(self) -> float:
        """Fraction of the frame that the box covers."""
        return self.w * self.h

    def clamped(self) -> "Box":
        """The part of the box that lies inside the frame; zero-sized where there is none."""
        left, top = min(max(self.x, 0.0), 1.0), min(max(self.y, 0.0), 1.0)
        right = min(max(self.x + self.w, left), 1.0)
        bottom = min(max(self.y + self.h, top), 1.0)
        return Box(left, top, right - left, bottom - top)

    def overlap(self, other: "Box") -> float:
        """Intersection over union with another box, 0 where both are empty."""
        width = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        height = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        shared = max(width, 0.0) * max(height, 0.0)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0
