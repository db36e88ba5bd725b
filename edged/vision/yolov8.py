"""The output of YOLOv8 and YOLO11 becomes detections: a box and class scores for each cell, no objectness.

As Ultralytics exports it: centre x and y, width, height, then a score for each class, after its sigmoid.
"""

from collections.abc import Sequence

from edged.domain.predictions import Detections
from edged.ports import Tensor
from edged.vision.bestclass import BestClass
from edged.vision.fit import FitPlan
from edged.vision.headreader import BOX, HeadReader
from edged.vision.yolohead import Layout


class Yolov8Decoder:
    """Reads [1, 4 + C, N] or [1, N, 4 + C], quantised with one scale or not; a cell has its best class's score."""

    def __init__(self, head: HeadReader, *, layout: Layout, threshold: float) -> None:
        """Cells of `head` whose best score is below the threshold are none."""
        self._head = head
        self._layout = layout
        self._best = BestClass(head.spec, threshold=threshold)

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> Detections:
        """The objects that reach the threshold, best score first, in boxes of the frame."""
        rows = self._layout.rows_of(outputs[self._head.output])
        best = self._best.find(rows[:, BOX:])
        if not best.cells.size:
            return Detections(())
        return self._head.objects(rows[best.cells, :BOX], best, plan)
