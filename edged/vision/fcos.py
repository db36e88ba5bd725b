"""The outputs of an anchor-free detector with split outputs, in the manner of FCOS, become detections.

Tian et al., FCOS: Fully Convolutional One-Stage Object Detection, 2019 (arXiv 1904.01355): each cell says how far the
edges of its object lie from the cell's centre. Without the paper's centre-ness, which belongs into the scores.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.domain.predictions import Detections
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.candidates import MOST_CANDIDATES, Candidates
from edged.vision.fit import FitPlan
from edged.vision.grid import Grid
from edged.vision.labels import Labels
from edged.vision.manifest import Activation, NmsRule
from edged.vision.nms import best_first
from edged.vision.passing import Passing
from edged.vision.quantise import dequantise


@dataclass(frozen=True, slots=True)
class FcosRoles:
    """Which output, by its index, is which part of the answer."""

    boxes: int
    """[1, N, 4] or [1, H, W, 4]: left, top, right, bottom from the cell's centre, in strides."""
    scores: int
    """[1, N, C] or [1, H, W, C]"""


class FcosDecoder:
    """Reads a box and C scores a cell, quantised or not; each score that passes is a candidate with its cell's box.

    The best 300 candidates are looked at. Equal scores come in the order of the tensor: by cell, then by class.
    """

    def __init__(
        self,
        roles: FcosRoles,
        specs: Sequence[TensorSpec],
        labels: Labels,
        *,
        grid: Grid,
        threshold: float,
        activation: Activation,
        nms: NmsRule,
    ) -> None:
        """`specs` describes the outputs in the model's order; they have a row for each cell of the grid."""
        self._roles = roles
        self._labels = labels
        self._grid = grid
        self._nms = nms
        self._classes = specs[roles.scores].shape[-1]
        self._quantization = specs[roles.boxes].quantization
        self._passing = Passing(specs[roles.scores], threshold=threshold, sigmoid=activation == "sigmoid")

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> Detections:
        """The objects that reach the threshold, best score first, in boxes of the frame."""
        found, scores = self._passing.find(outputs[self._roles.scores].reshape(-1))
        if not found.size:
            return Detections(())
        order = best_first(scores, MOST_CANDIDATES)
        cells, classes = np.divmod(found[order], self._classes)
        candidates = Candidates(self._edges(outputs, cells), classes, scores[order])
        return candidates.detections(self._labels, plan, self._nms)

    def _edges(self, outputs: Sequence[Tensor], cells: NDArray[np.intp]) -> NDArray[np.float64]:
        """Left, top, right, bottom of these cells' boxes as fractions of the model's input."""
        stored = outputs[self._roles.boxes].reshape(-1, 4)[cells]
        return self._grid.edges(cells, dequantise(stored, self._quantization))
