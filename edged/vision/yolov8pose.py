"""The output of YOLO's poses becomes detections with key points: YOLOv8's rows, with points behind the class scores.

As Ultralytics exports it: x, y and, if the model gives it, the point's visibility, after its sigmoid.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edged.domain.predictions import Detections
from edged.ports import Tensor
from edged.vision.bestclass import BestClass
from edged.vision.fit import FitPlan
from edged.vision.headreader import HeadReader
from edged.vision.posehead import BOX, PoseLayout


class Yolov8PoseDecoder:
    """Reads [1, 4 + C + 3 K, N] or [1, 4 + C + 2 K, N], or the same with rows first; else as YOLOv8.

    A point without a score of its own has that of its object.
    """

    def __init__(self, head: HeadReader, *, layout: PoseLayout, threshold: float) -> None:
        """Cells of `head` whose best score is below the threshold are none."""
        self._head = head
        self._layout = layout
        self._best = BestClass(head.spec, threshold=threshold)

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> Detections:
        """The objects that reach the threshold, best score first, with boxes and points of the frame."""
        rows = self._layout.rows.rows_of(outputs[self._head.output])
        best = self._best.find(rows[:, BOX : self._layout.points])
        if not best.cells.size:
            return Detections(())
        picked = rows[best.cells]
        points = self._points(picked[:, self._layout.points :], best.scores)
        return self._head.objects(picked[:, :BOX], best, plan, points)

    def _points(self, stored: Tensor, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n, K, 3]: x and y in fractions of the input, and the score."""
        values = self._head.real(stored).reshape(len(stored), -1, self._layout.numbers)
        places = values[..., :2] / self._head.sides[:2]
        given = self._layout.numbers == 3  # noqa: PLR2004  x, y, score
        each = values[..., 2] if given else np.repeat(scores[:, None], values.shape[1], axis=1)
        return np.concatenate((places, each[..., None]), axis=2)
