"""What this version can run, and the words for what it cannot."""

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.vision.batch import MOST_PLACES
from edged.vision.graph import EDGETPU_OP, POSTPROCESS_OP, Op
from edged.vision.modelfile import ModelFile

DECODES = (
    "this version decodes ssd, fcos, YOLO detectors and poses, MoveNet's single pose, maps of classes, classification and, "
    "where a model.yaml says so, values and text"
)
_USE = f"{DECODES}; use a model of one of these kinds"
PROBABILITY_OPS: frozenset[Op | None] = frozenset({14, 25})
"""LOGISTIC and SOFTMAX."""
_RANK = 4
_LONGEST_NAME = 60
_CHANNELS = (1, 3)
_PROTOTYPES = 32
"""Pictures that Ultralytics' segmenting models mix each mask from."""
_PIXEL_DTYPES = ("uint8", "int8", "float32")


def check_runnable(file: ModelFile) -> None:
    """Raises ModelError for a model that no manifest could make run: its operators or its inputs."""
    for name in file.custom_ops:
        if name not in {EDGETPU_OP, POSTPROCESS_OP}:
            raise _unknown_op(file.where, name)
    if len(file.inputs) != 1:
        names = ", ".join(_short(spec.name) for spec in file.inputs)
        raise ModelError(
            f"model {file.where} has {len(file.inputs)} inputs ({names})",
            "this version feeds one picture; use a model with one image input",
        )
    _check_input(file.where, file.inputs[0])


def _short(name: str) -> str:
    """A tensor's name, which converters make of many."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."


def _unknown_op(where: str, name: str) -> ModelError:
    what = f"model {where} needs the operator {name}"
    if name == "PosenetDecoderOp":
        return ModelError(f"{what}, which decodes poses and is in no runtime of ours", _USE)
    if name.startswith("Flex"):
        return ModelError(
            f"{what} of full TensorFlow", "convert the model with TFLite's built-in operators only"
        )
    return ModelError(
        f"{what}, which no runtime of ours has", "use a model with TFLite's built-in operators only"
    )


def _check_input(where: str, spec: TensorSpec) -> None:
    """Refuses an input that is no picture of a fixed size."""
    shape = list(spec.shape)
    wanted = "this version takes pictures as [1, height, width, 1 or 3]"
    if len(shape) != _RANK:
        raise ModelError(f"model {where} takes {shape} as input, which is no picture", wanted)
    if shape[3] not in _CHANNELS:
        order = ", with the channels first" if shape[1] in _CHANNELS and min(shape[2:]) > 1 else ""
        raise ModelError(f"model {where} takes {shape} as input{order}", f"{wanted}; convert the model so")
    if min(shape[1:3]) <= 1:
        raise ModelError(
            f"model {where} leaves the size of its input open ({shape})", "convert it with a fixed input size"
        )
    if not 1 <= shape[0] <= MOST_PLACES:
        raise ModelError(
            f"model {where} takes {shape} as input, which is not 1 to {MOST_PLACES} pictures at once",
            f"{wanted}, or with 2 to {MOST_PLACES} in place of the 1; convert the model so",
        )
    if spec.dtype not in _PIXEL_DTYPES:
        raise ModelError(
            f"model {where} takes {spec.dtype} as input, which is no kind of pixel",
            f"{wanted} of {', '.join(_PIXEL_DTYPES)}",
        )


def class_count(spec: TensorSpec) -> int | None:
    """Length of the class axis of scores, [1, N] or [1, 1, 1, N]; None where the shape is another."""
    shape = spec.shape
    ones = shape[:-1] in {(1,), (1, 1, 1)}
    return shape[-1] if ones and shape[-1] > 1 else None


def refusal(file: ModelFile) -> ModelError:
    """The error for outputs that this version cannot decode, with a guess at what they are."""
    shapes = [list(spec.shape) for spec in file.outputs]
    if _is_yolo_mask(shapes):
        what = f"model {file.where} gives {shapes}, which looks like a YOLO that segments: boxes with masks"
        return ModelError(what, _USE)
    if len(shapes) != 1:
        return ModelError(
            f"model {file.where} has {len(shapes)} outputs that are neither ssd's, fcos's nor yolov9's: {shapes}",
            _USE,
        )
    what = f"model {file.where} gives {file.outputs[0].dtype} {shapes[0]}"
    return ModelError(f"{what}, {_guess(file.outputs[0], file.inputs[0])}", _USE)


def _is_yolo_mask(shapes: list[list[int]]) -> bool:
    """Whether these are rows of boxes and scores, each with its share of a few pictures of the second output."""
    ranks = sorted(shapes, key=len)
    if [len(shape) for shape in ranks] != [3, 4]:
        return False
    (_, *rows), (_, *planes) = ranks
    return min(rows) > 4 + _PROTOTYPES and _PROTOTYPES in (planes[0], planes[2])


def _guess(output: TensorSpec, picture: TensorSpec) -> str:
    """What an output probably is, by its shape."""
    shape, size = output.shape, picture.shape[1:3]
    if shape[1:3] == size or (output.dtype in {"int32", "int64"} and len(shape) >= 3):  # noqa: PLR2004  a map
        return "which looks like a segmentation map"
    if shape == (1, 6, 56):
        return "which looks like MoveNet's poses of six people"
    if shape[-2:] == (17, 3):
        return "which looks like the 17 key points of several poses"
    if len(shape) == 3 and min(shape[1:]) > 4:  # noqa: PLR2004  [1, N, 4 box values and more]
        return "which looks like a YOLO head"
    if len(shape) in {1, 2} and shape[-1:] in {(), (1,)}:
        return "which is one value and no choice between classes"
    return "which is no list of class scores"
