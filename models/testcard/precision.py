"""Average precision of detections against what is known to be there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Corners = tuple[float, float, float, float]
"""x1, y1, x2, y2."""
OVERLAP = 0.5
"""Least intersection over union of a right answer."""


@dataclass(frozen=True, slots=True)
class Found:
    """One answer of the model."""

    label: int
    score: float
    box: Corners


@dataclass(frozen=True, slots=True)
class Known:
    """One object of a picture."""

    label: int
    box: Corners


@dataclass(frozen=True, slots=True)
class Verdict:
    """One answer, judged."""

    label: int
    score: float
    object: int | None
    """Place in the picture's list of the object that it found; None: it is wrong, or comes twice."""


def overlap(one: Corners, other: Corners) -> float:
    """Intersection over union."""
    wide = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    high = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return wide * high / max(sum(areas) - wide * high, 1e-9)


def judge(found: Sequence[Found], known: Sequence[Known]) -> list[Verdict]:
    """Gives each answer, best first, the object of its label that it overlaps most and that is still free."""
    free = dict(enumerate(known))
    verdicts = []
    for each in sorted(found, key=lambda answer: -answer.score):
        near = {
            place: overlap(each.box, thing.box) for place, thing in free.items() if thing.label == each.label
        }
        best = max(near, key=lambda place: near[place], default=None)
        if best is None or near[best] < OVERLAP:
            verdicts.append(Verdict(each.label, each.score, None))
            continue
        del free[best]
        verdicts.append(Verdict(each.label, each.score, best))
    return verdicts


def average_precision(verdicts: Sequence[Verdict], objects: int) -> float:
    """Area under precision over recall, each precision being the best at that recall or above (as in VOC 2010)."""
    if not objects:
        return 0.0
    right = np.array(
        [each.object is not None for each in sorted(verdicts, key=lambda each: -each.score)], bool
    )
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best[right].sum() / objects)
