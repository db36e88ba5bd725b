"""The output of detectors that suppress in the graph, such as YOLOv10, becomes detections.

Each row: left, top, right, bottom, score, class. Ultralytics' other exports have the same rows with `nms=True`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edged.domain.predictions import Detections
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.candidates import MOST_CANDIDATES, Candidates
from edged.vision.fit import FitPlan
from edged.vision.labels import Labels
from edged.vision.nms import best_first
from edged.vision.passing import Passing
from edged.vision.quantise import dequantise

_SCORE, _CLASS = 4, 5
_CLASSES = 2.0**31
"""Above what can be a class index."""


class Yolov10Decoder:
    """Reads [1, N, 6], quantised or not; nothing is suppressed again.

    Rows are dropped whose score, class or box is no number, whose class is below 0 or beyond any model, and whose
    edges are reversed. The class is rounded; one that the labels do not have is called by its number.
    """

    def __init__(
        self, output: int, spec: TensorSpec, labels: Labels, *, sides: NDArray[np.float64], threshold: float
    ) -> None:
        """`spec` describes the output of index `output`; `sides` is what its boxes are divided by, [4]."""
        self._output = output
        self._labels = labels
        self._sides = sides
        self._quantization = spec.quantization
        self._passing = Passing(spec, threshold=threshold)

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> Detections:
        """The objects that reach the threshold, best score first, in boxes of the frame."""
        rows = outputs[self._output][0]
        found, scores = self._passing.find(rows[:, _SCORE])
        picked = dequantise(rows[found], self._quantization)
        kinds = np.rint(picked[:, _CLASS])
        known = np.flatnonzero((kinds >= 0) & (kinds < _CLASSES))  # NaN is neither
        chosen = known[best_first(scores[known], MOST_CANDIDATES)]
        edges = picked[chosen, :_SCORE] / self._sides
        classes = kinds[chosen].astype(np.intp)
        return Candidates(edges, classes, scores[chosen]).detections(self._labels, plan, None)
