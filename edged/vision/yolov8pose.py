"""The output of YOLO's poses becomes detections with key points: YOLOv8's rows, with points behind the class scores.

As Ultralytics exports it: x, y and, if the model gives it, the point's visibility, after its sigmoid.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edged.domain.predictions import Detections
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.bestclass import BestClass
from edged.vision.candidates import Candidates, edges_around
from edged.vision.fit import FitPlan
from edged.vision.labels import Labels
from edged.vision.manifest import NmsRule
from edged.vision.posehead import BOX, PoseLayout
from edged.vision.quantise import dequantise


class Yolov8PoseDecoder:
    """Reads [1, 4 + C + 3 K, N] or [1, 4 + C + 2 K, N], or the same with rows first; else as YOLOv8.

    A point without a score of its own has that of its object.
    """

    def __init__(
        self,
        output: int,
        spec: TensorSpec,
        labels: Labels,
        *,
        layout: PoseLayout,
        sides: NDArray[np.float64],
        threshold: float,
        nms: NmsRule,
    ) -> None:
        """`spec` describes the output of index `output`; `sides` is what its boxes are divided by, [4]."""
        self._output = output
        self._labels = labels
        self._layout = layout
        self._sides = sides
        self._nms = nms
        self._quantization = spec.quantization
        self._best = BestClass(spec, threshold=threshold)

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> Detections:
        """The objects that reach the threshold, best score first, with boxes and points of the frame."""
        rows = self._layout.rows.rows_of(outputs[self._output])
        best = self._best.find(rows[:, BOX : self._layout.points])
        if not best.cells.size:
            return Detections(())
        picked = rows[best.cells]
        edges = edges_around(dequantise(picked[:, :BOX], self._quantization) / self._sides)
        points = self._points(picked[:, self._layout.points :], best.scores)
        return Candidates(edges, best.classes, best.scores, points).detections(self._labels, plan, self._nms)

    def _points(self, stored: Tensor, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n, K, 3]: x and y in fractions of the input, and the score."""
        values = dequantise(stored, self._quantization).reshape(len(stored), -1, self._layout.numbers)
        places = values[..., :2] / self._sides[:2]
        given = self._layout.numbers == 3  # noqa: PLR2004  x, y, score
        each = values[..., 2] if given else np.repeat(scores[:, None], values.shape[1], axis=1)
        return np.concatenate((places, each[..., None]), axis=2)
