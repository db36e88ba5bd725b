"""The output of MoveNet's single pose becomes one person with key points.

As its model card says: y, x and a score for each of 17 points, as fractions of the input.
"""

from collections.abc import Sequence

import numpy as np

from edged.domain.predictions import Detection, Detections
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.fit import FitPlan
from edged.vision.keypoints import SURE, keypoints_in_frame
from edged.vision.labels import Labels
from edged.vision.quantise import dequantise

NUMBERS = 3
"""Of a point: y, x, score."""


class MovenetDecoder:
    """Reads [1, 1, K, 3]: the person's score is the mean of all points' scores, its box holds those that are sure.

    The mean of all, since an animal or a coat has a few points of 0.5, too; a point of which anything is no number
    counts 0 in it. The box goes around the points of 0.2 and more; without one there is nobody.
    """

    def __init__(self, output: int, spec: TensorSpec, labels: Labels, *, threshold: float) -> None:
        """`output` is the index of the points, described by `spec`."""
        self._output = output
        self._labels = labels
        self._quantization = spec.quantization
        self._threshold = threshold

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> Detections:
        """The person, if its score reaches the threshold, with a box of the frame."""
        points = dequantise(outputs[self._output].reshape(-1, NUMBERS), self._quantization)[:, [1, 0, 2]]
        known = np.isfinite(points).all(axis=1)
        scores = np.where(known, np.clip(points[:, 2], 0.0, 1.0), 0.0)
        score, sure = float(scores.mean()), points[known & (scores >= SURE), :2]
        if score < self._threshold or not len(sure):
            return Detections(())
        box = plan.in_frame(*sure.min(axis=0).tolist(), *sure.max(axis=0).tolist())
        if not (box.w > 0 and box.h > 0):
            return Detections(())
        keypoints = keypoints_in_frame(points.tolist(), plan)
        return Detections((Detection(self._labels.name(0), 0, score, box, keypoints),))
