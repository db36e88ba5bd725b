"""What the decoders of a YOLO's one head share: which output it is, what its numbers mean, and the last steps."""

import numpy as np
from numpy.typing import NDArray

from edged.domain.predictions import Detections
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.bestclass import Best
from edged.vision.candidates import Candidates, edges_around
from edged.vision.fit import FitPlan
from edged.vision.grid import input_sides
from edged.vision.labels import Labels
from edged.vision.manifest import Manifest
from edged.vision.quantise import dequantise

BOX = 4
"""Numbers of a box: centre x and y, width, height."""


class HeadReader:
    """Reads an output whose rows begin with a box."""

    def __init__(
        self, output: int, spec: TensorSpec, labels: Labels, manifest: Manifest, *, picture: TensorSpec
    ) -> None:
        """`spec` describes the output of index `output`; `picture` is the model's input."""
        self.output = output
        self.spec = spec
        in_pixels = manifest.coordinates == "pixels"
        self.sides: NDArray[np.float64] = (
            input_sides(picture.shape[2], picture.shape[1]) if in_pixels else np.ones(4)
        )
        """What boxes are divided by to be in fractions of the input, [4]."""
        self._labels = labels
        self._nms = manifest.nms

    def real(self, stored: Tensor) -> NDArray[np.float64]:
        """The real values of some of its numbers."""
        return dequantise(stored, self.spec.quantization)

    def objects(
        self, boxes: Tensor, best: Best, plan: FitPlan, points: NDArray[np.float64] | None = None
    ) -> Detections:
        """What suppression leaves of the best rows, in boxes of the frame; `boxes` are theirs as they are stored, [n, 4]."""
        edges = edges_around(self.real(boxes) / self.sides)
        found = Candidates(edges, best.classes, best.scores, points)
        return found.detections(self._labels, plan, self._nms)
