"""Classifier outputs become the best labels, ranked and thresholded as integers where they are integers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edged.domain.predictions import Classification, Ranked
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.bounds import within
from edged.vision.fit import FitPlan
from edged.vision.labels import Labels
from edged.vision.manifest import Activation, Background
from edged.vision.quantise import dequantise, quantised_threshold
from edged.vision.softmax import softmax


class ClassificationDecoder:
    """Reads one score a class; `label_id` is the index on the class axis, as in the model's output.

    The background class is never an answer but keeps its share of a softmax. Scores are clamped to 0..1,
    NaN is dropped, equal scores come in the order of their ids.
    """

    def __init__(
        self,
        output: int,
        spec: TensorSpec,
        labels: Labels,
        *,
        threshold: float,
        top_k: int,
        activation: Activation = "none",
        background: Background = "none",
    ) -> None:
        """`output` is the index of the scores, described by `spec`; `top_k` is at least 1."""
        self._output = output
        self._labels = labels
        self._top_k = top_k
        self._softmax = activation == "softmax"
        self._background = background
        self._quantization = spec.quantization
        self._scale, self._zero_point = _linear(spec)
        self._threshold = threshold
        self._bound: float = threshold
        if not spec.dtype.startswith("float"):
            self._bound = quantised_threshold(threshold, spec.quantization, spec.dtype)
        scale = spec.quantization.scale if spec.quantization else 1.0
        self._powers: NDArray[np.float64] = np.exp(np.arange(256) * -scale)

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> Classification:  # noqa: ARG002  has no boxes
        """The best classes that reach the threshold; `plan` is not needed, since a class has no place."""
        values = outputs[self._output].reshape(-1)
        if values.dtype.kind == "f":
            values = dequantise(values, None)  # wide: a float32 comparison would round the threshold
        if not values.size:
            return Classification(())
        pairs = self._from_logits(values) if self._softmax else self._from_scores(values)
        return Classification(
            tuple(Ranked(self._labels.name(index), index, within(score, 0.0, 1.0)) for index, score in pairs)
        )

    def _from_scores(self, values: Tensor) -> list[tuple[int, float]]:
        """Thresholds and ranks the stored values; the few survivors are dequantised one by one."""
        answers = self._answers(np.greater_equal(values, self._bound))
        chosen = best(values, answers, self._top_k)
        return [(index, (values[index].item() - self._zero_point) * self._scale) for index in chosen]

    def _from_logits(self, values: Tensor) -> list[tuple[int, float]]:
        """Ranks by the stored values, whose order softmax keeps, and thresholds the shares."""
        if values.dtype.itemsize == 1:
            shares = byte_softmax(values, self._powers)
            ranked = values
        else:
            ranked = shares = softmax(dequantise(values, self._quantization))
        chosen = best(ranked, self._answers(shares >= self._threshold), self._top_k)
        return [(index, float(shares[index])) for index in chosen]

    def _answers(self, passing: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Indices of the classes that pass and are not the background."""
        if self._background != "none":
            passing[0 if self._background == "first" else -1] = False
        return passing.nonzero()[0]


def _linear(spec: TensorSpec) -> tuple[float, int]:
    """Scale and zero point; floats are what they are, also those of a tensor that still has its integers' scale."""
    if spec.quantization is None or spec.dtype.startswith("float"):
        return 1.0, 0
    return spec.quantization.scale, spec.quantization.zero_point


def best(values: Tensor, candidates: NDArray[np.intp], top_k: int) -> list[int]:
    """The `top_k` candidates with the highest values, best first; of equal ones the lower index comes first.

    `candidates` are indices of values that are numbers, ascending.
    """
    if len(candidates) > top_k:
        chosen = values[candidates]
        bound = np.partition(chosen, -top_k)[-top_k]
        above, level = candidates[chosen > bound], candidates[chosen == bound]
        candidates = np.concatenate((above, level[: top_k - len(above)]))
    numbers: dict[int, float] = dict(zip(candidates.tolist(), values[candidates].tolist(), strict=True))
    return sorted(numbers, key=numbers.__getitem__, reverse=True)  # which leaves equal ones in their order


def byte_softmax(values: Tensor, powers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax of 8-bit logits; `powers[n]` is exp(-n * scale), the weight of one that lies n below the largest."""
    peak = int(np.max(np.asarray(values, np.int16)))
    below = np.uint8(peak & 0xFF) - values.view(np.uint8)  # modulo 256 this is right for int8 too
    weights = powers[below]
    return np.asarray(weights / weights.sum(), np.float64)
