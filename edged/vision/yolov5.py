"""The output of YOLOv5 becomes detections: a box, an objectness and class scores in each row.

Rows as Ultralytics' YOLOv5 gives them (models/tf.py there): centre x and y, width, height, objectness, then a score
for each class, all of them after their sigmoid.
"""

from collections.abc import Sequence

import numpy as np

from edged.domain.predictions import Detections
from edged.ports import Tensor
from edged.vision.bestclass import Best
from edged.vision.candidates import MOST_CANDIDATES
from edged.vision.fit import FitPlan
from edged.vision.headreader import BOX, HeadReader
from edged.vision.nms import best_first
from edged.vision.passing import Passing


class Yolov5Decoder:
    """Reads [1, N, 5 + C], quantised with one scale or not.

    A row's score is its objectness times its best class score, each cut at 1; of equal classes the first counts.
    Since neither goes beyond 1, a row whose objectness misses the threshold is out as an integer, and so is one
    whose best class misses it. A row without a finite objectness or class score is none.
    """

    def __init__(self, head: HeadReader, *, threshold: float) -> None:
        """Rows of `head` whose score is below the threshold are none."""
        self._head = head
        self._threshold = threshold
        self._passing = Passing(head.spec, threshold=threshold)
        self._floats = head.spec.dtype.startswith("float")

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> Detections:
        """The objects that reach the threshold, best score first, in boxes of the frame."""
        rows = outputs[self._head.output][0]
        best = self._best(rows)
        if not best.cells.size:
            return Detections(())
        return self._head.objects(rows[best.cells, :BOX], best, plan)

    def _best(self, rows: Tensor) -> Best:
        """The best rows whose product reaches the threshold."""
        found, objectness = self._passing.find(rows[:, 4])
        picked = rows[found, 5:]
        if self._floats:
            picked = np.where(np.isfinite(picked), picked, -np.inf).astype(rows.dtype)
        classes = picked.argmax(axis=1)
        at, shares = self._passing.find(picked[np.arange(len(found)), classes])
        scores = np.minimum(objectness[at], 1.0) * np.minimum(shares, 1.0)
        passing = np.flatnonzero(scores >= self._threshold)
        chosen = passing[best_first(scores[passing], MOST_CANDIDATES)]
        return Best(found[at[chosen]], classes[at[chosen]], scores[chosen])
