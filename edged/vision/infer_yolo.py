"""A YOLO without a manifest: what its file shows of it."""

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.vision.embedded import Description
from edged.vision.found import FoundDetector
from edged.vision.infer_classmap import is_id_map
from edged.vision.manifest import Coordinates, DecoderName, InputRule
from edged.vision.modelfile import ModelFile
from edged.vision.passing import SCORE_DTYPES
from edged.vision.support import refusal
from edged.vision.yolohead import (
    END_TO_END,
    check_head,
    decoder_by_rows,
    held_coordinates,
    layout_of,
    rows_wanted,
)

LETTERBOX = "letterbox in the middle with grey 114"
_ROWS, _FEWEST_CHANNELS = 3, 5

_MULTIPOSE = (1, 6, 56)
"""MoveNet's for six people, which is no YOLO."""


def yolo_input(picture: TensorSpec, description: Description | None) -> tuple[InputRule, tuple[str, ...]]:
    """How such a model sees a frame: as Ultralytics trains them; a warning where nothing says that it did."""
    plain = picture.dtype == "float32"
    rule = InputRule(resize="letterbox", fill=114, mean=0.0 if plain else None, std=255.0 if plain else None)
    if description is None:
        pixels = " and pixels for 0..1" if plain else ""
        doubt = f"frames are taken to be fitted as Ultralytics does ({LETTERBOX}){pixels}"
        return rule, (f"{doubt}: say in a model.yaml if it was trained with squashed pictures",)
    height, width = picture.shape[1:3]
    if description.size and description.size != (height, width):
        said = " x ".join(map(str, reversed(description.size)))
        return rule, (f"its description says {said} pixels, but its input has {width} x {height}",)
    return rule, ()


def find_head(file: ModelFile, description: Description | None) -> FoundDetector | None:
    """A YOLO with one output, by its shape and its number of rows; None where it is of another kind.

    Raises ModelError, with the reason, where it looks like one and cannot be read.
    """
    if len(file.outputs) != 1 or not _could_be_head(file.outputs[0], file.inputs[0]):
        return None
    spec, picture = file.outputs[0], file.inputs[0]
    _check_task(file, description)
    decoder = _decoder(spec, picture)
    if decoder is None:
        raise _odd_rows(file)
    coordinates, doubt = head_coordinates(file, description)
    layout = check_head(spec, decoder, coordinates, picture=picture, where=file.where)
    return FoundDetector(decoder, (("head", 0),), layout.classes or None, doubt, coordinates=coordinates)


def _could_be_head(spec: TensorSpec, picture: TensorSpec) -> bool:
    """Whether these are rows of a box and more, and no map of the picture."""
    shape = spec.shape
    if spec.dtype not in SCORE_DTYPES or len(shape) != _ROWS or shape[1:] == picture.shape[1:3]:
        return False
    if is_id_map(spec, picture):
        return False
    return shape[0] == 1 and min(shape[1:]) >= _FEWEST_CHANNELS


def _decoder(spec: TensorSpec, picture: TensorSpec) -> DecoderName | None:
    """Which of them it is: the longer axis is the rows, and their number tells anchors from none."""
    if spec.shape == END_TO_END:
        return "yolov10"
    by_rows = decoder_by_rows(max(spec.shape[1:]), picture)
    if by_rows and layout_of(spec, by_rows):
        return by_rows
    return "yolov10" if layout_of(spec, "yolov10") else None


def _check_task(file: ModelFile, description: Description | None) -> None:
    """Refuses the relatives of detectors, whose outputs look alike."""
    if description and description.task not in {"", "detect"}:
        raise ModelError(
            f"model {file.where} was exported for the task {description.task}",
            "this version decodes YOLOs for the tasks detect and pose; use one of these",
        )


def head_coordinates(file: ModelFile, description: Description | None) -> tuple[Coordinates, tuple[str, ...]]:
    """What the boxes are in: by the range of the integers; floats are taken for fractions."""
    spec = file.outputs[0]
    held = held_coordinates(spec, file.inputs[0])
    if held or (description and spec.dtype.startswith("float")):
        return held or "fractions", ()
    return "fractions", (
        "boxes are taken for fractions of the input: if not, say coordinates: pixels in a model.yaml",
    )


def _odd_rows(file: ModelFile) -> ModelError:
    """The error for a head whose rows fit no strides."""
    spec, picture = file.outputs[0], file.inputs[0]
    height, width = picture.shape[1:3]
    if spec.shape == _MULTIPOSE:
        return refusal(file)
    what = f"model {file.where} gives {spec.dtype} {list(spec.shape)}, like a YOLO head"
    wanted = [rows_wanted(decoder, picture) for decoder in ("yolov8", "yolov5")]
    if None in wanted:
        return ModelError(
            f"{what}, but its input of {width} x {height} is no multiple of 32",
            "export it again with such a size",
        )
    rows = max(spec.shape[1:])
    return ModelError(
        f"{what}, but {width} x {height} pixels make {wanted[0]} rows for yolov8 and {wanted[1]} for yolov5, not {rows}",
        "export it as one whole model for this input size, other heads are not decoded; "
        "if it reads text, write a model.yaml with decoder: sequence",
    )
