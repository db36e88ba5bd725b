"""Non-maximum suppression: of boxes that cover the same thing, the best one stays."""

import numpy as np
from numpy.typing import NDArray


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
    group counts. Time grows with n times the boxes that stay.
    """
    kept: list[int] = []
    with np.errstate(over="ignore", invalid="ignore"):  # an area beyond all floats covers nothing
        reach = np.ascontiguousarray(edges.T)
        np.negative(reach[:2], out=reach[:2])  # so that of two boxes the smaller of each is what they share
        sides = reach[:2] + reach[2:]
        areas = sides[0] * sides[1]
        alive = np.ones(len(edges), np.bool_)
        index = 0
        while index < len(edges) and alive[index] and len(kept) < limit:
            kept.append(index)
            inner = np.minimum(reach, reach[:, index : index + 1])
            sides = np.maximum(inner[:2] + inner[2:], 0.0)
            shared = sides[0] * sides[1]
            covers = shared > iou * (areas + areas[index] - shared)
            if groups is not None:
                covers &= groups == groups[index]
            alive[covers] = False
            index += 1
            index += int(np.argmax(alive[index:])) if index < len(edges) else 0
    return kept
