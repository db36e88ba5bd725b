"""From a model's raw outputs to a prediction: the decoder that its manifest names."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from math import prod
from typing import Protocol

from edged.domain.errors import ModelError
from edged.domain.predictions import Prediction
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.agreement import FIX, disagreement, output_of, outputs_of, picture_of, readable, score_count
from edged.vision.binary import BinaryDecoder
from edged.vision.classification import ClassificationDecoder
from edged.vision.decoding_pose import (
    make_classmap_decoder,
    make_movenet_decoder,
    make_yolov8pose_decoder,
)
from edged.vision.decoding_reading import make_reading_decoder
from edged.vision.decoding_yolo import make_head_decoder, make_yolov9_decoder
from edged.vision.fcos import FcosDecoder, FcosRoles
from edged.vision.fit import FitPlan
from edged.vision.grid import make_grid
from edged.vision.labels import Labels
from edged.vision.manifest import ACTIVATIONS, DecoderName, Manifest
from edged.vision.multilabel import MultilabelDecoder
from edged.vision.splithead import check_split_head
from edged.vision.ssd import SsdDecoder, SsdRoles


class Decoder(Protocol):
    """Makes sense of one model's outputs; keeps nothing from frame to frame."""

    def decode(self, outputs: Sequence[Tensor], plan: FitPlan) -> Prediction:
        """What the outputs, in the model's order, say about the frame that was fitted by `plan`.

        Never raises because of the values in the tensors.
        """


class _Make(Protocol):
    """Makes a decoder that reads its outputs by the size of the model's input."""

    def __call__(
        self,
        manifest: Manifest,
        outputs: Sequence[TensorSpec],
        labels: Labels,
        *,
        threshold: float,
        picture: TensorSpec,
    ) -> Decoder: ...


_FOR_PICTURES: Mapping[DecoderName, _Make] = {
    "yolov5": make_head_decoder,
    "yolov8": make_head_decoder,
    "yolov9": make_yolov9_decoder,
    "yolov10": make_head_decoder,
    "movenet": make_movenet_decoder,
    "yolov8pose": make_yolov8pose_decoder,
    "classmap": make_classmap_decoder,
}


def make_decoder(
    manifest: Manifest,
    outputs: Sequence[TensorSpec],
    labels: Labels,
    *,
    threshold: float,
    top_k: int,
    picture: TensorSpec | None = None,
) -> Decoder:
    """The decoder for these outputs; ModelError where they are not what the manifest says.

    `picture` is the model's input, which decoders need that have rows for its cells.
    """
    if manifest.activation not in ACTIVATIONS[manifest.decoder]:
        what = f"{manifest.decoder} scores need no {manifest.activation}"
        raise ModelError(f"model {manifest.name}: {what}", FIX)
    match manifest.decoder:
        case "classification":
            return _classification(manifest, outputs, labels, threshold, top_k)
        case "binary" | "multilabel":
            return _by_itself(manifest, outputs, labels, threshold)
        case "linear" | "sequence":
            return make_reading_decoder(manifest, outputs, labels)
        case "ssd":
            return _ssd(manifest, outputs, labels, threshold)
        case "fcos":
            return _fcos(manifest, outputs, labels, threshold, picture_of(manifest, picture))
        case _:
            make = _FOR_PICTURES[manifest.decoder]
            return make(manifest, outputs, labels, threshold=threshold, picture=picture_of(manifest, picture))


def _classification(
    manifest: Manifest, outputs: Sequence[TensorSpec], labels: Labels, threshold: float, top_k: int
) -> Decoder:
    index, spec = _score_list(manifest, outputs)
    return ClassificationDecoder(
        index,
        spec,
        labels,
        threshold=threshold,
        top_k=top_k,
        activation=manifest.activation,
        background=manifest.background,
    )


def _score_list(manifest: Manifest, outputs: Sequence[TensorSpec]) -> tuple[int, TensorSpec]:
    """The output that has one score a class, and its index."""
    index = output_of(manifest, outputs, "scores")
    spec = outputs[index]
    if spec.shape:
        score_count(manifest, spec)
    return index, readable(manifest, spec)


def _by_itself(
    manifest: Manifest, outputs: Sequence[TensorSpec], labels: Labels, threshold: float
) -> Decoder:
    index, spec = _score_list(manifest, outputs)
    if manifest.decoder == "multilabel":
        return MultilabelDecoder(index, spec, labels, threshold=threshold, activation=manifest.activation)
    if spec.shape and spec.shape[-1] != 1:
        raise disagreement(manifest, spec, "a yes-or-no model gives one score")
    return BinaryDecoder(index, spec, labels, threshold=threshold, activation=manifest.activation)


def _ssd(manifest: Manifest, outputs: Sequence[TensorSpec], labels: Labels, threshold: float) -> Decoder:
    roles = SsdRoles(*outputs_of(manifest, outputs, [field.name for field in fields(SsdRoles)]))
    readable(manifest, outputs[roles.scores])
    boxes = outputs[roles.boxes]
    if boxes.shape and boxes.shape[-1] != 4:  # noqa: PLR2004  ymin, xmin, ymax, xmax
        raise disagreement(manifest, boxes, "boxes should be [1, N, 4]")
    for other in (outputs[roles.classes], outputs[roles.scores]):
        if boxes.shape and other.shape and prod(other.shape) * 4 != prod(boxes.shape):
            raise disagreement(manifest, other, f"boxes are {list(boxes.shape)}, which is not as many rows")
    return SsdDecoder(roles, outputs, labels, threshold=threshold)


def _fcos(
    manifest: Manifest,
    outputs: Sequence[TensorSpec],
    labels: Labels,
    threshold: float,
    picture: TensorSpec,
) -> Decoder:
    roles = FcosRoles(*outputs_of(manifest, outputs, [field.name for field in fields(FcosRoles)]))
    if not manifest.strides:
        raise ModelError(f"model {manifest.name}: fcos needs strides", FIX)
    boxes, scores = (
        readable(manifest, outputs[roles.boxes], "boxes"),
        readable(manifest, outputs[roles.scores]),
    )
    check_split_head(boxes, scores, picture=picture, strides=manifest.strides, where=manifest.name)
    return FcosDecoder(
        roles,
        outputs,
        labels,
        grid=make_grid(picture.shape[2], picture.shape[1], manifest.strides),
        threshold=threshold,
        activation=manifest.activation,
        nms=manifest.nms,
    )
