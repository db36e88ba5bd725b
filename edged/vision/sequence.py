"""Outputs of a model that reads text: a choice between characters for each step across the picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edged.domain.predictions import Text
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.characters import character
from edged.vision.fit import FitPlan
from edged.vision.labels import Labels
from edged.vision.manifest import Blank, Collapse, Manifest
from edged.vision.quantise import dequantise
from edged.vision.softmax import weights

UNREAD = -1
"""In place of a class, for a step in which no value is above minus infinity."""


def steps_and_classes(spec: TensorSpec) -> tuple[int, int] | None:
    """T and C of [1, T, C], [1, 1, T, C] or [1, T, 1, C]; None for another shape."""
    match spec.shape:
        case (1, steps, classes) | (1, 1, steps, classes) | (1, steps, 1, classes):
            return (steps, classes) if steps and classes else None
    return None


def best_classes(
    values: NDArray[np.float64], *, softmax: bool
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The best class of each step and its probability; `values` is [T, C], dequantised.

    Of equal ones the first is the best. NaN never is, and takes no share of the softmax. A step in which nothing
    is above minus infinity has the class UNREAD and the probability 0.
    """
    known, peak = values, values.max(axis=1)
    if np.isnan(peak).any():
        known = np.where(np.isnan(values), -np.inf, values)
        peak = known.max(axis=1)
    best = known.argmax(axis=1)
    scores = 1 / weights(known, peak[:, None]).sum(axis=1) if softmax else np.clip(peak, 0.0, 1.0)
    unread = np.isneginf(peak)
    return np.where(unread, UNREAD, best), np.where(unread, 0.0, scores)


def blank_id(blank: Blank, classes: int) -> int | None:
    """The class that stands for no character."""
    return {"none": None, "first": 0, "last": classes - 1}[blank]


class SequenceDecoder:
    """Reads the best class of each step, and what is left of them once repeats and blanks are gone.

    `ctc` merges neighbours of the same class and then drops the blanks (Graves and others, 2006: best path
    decoding); `none` drops the blanks alone. A character is as sure as its best step, the text as its least sure
    character, an empty text as its least sure blank. A step that cannot be read is a blank; its text has score 0.
    """

    def __init__(
        self, output: int, spec: TensorSpec, labels: Labels, *, classes: int, manifest: Manifest
    ) -> None:
        """`output` is the index of the scores, described by `spec`, with `classes` for each step."""
        self._output = output
        self._quantization = spec.quantization
        self._labels = labels
        self._classes = classes
        self._softmax = manifest.activation == "softmax"
        self._collapse: Collapse = manifest.collapse
        self._blank = blank_id(manifest.blank, classes)

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> Text:  # noqa: ARG002  has no boxes
        """The text of the frame; `plan` is not needed."""
        values = dequantise(outputs[self._output], self._quantization).reshape(-1, self._classes)
        classes, scores = best_classes(values, softmax=self._softmax)
        found, blanks = self._runs(classes.tolist(), scores.tolist())
        text = "".join(character(self._labels, label_id) for label_id, _ in found)
        sure = min([score for _, score in found] or blanks)
        return Text(text, 0.0 if UNREAD in classes else sure)

    def _runs(self, classes: list[int], scores: list[float]) -> tuple[list[tuple[int, float]], list[float]]:
        """Class and score of each character, and the scores of the blanks."""
        found: list[tuple[int, float]] = []
        blanks: list[float] = []
        last = UNREAD
        for label_id, score in zip(classes, scores, strict=True):
            if label_id in {UNREAD, self._blank}:
                blanks.append(score)
            elif self._collapse == "ctc" and label_id == last:
                found[-1] = (label_id, max(found[-1][1], score))
            else:
                found.append((label_id, score))
            last = label_id
        return found, blanks
