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
FEWEST_SURE = 3
"""An animal or a coat has one or two points that look like a person's, too."""


class MovenetDecoder:
    """Reads [1, 1, K, 3]: the person's score is the mean score of the points that are sure, its box holds them.

    Those alone, as in the model's own sample program: half of a person is one as well. With fewer than three of 0.2 and
    more there is nobody.
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
        sure = points[np.isfinite(points).all(axis=1) & (points[:, 2] >= SURE)]
        if len(sure) < FEWEST_SURE:
            return Detections(())
        score = float(np.minimum(sure[:, 2], 1.0).mean())
        if score < self._threshold:
            return Detections(())
        box = plan.in_frame(*sure[:, :2].min(axis=0).tolist(), *sure[:, :2].max(axis=0).tolist())
        if not (box.w > 0 and box.h > 0):
            return Detections(())
        keypoints = keypoints_in_frame(points.tolist(), plan)
        return Detections((Detection(self._labels.name(0), 0, score, box, keypoints),))
