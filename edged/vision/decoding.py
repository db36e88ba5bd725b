"""From a model's raw outputs to a prediction: the decoder that its manifest names."""

from collections.abc import Sequence
from dataclasses import fields
from math import prod
from typing import Protocol

from edged.domain.errors import ModelError
from edged.domain.predictions import Prediction
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.classification import ClassificationDecoder
from edged.vision.fit import FitPlan
from edged.vision.labels import Labels
from edged.vision.manifest import Manifest
from edged.vision.ssd import SsdDecoder, SsdRoles

SCORE_DTYPES = frozenset({"uint8", "int8", "int16", "float16", "float32", "float64"})
FIX = "correct decoder and roles in the manifest (`edged model inspect` shows the model's tensors)"


class Decoder(Protocol):
    """Makes sense of one model's outputs; keeps nothing from frame to frame."""

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> Prediction:
        """What the outputs, in the model's order, say about the frame that was fitted by `plan`.

        Never raises because of the values in the tensors.
        """


def make_decoder(
    manifest: Manifest, outputs: Sequence[TensorSpec], labels: Labels, *, threshold: float, top_k: int
) -> Decoder:
    """The decoder for these outputs; ModelError where they are not what the manifest says."""
    match manifest.decoder:
        case "classification":
            return _classification(manifest, outputs, labels, threshold, top_k)
        case "ssd":
            return _ssd(manifest, outputs, labels, threshold)


def _classification(
    manifest: Manifest, outputs: Sequence[TensorSpec], labels: Labels, threshold: float, top_k: int
) -> Decoder:
    index = _output(manifest, outputs, "scores")
    spec = outputs[index]
    if spec.shape and (prod(spec.shape) != spec.shape[-1] or not spec.shape[-1]):
        raise _disagreement(manifest, spec, "scores should have one axis of classes")
    return ClassificationDecoder(
        index,
        _scores(manifest, spec),
        labels,
        threshold=threshold,
        top_k=top_k,
        activation=manifest.activation,
        background=manifest.background,
    )


def _ssd(manifest: Manifest, outputs: Sequence[TensorSpec], labels: Labels, threshold: float) -> Decoder:
    indices = [_output(manifest, outputs, field.name) for field in fields(SsdRoles)]
    if len(set(indices)) < len(indices):
        raise ModelError(f"model {manifest.name}: one output has two roles", FIX)
    roles = SsdRoles(*indices)
    if manifest.activation != "none":
        raise ModelError(f"model {manifest.name}: ssd scores need no {manifest.activation}", FIX)
    _scores(manifest, outputs[roles.scores])
    boxes = outputs[roles.boxes]
    if boxes.shape and boxes.shape[-1] != 4:  # noqa: PLR2004  ymin, xmin, ymax, xmax
        raise _disagreement(manifest, boxes, "boxes should be [1, N, 4]")
    for other in (outputs[roles.classes], outputs[roles.scores]):
        if boxes.shape and other.shape and prod(other.shape) * 4 != prod(boxes.shape):
            raise _disagreement(manifest, other, f"boxes are {list(boxes.shape)}, which is not as many rows")
    return SsdDecoder(roles, outputs, labels, threshold=threshold)


def _output(manifest: Manifest, outputs: Sequence[TensorSpec], role: str) -> int:
    """Index of the output with this role."""
    index = dict(manifest.roles).get(role)
    if index is None:
        raise ModelError(f"model {manifest.name}: no output has the role {role}", FIX)
    if not 0 <= index < len(outputs):
        raise ModelError(
            f"model {manifest.name}: {role} should be output {index}, but it has {len(outputs)} outputs", FIX
        )
    return index


def _scores(manifest: Manifest, spec: TensorSpec) -> TensorSpec:
    """The spec, if scores can have its type."""
    if spec.dtype not in SCORE_DTYPES:
        raise _disagreement(manifest, spec, f"scores should be one of {', '.join(sorted(SCORE_DTYPES))}")
    return spec


def _disagreement(manifest: Manifest, spec: TensorSpec, expected: str) -> ModelError:
    shape = list(spec.shape)
    return ModelError(f"model {manifest.name}: output {spec.name} is {spec.dtype}{shape}: {expected}", FIX)
