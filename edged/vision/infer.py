"""The manifest that a model file implies, and the check of one that was given.

What is inferred here is written down once and shown; nothing is guessed again per frame.
"""

from dataclasses import dataclass

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.vision.agreement import score_count
from edged.vision.binary import yes_and_no
from edged.vision.decoding_pose import pose_or_map_classes
from edged.vision.embedded import Description, embedded_description
from edged.vision.fileroles import could_be_ssd, known_roles
from edged.vision.found import FoundDetector
from edged.vision.graph import Op
from edged.vision.infer_classmap import find_classmap
from edged.vision.infer_fcos import find_fcos
from edged.vision.infer_pose import find_pose, pose_input
from edged.vision.infer_reading import check_reading, find_reading
from edged.vision.infer_yolo import find_head, yolo_input
from edged.vision.infer_yolov9 import find_yolov9
from edged.vision.keypoints import PERSON
from edged.vision.labels import Labels, match_labels, other_background
from edged.vision.manifest import Activation, InputRule, Manifest
from edged.vision.maphead import MapLayout, map_classes
from edged.vision.modelfile import ModelFile
from edged.vision.quantise import SHARE_SLACK, are_shares, real_range
from edged.vision.splithead import check_levels, check_split_head
from edged.vision.support import DECODES, PROBABILITY_OPS, check_runnable, class_count, refusal
from edged.vision.yolohead import check_head

_AVERAGE_POOL, _L2_NORM, _L2_POOL, _MEAN = 1, 11, 12, 40
_POOLING_OPS: frozenset[Op | None] = frozenset({_AVERAGE_POOL, _L2_NORM, _L2_POOL, _MEAN})
_EMBEDDING_NAMES = ("embedding", "avgpool", "average_pool", "l2norm")
_INTEGERS = frozenset({"uint8", "int8", "int16"})
NO_LABELS = "no labels: classes are called class_0, class_1 and so on"


@dataclass(frozen=True, slots=True)
class Inferred:
    """A manifest, the labels by the model's own indices, and what a person should know about both."""

    manifest: Manifest
    labels: Labels
    warnings: tuple[str, ...]
    undecided: bool = False
    """Whether the roles are missing until a calibration invoke shows them (`resolve_ssd_roles`)."""


def infer_manifest(file: ModelFile, name: str, labels: Labels | None) -> Inferred:
    """What a model without a manifest is. Raises ModelError, with the reason, where this version cannot run it."""
    check_runnable(file)
    file = file.for_one_picture()
    inferred = _infer(file, name, labels or Labels())
    warnings = () if inferred.labels.names else (NO_LABELS,)
    return Inferred(inferred.manifest, inferred.labels, warnings + inferred.warnings, inferred.undecided)


def _infer(file: ModelFile, name: str, labels: Labels) -> Inferred:
    """By the outputs, from what is known best to what is left."""
    description = embedded_description(file.files)
    rule, doubt = _input_rule(file.inputs[0])
    if could_be_ssd(file):
        return _infer_ssd(file, name, rule, labels, doubt)
    if reading := find_reading(file, name, rule, labels, description):
        return Inferred(reading.manifest, reading.labels, doubt + reading.warnings)
    if detector := _find_detector(file, description, labels, rule, doubt):
        found, rule, doubt = detector
        return _infer_detector(file, name, rule, labels, found, doubt)
    if areas := find_classmap(file, labels):
        return _infer_classmap(file, name, rule, labels, *areas, doubt)
    return _infer_classification(file, name, rule, labels, doubt)


def _find_detector(
    file: ModelFile, description: Description | None, labels: Labels, rule: InputRule, doubt: tuple[str, ...]
) -> tuple[FoundDetector, InputRule, tuple[str, ...]] | None:
    """A detector without its post-processing, and how its kind takes frames; None where it is none."""
    picture = file.inputs[0]
    if pose := find_pose(file, description, labels):
        return (pose, *pose_input(picture, pose, description))
    if yolo := find_yolov9(file, labels) or find_head(file, description):
        return (yolo, *yolo_input(picture, description))
    fcos = find_fcos(file)
    return (fcos, rule, doubt) if fcos else None


def check_manifest(manifest: Manifest, file: ModelFile, labels: Labels | None) -> Inferred:
    """The same for a manifest that was given. Raises ModelError where the file contradicts it."""
    check_runnable(file)
    file = file.for_one_picture()
    for part, index in manifest.roles:
        if index >= len(file.outputs):
            raise ModelError(
                f"model {file.where} has {len(file.outputs)} outputs but its manifest says that {part} is output {index}",
                "correct the roles in model.yaml; the first output is 0",
            )
    known = known_roles(file) if manifest.decoder == "ssd" else None
    if known and dict(known) != dict(manifest.roles):
        raise ModelError(
            f"model {file.where} has other outputs than its manifest says: {_listed(known)}",
            "correct the roles in model.yaml",
        )
    if manifest.decoder in {"linear", "sequence"}:
        return Inferred(manifest, check_reading(manifest, file.outputs, labels or Labels(), file.where), ())
    classes = _classes(manifest, file, labels or Labels())
    matched, _ = match_labels(labels or Labels(), classes, file.where, background=manifest.background)
    if manifest.decoder == "binary":
        matched = yes_and_no(matched, file.where)
    if manifest.task == "pose" and classes == 1 and not matched.names:
        matched = PERSON
    doubt = other_background(matched, classes, manifest.background) if matched.names else (NO_LABELS,)
    return Inferred(manifest, matched, doubt)


