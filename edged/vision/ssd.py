"""The outputs of TFLite_Detection_PostProcess become detections."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from operator import attrgetter

from edged.domain.predictions import Detection, Detections
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.fit import FitPlan
from edged.vision.labels import Labels
from edged.vision.quantise import quantised_threshold

_SCORE = attrgetter("score")
CLASSES = range(2**31)
"""What can be a class index; anything else in the tensor is noise."""


@dataclass(frozen=True, slots=True)
class SsdRoles:
    """Which output, by its index, is which part of the answer."""

    boxes: int
    """[1, N, 4]: ymin, xmin, ymax, xmax as fractions of the model's input."""
    classes: int
    """[1, N]"""
    scores: int
    """[1, N]"""
    count: int
    """[1]: how many of the N rows are meant."""


class SsdDecoder:
    """Reads rows of box, class and score, quantised or not.

    Rows are dropped whose score, class or box is not finite, whose class no label could have, or whose box
    is empty within the frame. A count beyond N means N; one that is negative or NaN means none.
    The few rows are handled as Python numbers: for tens of rows that is faster than numpy.
    """

    def __init__(
        self, roles: SsdRoles, specs: Sequence[TensorSpec], labels: Labels, *, threshold: float
    ) -> None:
        """`specs` describes the outputs in the model's order."""
        self._roles = roles
        self._labels = labels
        self._boxes = _Real(specs[roles.boxes])
        self._classes = _Real(specs[roles.classes])
        self._scores = _Real(specs[roles.scores])
        self._count = _Real(specs[roles.count])
        scores = specs[roles.scores]
        self._bound: float = threshold
        if not scores.dtype.startswith("float"):
            self._bound = quantised_threshold(threshold, scores.quantization, scores.dtype)

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> Detections:
        """The objects that reach the threshold, best score first, in boxes of the frame."""
        roles, bound = self._roles, self._bound
        scores = outputs[roles.scores].reshape(-1).tolist()
        rows = self._rows(outputs, len(scores))
        passing = [row for row in range(rows) if scores[row] >= bound]
        if not passing:
            return Detections(())
        scores = self._scores.all(scores)
        classes = self._classes.all(outputs[roles.classes].reshape(-1).tolist())
        boxes = self._boxes.all(outputs[roles.boxes].reshape(-1).tolist())
        found = [
            self._detection(plan, scores[row], classes[row], *boxes[4 * row : 4 * row + 4]) for row in passing
        ]
        return Detections(tuple(sorted(filter(None, found), key=_SCORE, reverse=True)))

    def _rows(self, outputs: Sequence[Tensor], scores: int) -> int:
        """How many rows count: what the model says, within what there is."""
        roles = self._roles
        there = min(scores, outputs[roles.classes].size, outputs[roles.boxes].size // 4)
        stored = outputs[roles.count].reshape(-1)
        said = self._count.all([stored[0].item()])[0] if stored.size else 0.0
        return round(min(said, there)) if said > 0 else 0

    def _detection(
        self,
        plan: FitPlan,
        score: float,
        kind: float,
        top: float,
        left: float,
        bottom: float,
        right: float,
    ) -> Detection | None:
        """One row; None where it makes no sense."""
        if (
            not isfinite(score + kind + top + left + bottom + right)
            or (label_id := round(kind)) not in CLASSES
        ):
            return None
        box = plan.in_frame(left, top, right, bottom)
        if not (box.w > 0 and box.h > 0):
            return None
        return Detection(self._labels.name(label_id), label_id, min(max(score, 0.0), 1.0), box)


class _Real:
    """From stored numbers to real ones."""

    def __init__(self, spec: TensorSpec) -> None:
        self._quantization = None if spec.dtype.startswith("float") else spec.quantization

    def all(self, stored: list[float]) -> list[float]:
        """The real numbers; the same list where nothing is quantised, as it is in nearly every SSD."""
        if self._quantization is None:
            return stored
        scale, zero_point = self._quantization.scale, self._quantization.zero_point
        return [(each - zero_point) * scale for each in stored]
