"""YOLO's detectors with one output, boxes and class scores in one tensor: its layout, and whether it can be true."""

from dataclasses import dataclass
from math import inf

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.grid import cell_count, usual_strides
from edged.vision.labels import Labels
from edged.vision.manifest import Coordinates, DecoderName
from edged.vision.passing import SCORE_DTYPES
from edged.vision.quantise import real_range

ANCHORS = 3
"""Boxes that YOLOv5 gives for each cell."""
STRIDES: tuple[tuple[int, ...], ...] = ((8, 16, 32), (16, 32), (8, 16, 32, 64))
"""What these detectors are built with, the usual one first."""
COARSEST = 0.05
"""A scale above this leaves fewer than 20 different scores."""
END_TO_END = (1, 300, 6)
"""What YOLOv10 and Ultralytics' exports with `nms=True` give, whatever their labels are."""
LEADING = {"yolov5": 5, "yolov8": 4, "yolov10": 6}
"""Numbers of a row before the class scores."""
_ROWS = 3
_FRACTIONS_REACH = 16.0
"""No box reaches so many times the input's size."""
_FIX = "correct decoder and roles in the manifest (`edged model inspect` shows the model's tensors)"
_EXPORT = "export it again: Ultralytics' own TFLite export gives boxes as fractions, which one scale can hold"
_EXPORT_FLOAT = "export it with a float32 output"


@dataclass(frozen=True, slots=True)
class Layout:
    """How rows lie in a head."""

    rows: int
    classes: int
    """0 for yolov10, whose rows name their class."""
    by_channel: bool
    """Whether the head is [1, C, N] and not [1, N, C]."""

    def rows_of(self, head: Tensor) -> Tensor:
        """[N, C], a view."""
        rows: Tensor = head[0].T if self.by_channel else head[0]
        return rows


def check_head(
    spec: TensorSpec,
    decoder: DecoderName,
    coordinates: Coordinates,
    *,
    picture: TensorSpec,
    where: str,
    better: str = _EXPORT,
) -> Layout:
    """The layout of such a head on an input of [1, height, width, channels].

    Raises ModelError where its shape, its number of rows, its scale or its range contradict the manifest;
    `where` names the model there, and `better` is what to do about a coarse scale.
    """
    if spec.dtype not in SCORE_DTYPES:
        raise _misfit(where, spec, f"the head should be one of {', '.join(sorted(SCORE_DTYPES))}")
    layout = layout_of(spec, decoder)
    if layout is None:
        raise _misfit(where, spec, f"{decoder} should be {_wanted(decoder)}")
    if decoder != "yolov10" and decoder_by_rows(layout.rows, picture) != decoder:
        raise _misfit(where, spec, _other_rows(max(spec.shape[1:]), decoder, picture))
    _check_scale(spec, where, better)
    held = held_coordinates(spec, picture)
    if held and held != coordinates:
        high = f"its integers reach {real_range(spec)[1]:.4g}"
        raise ModelError(
            f"model {where}: output {spec.name}: {high}, so its boxes are in {held}, not in {coordinates}",
            f"write coordinates: {held} in the manifest",
        )
    return layout


def layout_of(spec: TensorSpec, decoder: DecoderName) -> Layout | None:
    """The layout by the shape alone; None where it is no head of this decoder."""
    shape, leading = spec.shape, LEADING[decoder]
    if len(shape) != _ROWS or shape[0] != 1 or 0 in shape:
        return None
    if decoder == "yolov10":
        return Layout(shape[1], 0, by_channel=False) if shape[2] == leading else None
    by_channel = decoder == "yolov8" and shape[1] < shape[2]
    channels, rows = shape[1:] if by_channel else (shape[2], shape[1])
    return Layout(rows, channels - leading, by_channel) if channels > leading else None


def decoder_by_rows(rows: int, picture: TensorSpec) -> DecoderName | None:
    """Whose number of rows this is: yolov5 has three for each cell, yolov8 one; None where it is neither's."""
    height, width = picture.shape[1:3]
    if usual_strides(width, height, rows, STRIDES):
        return "yolov8"
    fits = rows % ANCHORS == 0 and usual_strides(width, height, rows // ANCHORS, STRIDES)
    return "yolov5" if fits else None


def rows_wanted(decoder: DecoderName, picture: TensorSpec) -> int | None:
    """How many rows the usual strides make; None where the input is no multiple of them."""
    height, width = picture.shape[1:3]
    cells = cell_count(width, height, STRIDES[0])
    return cells and cells * (ANCHORS if decoder == "yolov5" else 1)


def _check_scale(spec: TensorSpec, where: str, better: str) -> None:
    """Refuses integers that cannot hold scores: one scale for boxes in pixels and for scores from 0 to 1."""
    if spec.dtype.startswith("float"):
        return
    if spec.quantization is None:
        raise ModelError(f"model {where}: output {spec.name} is {spec.dtype} without a scale", better)
    scale = spec.quantization.scale
    if scale > COARSEST:
        what = f"output {spec.name} is {spec.dtype} with scale {scale:.4g} for boxes and scores alike"
        raise ModelError(f"model {where}: {what}, too coarse for scores from 0 to 1", better)


def check_class_range(spec: TensorSpec, labels: Labels, where: str) -> None:
    """Refuses rows that name their class by integers which cannot count to the last label."""
    high, last = real_range(spec)[1], max(labels.names, default=0)
    if round(min(high, last)) < last:
        scale = spec.quantization.scale if spec.quantization else 1.0
        what = (
            f"output {spec.name} is {spec.dtype} with scale {scale:.4g} for boxes, scores and classes alike"
        )
        raise ModelError(f"model {where}: {what}, and cannot count to class {last}", _EXPORT_FLOAT)


def held_coordinates(spec: TensorSpec, picture: TensorSpec) -> Coordinates | None:
    """What the boxes must be in by the range that integers can hold; None where it leaves that open."""
    high = real_range(spec)[1]
    if high <= _FRACTIONS_REACH:
        return "fractions"
    if layout_of(spec, "yolov10"):  # its classes may reach as far
        return None
    return "pixels" if min(picture.shape[1:3]) / 2 <= high < inf else None


def _other_rows(rows: int, decoder: DecoderName, picture: TensorSpec) -> str:
    """Why this number of rows is wrong, and whose it is."""
    height, width = picture.shape[1:3]
    wanted = rows_wanted(decoder, picture)
    made = f"make {wanted} rows" if wanted else f"are no multiple of strides {list(STRIDES[0])}"
    other = decoder_by_rows(rows, picture)
    hint = f"; {rows} are those of {other}" if other else ""
    return f"for {decoder}, {width} x {height} pixels {made}, not {rows}{hint}"


def _wanted(decoder: DecoderName) -> str:
    return {
        "yolov5": "[1, N, 5 + classes]",
        "yolov8": "[1, 4 + classes, N] or [1, N, 4 + classes]",
        "yolov10": "[1, N, 6]",
    }[decoder]


def _misfit(where: str, spec: TensorSpec, why: str) -> ModelError:
    return ModelError(f"model {where}: output {spec.name} is {spec.dtype}{list(spec.shape)}: {why}", _FIX)
