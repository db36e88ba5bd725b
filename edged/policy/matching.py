"""Which detection is which known object: greedy, by overlap."""

from collections.abc import Sequence

from edged.domain.geometry import Box
from edged.domain.predictions import Detection


def match(known: Sequence[Detection], new: Sequence[Detection], iou: float) -> dict[int, int]:
    """Pairs each known object with at most one new detection of its label: index in `known` to index in `new`.

    The largest overlap goes first; among equals the higher new score, then the one known longer (`known`
    is oldest first). Boxes that overlap less than `iou`, or not at all, never pair.
    """
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, old, fresh in sorted(_candidates(known, new, iou)):
        if old not in pairs and fresh not in taken:
            pairs[old] = fresh
            taken.add(fresh)
    return pairs


def _candidates(
    known: Sequence[Detection], new: Sequence[Detection], iou: float
) -> list[tuple[float, float, int, int]]:
    found = []
    for fresh, detection in enumerate(new):
        for old, before in enumerate(known):
            if before.label == detection.label and _touch(before.box, detection.box):
                overlap = before.box.overlap(detection.box)
                if overlap >= iou:
                    found.append((-overlap, -detection.score, old, fresh))
    return found


def _touch(one: Box, other: Box) -> bool:
    """Whether the boxes share any area: a cheap no for most pairs of a crowd."""
    return (
        one.x < other.x + other.w
        and other.x < one.x + one.w
        and one.y < other.y + other.h
        and other.y < one.y + one.h
    )
