"""Non-maximum suppression: of boxes that cover the same thing, the best one stays."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

_Reach: TypeAlias = tuple[float, float, float, float, float]
"""Left, top, right, bottom and area of a box."""


def best_first(scores: NDArray[np.float64], limit: int) -> NDArray[np.intp]:
    """Indices of the `limit` highest scores, best first; of equal ones the lower index comes first. No NaN."""
    if len(scores) <= limit:
        return np.argsort(-scores, kind="stable")
    bound = np.partition(scores, -limit)[-limit]
    above, level = np.flatnonzero(scores > bound), np.flatnonzero(scores == bound)
    order = np.argsort(-scores[above], kind="stable")
    return np.concatenate((above[order], level[: limit - len(above)]))


def suppress(
    edges: NDArray[np.float64],
    groups: NDArray[np.intp] | None = None,
    *,
    iou: float,
    limit: int,
) -> list[int]:
    """Indices of the boxes that stay, in their order, at most `limit`.

    `edges` is [n, 4]: left, top, right, bottom, best box first, all of them finite. A box is dropped whose
    intersection over union with a box that stays is above `iou`; with `groups`, [n], only one of its own
    group counts. In Python's own numbers, which for the few hundred boxes of a frame is faster than numpy: most
    pairs of boxes are told apart by one comparison. Time grows with n times the boxes that stay.
    """
    kept: list[int] = []
    ids = [0] * len(edges) if groups is None else groups.tolist()
    staying: dict[int, list[_Reach]] = {group: [] for group in ids}
    for index, (group, left, top, right, bottom) in enumerate(zip(ids, *edges.T.tolist(), strict=True)):
        area = (right - left) * (bottom - top)
        for x, y, far_x, far_y, other in staying[group]:
            if left < far_x and x < right and top < far_y and y < bottom:
                across = (right if right < far_x else far_x) - (left if left > x else x)  # noqa: FURB136  calls would take longer than all else here
                down = (bottom if bottom < far_y else far_y) - (top if top > y else y)  # noqa: FURB136  as above
                shared = across * down
                if shared > iou * (area + other - shared):
                    break
        else:
            if len(kept) == limit:
                break
            kept.append(index)
            staying[group].append((left, top, right, bottom, area))
    return kept
