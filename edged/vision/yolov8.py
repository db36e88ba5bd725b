"""The output of YOLOv8 and YOLO11 becomes detections: a box and class scores for each cell, no objectness.

As Ultralytics exports it: centre x and y, width, height, then a score for each class, after its sigmoid.
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
from edged.vision.quantise import dequantise
from edged.vision.yolohead import Layout

_BOX = 4


class Yolov8Decoder:
    """Reads [1, 4 + C, N] or [1, N, 4 + C], quantised with one scale or not; a cell has its best class's score."""

    def __init__(
        self,
        output: int,
        spec: TensorSpec,
        labels: Labels,
        *,
        layout: Layout,
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
        """The objects that reach the threshold, best score first, in boxes of the frame."""
        rows = self._layout.rows_of(outputs[self._output])
        best = self._best.find(rows[:, _BOX:])
        if not best.cells.size:
            return Detections(())
        boxes = dequantise(rows[best.cells, :_BOX], self._quantization) / self._sides
        return Candidates(edges_around(boxes), best.classes, best.scores).detections(
            self._labels, plan, self._nms
        )
