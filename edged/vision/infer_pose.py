"""A pose without a manifest: what its file shows of it."""

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.vision.embedded import Description
from edged.vision.found import FoundDetector
from edged.vision.infer_yolo import head_coordinates, yolo_input
from edged.vision.keypoints import COCO, MOST_KEYPOINTS, usual_names
from edged.vision.labels import Labels
from edged.vision.manifest import InputRule
from edged.vision.modelfile import ModelFile
from edged.vision.movenet import NUMBERS
from edged.vision.passing import SCORE_DTYPES
from edged.vision.posehead import BETTER, BOX, pose_layout
from edged.vision.yolohead import check_head, decoder_by_rows, layout_of

_COCO_CHANNELS = BOX + 1 + len(COCO) * NUMBERS
_MOVENET = (1, 1, len(COCO), NUMBERS)

_PIXELS = "key points are taken for fractions as boxes are: an older Ultralytics gave them in pixels, then export it again"
"""Integers show it by their scale, floats do not."""


def find_pose(file: ModelFile, description: Description | None, labels: Labels) -> FoundDetector | None:
    """A pose with one output; None where it is of another kind.

    Raises ModelError, with the reason, where it is one and cannot be read.
    """
    if len(file.outputs) != 1 or file.outputs[0].dtype not in SCORE_DTYPES:
        return None
    if file.outputs[0].shape == _MOVENET:
        return FoundDetector("movenet", (("keypoints", 0),), 1, (), keypoints=COCO)
    if description and description.task:
        return _described(file, description) if description.task == "pose" else None
    return _undescribed(file, description, labels)


def pose_input(
    picture: TensorSpec, found: FoundDetector, description: Description | None
) -> tuple[InputRule, tuple[str, ...]]:
    """How such a model sees a frame; MoveNet's model card says it: the whole frame, padded with 0, pixels 0..255."""
    if found.decoder != "movenet":
        return yolo_input(picture, description)
    plain = picture.dtype == "float32"
    return InputRule(resize="letterbox", mean=0.0 if plain else None, std=1.0 if plain else None), ()


def _described(file: ModelFile, description: Description) -> FoundDetector:
    """By the number of points that Ultralytics' description gives."""
    spec = file.outputs[0]
    if not _is_head(spec, file.inputs[0]) or not description.points:
        raise ModelError(
            f"model {file.where} was exported for the task pose, but gives {list(spec.shape)}",
            "export it without nms=True: [1, 4 + classes + 3 for each key point, N], and its number in kpt_shape",
        )
    count, numbers = description.points
    if count > MOST_KEYPOINTS:
        raise ModelError(
            f"model {file.where} gives {count} key points",
            f"an event carries at most {MOST_KEYPOINTS}; use a model with fewer",
        )
    layout = layout_of(spec, "yolov8")
    if layout is None or layout.classes - count * numbers < 1:
        what = f"its description says {count} key points of {numbers} numbers, which {list(spec.shape)} cannot hold"
        raise ModelError(f"model {file.where}: {what}", "export it again")
    return _found(file, description, count, layout.classes - count * numbers)


def _undescribed(file: ModelFile, description: Description | None, labels: Labels) -> FoundDetector | None:
    """By 56 channels, which a detector of 52 classes has too: then it has labels for them."""
    spec = file.outputs[0]
    if not _is_head(spec, file.inputs[0]) or len(labels) > 1 or min(spec.shape[1:]) != _COCO_CHANNELS:
        return None
    if pose_layout(spec, len(COCO), 1) is None:
        return None
    doubt = "56 channels are taken for one class and the 17 key points of a person; a detector of 52 classes needs labels"
    return _found(file, description, len(COCO), 1, doubt)


def _found(
    file: ModelFile, description: Description | None, count: int, classes: int, *doubts: str
) -> FoundDetector:
    coordinates, doubt = head_coordinates(file, description)
    spec, picture = file.outputs[0], file.inputs[0]
    check_head(spec, "yolov8", coordinates, picture=picture, where=file.where, better=BETTER)
    pixels = (_PIXELS,) if spec.dtype.startswith("float") and coordinates == "fractions" else ()
    return FoundDetector(
        "yolov8pose",
        (("head", 0),),
        classes,
        (*doubts, *doubt, *pixels),
        coordinates=coordinates,
        keypoints=usual_names(count),
    )


def _is_head(spec: TensorSpec, picture: TensorSpec) -> bool:
    """Whether these are YOLOv8's rows for a picture of this size."""
    layout = layout_of(spec, "yolov8")
    return layout is not None and decoder_by_rows(layout.rows, picture) == "yolov8"
