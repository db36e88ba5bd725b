"""Split outputs in the manner of YOLOv9 become detections: edges as distributions, and class scores.

Li et al., Generalized Focal Loss, 2020 (arXiv 2006.04388): each edge's distance from the cell's centre is the
expectation over bins of 0 to 15 strides, whose logits the model gives. This decoding is often left out of the graph,
since integers of 8 bits hold the logits well and the decoded boxes badly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.domain.predictions import Detections
from edged.domain.tensors import Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.bestclass import BestClass
from edged.vision.candidates import MOST_CANDIDATES, Candidates
from edged.vision.fit import FitPlan
from edged.vision.grid import Grid
from edged.vision.labels import Labels
from edged.vision.manifest import Activation, NmsRule
from edged.vision.nms import best_first
from edged.vision.quantise import dequantise
from edged.vision.softmax import softmax
from edged.vision.splithead import BINS, EDGES

_BINS = np.arange(BINS, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class DflRoles:
    """Two outputs, by their indices, that have the same cells."""

    boxes: int
    """[1, N, 64] or [1, H, W, 64]: 16 logits each for left, top, right and bottom."""
    scores: int
    """[1, N, C] or [1, H, W, C]"""


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """Such a pair with what is needed to read it."""

    roles: DflRoles
    quantization: Quantization | None
    """Of the boxes."""
    best: BestClass
    grid: Grid


class Yolov9Decoder:
    """Reads one pair of outputs or one for each level, each output with its own scale.

    A cell has its best class's score. Of cells that reach the threshold, and only of those, the softmax is taken.
    Equal scores come in the order of the levels, then of the cells.
    """

    def __init__(
        self,
        levels: Sequence[tuple[DflRoles, Grid]],
        specs: Sequence[TensorSpec],
        labels: Labels,
        *,
        threshold: float,
        activation: Activation,
        nms: NmsRule,
    ) -> None:
        """`levels` are the pairs with the cells of their rows; `specs` describes the outputs in the model's order."""
        self._labels = labels
        self._nms = nms
        self._levels = [
            _Level(
                roles,
                specs[roles.boxes].quantization,
                BestClass(specs[roles.scores], threshold=threshold, sigmoid=activation == "sigmoid"),
                grid,
            )
            for roles, grid in levels
        ]

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> Detections:
        """The objects that reach the threshold, best score first, in boxes of the frame."""
        found = [_read(level, outputs) for level in self._levels]
        scores = np.concatenate([each.scores for each in found])
        if not scores.size:
            return Detections(())
        order = best_first(scores, MOST_CANDIDATES)
        edges = np.concatenate([each.edges for each in found])[order]
        classes = np.concatenate([each.classes for each in found])[order]
        return Candidates(edges, classes, scores[order]).detections(self._labels, plan, self._nms)


def _read(level: _Level, outputs: Sequence[Tensor]) -> Candidates:
    """The best cells of one pair."""
    scores, boxes = outputs[level.roles.scores], outputs[level.roles.boxes]
    best = level.best.find(scores.reshape(-1, scores.shape[-1]))
    stored = boxes.reshape(-1, EDGES, BINS)[best.cells]
    distances = expectations(dequantise(stored, level.quantization))
    return Candidates(level.grid.edges(best.cells, distances), best.classes, best.scores)


def expectations(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The expected bin by a softmax over the last axis; NaN where one of its logits is, or none is above -inf."""
    expected: NDArray[np.float64] = softmax(logits) @ _BINS
    return expected
