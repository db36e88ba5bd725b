"""The one output of a yes-or-no model becomes two classes: the positive one, and what is left."""

from collections.abc import Sequence
from dataclasses import replace

from edged.domain.predictions import Classification, Ranked
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.fit import FitPlan
from edged.vision.labels import LabelMismatchError, Labels
from edged.vision.manifest import Activation
from edged.vision.passing import sigmoid
from edged.vision.quantise import dequantise

NEGATIVE, POSITIVE = 0, 1
"""The ids of the two classes, and their lines in the label file; a file of one line names the positive one."""


class BinaryDecoder:
    """Reads the probability of the positive class, or its logit; the other class has the complement.

    The probability is clamped to 0..1; NaN is no answer. Even scores put the positive class first.
    """

    def __init__(
        self, output: int, spec: TensorSpec, labels: Labels, *, threshold: float, activation: Activation
    ) -> None:
        """`output` is the index of the one value, described by `spec`."""
        self._output = output
        self._quantization = spec.quantization
        self._threshold = threshold
        self._sigmoid = activation == "sigmoid"
        self._labels = labels

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> Classification:  # noqa: ARG002  has no boxes
        """Both classes as far as they reach the threshold, the likelier one first; `plan` is not needed."""
        real = dequantise(outputs[self._output].reshape(-1)[:1], self._quantization)
        if not real.size or real[0] != real[0]:
            return Classification(())
        likely = min(max(float((sigmoid(real) if self._sigmoid else real)[0]), 0.0), 1.0)
        pairs = sorted(((POSITIVE, likely), (NEGATIVE, 1.0 - likely)), key=lambda pair: -pair[1])
        return Classification(
            tuple(
                Ranked(self._labels.name(index), index, score)
                for index, score in pairs
                if score >= self._threshold
            )
        )


def yes_and_no(labels: Labels, where: str) -> Labels:
    """The names of both classes; where only the positive one has a name, the other is `not` that.

    Raises ModelError for more than two.
    """
    if len(labels) > 2:  # noqa: PLR2004  no and yes
        raise LabelMismatchError(
            f"model {where} says yes or no, but its labels name {len(labels)} classes",
            "give two lines, the negative class first, or one with the positive class",
        )
    if len(labels) != 1:
        return labels
    [only] = labels.names.values()
    return replace(labels, names={NEGATIVE: f"not {only}", POSITIVE: only})
