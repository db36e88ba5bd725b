"""Where an object stands.

An object is in a zone when the middle of its box's lower edge is: where its feet or wheels are. Of a
box that reaches beyond the frame, the part inside the frame is taken.
"""

from collections.abc import Iterable

from edged.domain.geometry import Box
from edged.domain.predictions import Detection
from edged.policy.rules import Zone

_EDGE = 1e-9
"""A point this near an edge (fractions of the frame) lies on it: y + h is not exact."""

Point = tuple[float, float]


def zones_of(detection: Detection, zones: Iterable[Zone]) -> tuple[str, ...]:
    """Names of the zones that the object stands in and that are reported for its label, in their order."""
    if not zones:
        return ()
    point = footing(detection.box)
    return tuple(
        zone.name
        for zone in zones
        if (not zone.labels or detection.label in zone.labels) and contains(zone.polygon, point)
    )


def footing(box: Box) -> Point:
    """The middle of the lower edge of the part of the box that lies inside the frame."""
    inside = box.clamped()
    return inside.x + inside.w / 2, inside.y + inside.h


def contains(polygon: tuple[Point, ...], point: Point) -> bool:
    """Whether the point lies in the polygon (even-odd rule) or on its edge.

    The edge belongs to it, since a box that touches the frame's lower border stands at exactly y = 1.
    """
    edges = tuple(zip(polygon, polygon[1:] + polygon[:1], strict=True))
    if any(_on_edge(start, end, point) for start, end in edges):
        return True
    return sum(_crosses(start, end, point) for start, end in edges) % 2 == 1


def _crosses(start: Point, end: Point, point: Point) -> bool:
    """Whether a ray from the point to the right meets the edge."""
    (x1, y1), (x2, y2), (x, y) = start, end, point
    return (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1)


def _on_edge(start: Point, end: Point, point: Point) -> bool:
    (x1, y1), (x2, y2), (x, y) = start, end, point
    dx, dy = x2 - x1, y2 - y1
    length = dx * dx + dy * dy
    along = min(max(((x - x1) * dx + (y - y1) * dy) / length, 0.0), 1.0) if length else 0.0
    return (x1 + along * dx - x) ** 2 + (y1 + along * dy - y) ** 2 <= _EDGE**2
