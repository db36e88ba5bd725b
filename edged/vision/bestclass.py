"""For each cell the class with the highest score, where that reaches the threshold."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.candidates import MOST_CANDIDATES
from edged.vision.nms import best_first
from edged.vision.passing import Passing


class Best(NamedTuple):
    """The best cells, best score first."""

    cells: NDArray[np.intp]
    classes: NDArray[np.intp]
    scores: NDArray[np.float64]


class BestClass:
    """Finds them among scores as they are stored; nothing is dequantised but the best score of a cell that passes.

    Of equal classes the first counts, and of equal cells the first comes first. NaN and infinity are no scores.
    """

    def __init__(self, spec: TensorSpec, *, threshold: float, sigmoid: bool = False) -> None:
        """`spec` describes the tensor that holds the scores; `sigmoid` says that they are logits."""
        self._passing = Passing(spec, threshold=threshold, sigmoid=sigmoid)
        self._floats = spec.dtype.startswith("float")
        dtype = np.dtype(spec.dtype)
        self._least: np.generic = dtype.type(-np.inf if self._floats else np.iinfo(dtype).min)

    def find(self, scores: Tensor) -> Best:
        """Of [N, C] in any order of memory, at most 300 cells."""
        if scores.strides[0] < scores.strides[1] and not self._floats:
            cells, reals = self._passing.find(scores.max(axis=1))
            return self._classed(scores, cells, reals)
        near = self._near(scores)
        found, reals = self._passing.find(self._known(scores[near]).max(axis=1))
        return self._classed(scores, near[found], reals)

    def _classed(self, scores: Tensor, cells: NDArray[np.intp], reals: NDArray[np.float64]) -> Best:
        """The best of these cells, with their classes."""
        order = best_first(reals, MOST_CANDIDATES)
        cells = cells[order]
        return Best(cells, self._known(scores[cells]).argmax(axis=1), reals[order])

    def _known(self, picked: Tensor) -> Tensor:
        """The scores, with what is no number below all others."""
        if not self._floats:
            return picked
        known: Tensor = np.where(np.isfinite(picked), picked, self._least)
        return known

    def _near(self, scores: Tensor) -> NDArray[np.intp]:
        """Cells with a score that may pass: in the way that is fastest for how the scores lie in memory."""
        near = self._passing.near(scores)
        if scores.strides[0] < scores.strides[1]:
            return np.flatnonzero(near.any(axis=1))
        found: NDArray[np.intp] = np.flatnonzero(near) // scores.shape[1]
        firsts: NDArray[np.intp] = found[np.diff(found, prepend=-1) > 0]
        return firsts