def _classes(manifest: Manifest, file: ModelFile, labels: Labels) -> int | None:
    """Length of the class axis; None where the decoder's outputs have none or leave it open."""
    picture, where = file.inputs[0], file.where
    match manifest.decoder:
        case "ssd" | "binary" | "linear" | "sequence":
            return None  # no class axis: indices, one value for two classes; or matched by itself
        case "classification" | "multilabel":
            return score_count(manifest, file.outputs[manifest.role("scores")])
        case "yolov5" | "yolov8" | "yolov10":
            head = file.outputs[manifest.role("head")]
            layout = check_head(head, manifest.decoder, manifest.coordinates, picture=picture, where=where)
            return layout.classes or None
        case "movenet" | "yolov8pose" | "classmap":
            return pose_or_map_classes(manifest, file, labels)
        case "yolov9":
            return check_levels(manifest, file.outputs, picture=picture, where=where)
        case "fcos":
            boxes, scores = (file.outputs[manifest.role(part)] for part in ("boxes", "scores"))
            known = boxes.shape and scores.shape
            strides = manifest.strides
            return (
                check_split_head(boxes, scores, picture=picture, strides=strides, where=where)
                if known
                else None
            )


def _listed(roles: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{part} is output {index}" for part, index in roles)


def _input_rule(spec: TensorSpec) -> tuple[InputRule, tuple[str, ...]]:
    """How frames become this input; only a quantised tensor tells its mean and std itself."""
    if spec.dtype != "float32":
        return InputRule(), ()
    warning = "the float input says nothing of its range: taken for -1..1 (mean and std 127.5)"
    return InputRule(mean=127.5, std=127.5), (warning,)


def _infer_ssd(
    file: ModelFile, name: str, rule: InputRule, labels: Labels, doubt: tuple[str, ...]
) -> Inferred:
    roles = known_roles(file)
    matched, _ = match_labels(labels, None, file.where)
    manifest = Manifest(name=name, task="detection", decoder="ssd", input=rule, roles=roles or ())
    if roles:
        return Inferred(manifest, matched, doubt)
    warning = "the file does not say which output holds classes and which scores: one invoke has to show it"
    return Inferred(manifest, matched, (*doubt, warning), undecided=True)


def _infer_detector(
    file: ModelFile, name: str, rule: InputRule, labels: Labels, found: FoundDetector, doubt: tuple[str, ...]
) -> Inferred:
    matched, _ = match_labels(labels, found.classes, file.where, background="none")
    manifest = Manifest(
        name=name,
        task="pose" if found.keypoints else "detection",
        decoder=found.decoder,
        input=rule,
        roles=found.roles,
        activation=found.activation,
        strides=found.strides,
        coordinates=found.coordinates,
        keypoints=found.keypoints,
    )
    if found.keypoints and found.classes == 1 and not matched.names:
        matched = PERSON
    return Inferred(manifest, matched, doubt + found.warnings)


def _infer_classmap(
    file: ModelFile,
    name: str,
    rule: InputRule,
    labels: Labels,
    layout: MapLayout,
    trust: tuple[str, ...],
    doubt: tuple[str, ...],
) -> Inferred:
    classes = file.chosen_from[0] or map_classes(layout, labels, "none")
    matched, background = match_labels(labels, classes, file.where)
    manifest = Manifest(
        name=name,
        task="areas",
        decoder="classmap",
        input=rule,
        roles=(("map", 0),),
        background=background,
    )
    return Inferred(manifest, matched, doubt + trust)


def _infer_classification(
    file: ModelFile, name: str, rule: InputRule, labels: Labels, doubt: tuple[str, ...]
) -> Inferred:
    classes = class_count(file.outputs[0]) if len(file.outputs) == 1 else None
    if classes is None:
        raise refusal(file)
    activation, warnings = _activation(file)
    matched, background = match_labels(labels, classes, file.where)
    manifest = Manifest(
        name=name,
        task="classification",
        decoder="classification",
        input=rule,
        roles=(("scores", 0),),
        activation=activation,
        background=background,
    )
    return Inferred(manifest, matched, doubt + warnings)


def _activation(file: ModelFile) -> tuple[Activation, tuple[str, ...]]:
    """What the scores still need, by the op that computes them or by the range that they can take."""
    spec, maker = file.outputs[0], file.makers[0]
    if maker in PROBABILITY_OPS:
        return "none", ()
    if maker in _POOLING_OPS or any(word in spec.name.lower() for word in _EMBEDDING_NAMES):
        raise _embedding(file, "comes from a pooling layer")
    low, high = _real_range(file)
    if are_shares(low, high):
        return "none", ()
    if low >= -SHARE_SLACK:
        raise _embedding(file, f"is never negative and goes up to {high:.3g}")
    reach = "" if high == float("inf") else f" ({low:.3g} to {high:.3g})"
    return "softmax", (f"the output is taken for logits{reach}: softmax is applied",)


def _real_range(file: ModelFile) -> tuple[float, float]:
    """Lowest and highest value that the output can stand for."""
    spec = file.outputs[0]
    if spec.dtype != "float32" and spec.dtype not in _INTEGERS:
        raise refusal(file)
    if spec.dtype != "float32" and spec.quantization is None:
        raise ModelError(
            f"model {file.where} gives {spec.dtype} scores without a scale",
            "write a model.yaml, or convert it again",
        )
    return real_range(spec)


def _embedding(file: ModelFile, why: str) -> ModelError:
    return ModelError(
        f"model {file.where} gives {list(file.outputs[0].shape)} that looks like an embedding: it {why}",
        f"{DECODES}; if these are class scores, write a model.yaml that says so",
    )
