"""The decoder of a YOLO's manifest, held against the model's outputs."""

from collections.abc import Sequence

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.vision.agreement import FIX, output_of, outputs_of, readable
from edged.vision.grid import make_grid
from edged.vision.headreader import HeadReader
from edged.vision.labels import Labels
from edged.vision.manifest import Manifest
from edged.vision.splithead import check_levels, levels_of
from edged.vision.yolohead import check_class_range, check_head
from edged.vision.yolov5 import Yolov5Decoder
from edged.vision.yolov8 import Yolov8Decoder
from edged.vision.yolov9 import DflRoles, Yolov9Decoder
from edged.vision.yolov10 import Yolov10Decoder


def make_head_decoder(
    manifest: Manifest,
    outputs: Sequence[TensorSpec],
    labels: Labels,
    *,
    threshold: float,
    picture: TensorSpec,
) -> Yolov5Decoder | Yolov8Decoder | Yolov10Decoder:
    """For yolov5, yolov8 and yolov10; ModelError where the output is not what the manifest says."""
    output = output_of(manifest, outputs, "head")
    spec, decoder = outputs[output], manifest.decoder
    layout = check_head(spec, decoder, manifest.coordinates, picture=picture, where=manifest.name)
    head = HeadReader(output, spec, labels, manifest, picture=picture)
    if decoder == "yolov10":
        check_class_range(spec, labels, manifest.name)
        return Yolov10Decoder(output, spec, labels, sides=head.sides, threshold=threshold)
    if decoder == "yolov5":
        return Yolov5Decoder(head, threshold=threshold)
    return Yolov8Decoder(head, layout=layout, threshold=threshold)


def make_yolov9_decoder(
    manifest: Manifest,
    outputs: Sequence[TensorSpec],
    labels: Labels,
    *,
    threshold: float,
    picture: TensorSpec,
) -> Yolov9Decoder:
    """For yolov9; ModelError where the outputs are not what the manifest says."""
    if not manifest.strides:
        raise ModelError(f"model {manifest.name}: yolov9 needs strides", FIX)
    levels = levels_of(manifest)
    outputs_of(manifest, outputs, [part for parts, _ in levels for part in parts])
    pairs = [
        (DflRoles(*(output_of(manifest, outputs, part) for part in parts)), strides)
        for parts, strides in levels
    ]
    for roles, _ in pairs:
        readable(manifest, outputs[roles.boxes], "boxes")
        readable(manifest, outputs[roles.scores])
    check_levels(manifest, outputs, picture=picture, where=manifest.name)
    height, width = picture.shape[1:3]
    return Yolov9Decoder(
        [(roles, make_grid(width, height, strides)) for roles, strides in pairs],
        outputs,
        labels,
        threshold=threshold,
        activation=manifest.activation,
        nms=manifest.nms,
    )
