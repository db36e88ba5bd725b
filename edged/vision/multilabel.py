"""Outputs of a multi-label model: each class is there or not, by itself."""

from collections.abc import Sequence

import numpy as np

from edged.domain.predictions import LabelSet, Ranked
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.fit import FitPlan
from edged.vision.labels import Labels
from edged.vision.manifest import Activation
from edged.vision.nms import best_first
from edged.vision.passing import Passing

MOST_LABELS = 100


class MultilabelDecoder:
    """Reads one score a class, none of which takes from another; each that reaches the threshold is an answer.

    Scores are probabilities, or logits where the activation is `sigmoid`; they are clamped to 0..1, NaN is dropped,
    equal ones come in the order of their ids. At most the hundred best are given.
    """

    def __init__(
        self, output: int, spec: TensorSpec, labels: Labels, *, threshold: float, activation: Activation
    ) -> None:
        """`output` is the index of the scores, described by `spec`."""
        self._output = output
        self._labels = labels
        self._passing = Passing(spec, threshold=threshold, sigmoid=activation == "sigmoid")

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> LabelSet:  # noqa: ARG002  has no boxes
        """Every class that reaches the threshold, best score first; `plan` is not needed."""
        found, scores = self._passing.find(outputs[self._output].reshape(-1))
        order = best_first(scores, MOST_LABELS)
        pairs = zip(found[order].tolist(), np.clip(scores[order], 0, 1).tolist(), strict=True)
        return LabelSet(tuple(Ranked(self._labels.name(index), index, score) for index, score in pairs))
