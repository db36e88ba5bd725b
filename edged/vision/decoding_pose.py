"""The decoder of a pose's or a class map's manifest, held against the model's outputs."""

from collections.abc import Sequence

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.vision.agreement import disagreement, output_of, readable
from edged.vision.classmap import ClassmapDecoder
from edged.vision.headreader import HeadReader
from edged.vision.labels import Labels
from edged.vision.manifest import PARTS, Manifest
from edged.vision.maphead import check_map, map_classes
from edged.vision.modelfile import ModelFile
from edged.vision.movenet import NUMBERS, MovenetDecoder
from edged.vision.posehead import check_pose_head
from edged.vision.yolov8pose import Yolov8PoseDecoder


def make_movenet_decoder(
    manifest: Manifest,
    outputs: Sequence[TensorSpec],
    labels: Labels,
    *,
    threshold: float,
    picture: TensorSpec,  # noqa: ARG001  its points are fractions of any input
) -> MovenetDecoder:
    """For movenet; ModelError where the output is not what the manifest says."""
    output = output_of(manifest, outputs, "keypoints")
    _check_movenet(manifest, outputs[output])
    return MovenetDecoder(output, outputs[output], labels, threshold=threshold)


def _check_movenet(manifest: Manifest, spec: TensorSpec) -> None:
    """Raises ModelError where this is no list of the manifest's key points."""
    readable(manifest, spec, "key points")
    if spec.shape and spec.shape != (1, 1, len(manifest.keypoints), NUMBERS):
        count = len(manifest.keypoints)
        raise disagreement(manifest, spec, f"{count} key points of one person are [1, 1, {count}, {NUMBERS}]")


def make_yolov8pose_decoder(
    manifest: Manifest,
    outputs: Sequence[TensorSpec],
    labels: Labels,
    *,
    threshold: float,
    picture: TensorSpec,
) -> Yolov8PoseDecoder:
    """For yolov8pose; ModelError where the output is not what the manifest says."""
    output = output_of(manifest, outputs, "head")
    layout = check_pose_head(outputs[output], manifest, labels, picture=picture, where=manifest.name)
    head = HeadReader(output, outputs[output], labels, manifest, picture=picture)
    return Yolov8PoseDecoder(head, layout=layout, threshold=threshold)


def make_classmap_decoder(
    manifest: Manifest,
    outputs: Sequence[TensorSpec],
    labels: Labels,
    *,
    threshold: float,
    picture: TensorSpec,
) -> ClassmapDecoder:
    """For classmap; ModelError where the output is no map of classes."""
    output = output_of(manifest, outputs, "map")
    layout = check_map(outputs[output], picture=picture, where=manifest.name)
    last = max(labels.names, default=0)
    if layout.classes is not None and last >= layout.classes:
        why = f"it has {layout.classes} classes, and labels go up to {last}"
        raise ModelError(
            f"model {manifest.name}: output {outputs[output].name}: {why}", "give the model's own labels"
        )
    return ClassmapDecoder(output, layout, labels, threshold=threshold, background=manifest.background)


def pose_or_map_classes(manifest: Manifest, file: ModelFile, labels: Labels) -> int | None:
    """How many classes a model with such a manifest has; None where it shows none. Raises ModelError."""
    index = manifest.role(PARTS[manifest.decoder][0])
    picture, spec = file.inputs[0], file.outputs[index]
    if manifest.decoder == "movenet":
        _check_movenet(manifest, spec)
        return 1
    if manifest.decoder == "yolov8pose":
        return check_pose_head(spec, manifest, labels, picture=picture, where=file.where).classes
    layout = check_map(spec, picture=picture, where=file.where)
    return file.chosen_from[index] or map_classes(layout, labels, manifest.background)
