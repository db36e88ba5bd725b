"""The class of each pixel becomes the part of the picture that each class covers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.domain.predictions import Areas, Ranked
from edged.ports import Tensor
from edged.vision.fit import FitPlan
from edged.vision.labels import Labels, background_at
from edged.vision.manifest import Background
from edged.vision.maphead import MapLayout
from edged.vision.nms import best_first

MOST_CLASSES = 65_536
"""Ids from here on are no classes."""
MOST_AREAS = 100


class ClassmapDecoder:
    """Counts the cells of each class in a map of ids or of scores; the padding of a letterbox is no part of the picture.

    Every cell of the picture counts in the whole: also the background, negative ids, and scores that are no numbers,
    none of which is an answer. Equal areas come in the order of their ids.
    """

    def __init__(
        self, output: int, layout: MapLayout, labels: Labels, *, threshold: float, background: Background
    ) -> None:
        """`output` is the index of the map."""
        self._output = output
        self._layout = layout
        self._labels = labels
        self._threshold = threshold
        self._hidden = background_id(layout, labels, background)

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> Areas:
        """At most the hundred largest areas that reach the threshold, the largest first."""
        ids = self._layout.ids(outputs[self._output])[self._layout.window(plan)]
        if not ids.size:
            return Areas(())
        shares = _counts(ids) / ids.size
        if self._hidden < len(shares):
            shares[self._hidden] = 0.0
        found = np.flatnonzero((shares >= self._threshold) & (shares > 0))
        order = best_first(shares[found], MOST_AREAS)
        pairs = zip(found[order].tolist(), shares[found[order]].tolist(), strict=True)
        return Areas(tuple(Ranked(self._labels.name(index), index, share) for index, share in pairs))


def background_id(layout: MapLayout, labels: Labels, background: Background) -> int:
    """The id that is no answer; beyond all classes where each is one."""
    if background == "first":
        return 0
    if background == "none" or not (layout.classes or labels.names):
        return MOST_CLASSES
    rows = max(labels.names, default=-1) + 1
    return layout.classes - 1 if layout.classes else rows - (background_at(labels, rows) == "last")


def _counts(ids: NDArray[Any]) -> NDArray[np.intp]:
    """How many cells each id has, from 0 on."""
    flat = ids.reshape(-1)
    if flat.min() < 0 or flat.max() >= MOST_CLASSES:
        flat = flat[(flat >= 0) & (flat < MOST_CLASSES)]
    return np.bincount(flat, minlength=1)
