"""The outputs of TFLite_Detection_PostProcess become detections."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from operator import attrgetter
from typing import TypeAlias

from edged.domain.predictions import Detection, Detections
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.bounds import within
from edged.vision.fit import FitPlan
from edged.vision.labels import Labels
from edged.vision.quantise import quantised_threshold

_SCORE = attrgetter("score")
CLASSES = range(2**31)
"""What can be a class index; anything else in the tensor is noise."""
_Row: TypeAlias = tuple[float, float, float, float, float, float, float]
"""Score as it is stored, score, class, top, left, bottom, right."""


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
        roles = self._roles
        stored = outputs[roles.scores].reshape(-1).tolist()
        stored = stored[: self._count_of(outputs, len(stored))]
        if not stored or max(stored) < self._bound:
            return Detections(())
        scores = self._scores.all(stored)
        classes = self._classes.all(outputs[roles.classes].reshape(-1).tolist())
        edges = iter(self._boxes.all(outputs[roles.boxes].reshape(-1).tolist()))
        rows = zip(stored, scores, classes, edges, edges, edges, edges, strict=False)  # as far as all reach
        return Detections(tuple(sorted(self._found(rows, plan), key=_SCORE, reverse=True)))

    def _count_of(self, outputs: Sequence[Tensor], there: int) -> int:
        """How many rows count: what the model says, at most those that are there."""
        said = self._count.all(outputs[self._roles.count].reshape(-1).tolist())
        return round(min(said[0], there)) if said and said[0] > 0 else 0

    def _found(self, rows: Iterable[_Row], plan: FitPlan) -> Iterator[Detection]:
        """The rows that pass and make sense."""
        bound, name, in_frame = self._bound, self._labels.name, plan.in_frame
        for stored, score, kind, top, left, bottom, right in rows:
            if (
                stored >= bound
                and isfinite(score + kind + top + left + bottom + right)
                and (label_id := round(kind)) in CLASSES
            ):
                box = in_frame(left, top, right, bottom)
                if box.w > 0 and box.h > 0:
                    yield Detection(name(label_id), label_id, within(score, 0.0, 1.0), box)


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
