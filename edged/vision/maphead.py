"""A class for each pixel: which outputs are such a map, which of its cells show the picture, and where they lie in it."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.fit import FitPlan
from edged.vision.labels import Labels, background_at
from edged.vision.manifest import Background
from edged.vision.passing import SCORE_DTYPES

Cell = TypeVar("Cell", bound=np.generic)
ID_DTYPES = frozenset({"uint8", "int8", "int16", "int32", "int64"})
NO_CLASS = -1
"""The id of a cell of which nothing is known."""
_IDS, _PLANES = 3, 4
"""Ranks of [1, H, W] and [1, H, W, C]."""
_FIX = "correct decoder and roles in the manifest (`edged model inspect` shows the model's tensors)"


@dataclass(frozen=True, slots=True)
class MapLayout:
    """The size of a map in cells, and what a cell holds."""

    height: int
    width: int
    classes: int | None
    """How many scores a cell has; None where it has its class's id."""

    def ids(self, output: Tensor) -> NDArray[np.signedinteger] | NDArray[np.unsignedinteger]:
        """[H, W]: the class of each cell, a view where the model gives ids; -1 where no score is a number."""
        if self.classes is None:
            return output.reshape(self.height, self.width)  # type: ignore[return-value]  # checked to be integers
        return _best(output.reshape(self.height, self.width, self.classes))

    def window(self, plan: FitPlan) -> tuple[slice, slice]:
        """Rows and columns of the cells whose middle lies in the picture, not in the padding around it."""
        place = plan.place
        rows = _cells(place.y, place.h, self.height, plan.target_height)
        return rows, _cells(place.x, place.w, self.width, plan.target_width)


def map_layout(spec: TensorSpec) -> MapLayout | None:
    """The layout by shape and type alone; None where it is no map of classes."""
    shape, quantization = spec.shape, spec.quantization
    if len(shape) not in {_IDS, _PLANES} or shape[0] != 1 or 0 in shape:
        return None
    if len(shape) == _PLANES and shape[3] > 1:
        return MapLayout(shape[1], shape[2], shape[3]) if spec.dtype in SCORE_DTYPES else None
    plain = quantization is None or (quantization.scale, quantization.zero_point) == (1.0, 0)
    return MapLayout(shape[1], shape[2], None) if plain and spec.dtype in ID_DTYPES else None


def check_map(spec: TensorSpec, *, picture: TensorSpec, where: str) -> MapLayout:
    """The layout of a map of an input of [1, height, width, channels]; ModelError where it can be none."""
    layout = map_layout(spec)
    if layout is None or layout.height > picture.shape[1] or layout.width > picture.shape[2]:
        wanted = "a map of classes is [1, H, W] of integers without a scale, or [1, H, W, classes] of scores"
        size = f"H and W at most {picture.shape[1]} and {picture.shape[2]}"
        shape = list(spec.shape)
        raise ModelError(f"model {where}: output {spec.name} is {spec.dtype}{shape}: {wanted}, {size}", _FIX)
    return layout


def map_classes(layout: MapLayout, labels: Labels, background: Background) -> int | None:
    """How many classes there are: as many as scores; of ids as many as labels, and one where the background has none."""
    if layout.classes is not None or not labels.names:
        return layout.classes
    rows = max(labels.names) + 1
    unnamed = background != "none" and background_at(labels, rows) != background and not labels.numbered
    return rows + unnamed


def cells_in_frame(
    cells: NDArray[Cell], plan: FitPlan, *, outside: int, size: tuple[int, int] | None = None
) -> NDArray[Cell]:
    """[height, width]: for each pixel of the frame the cell of [H, W] that its middle was fitted into.

    `outside` where the frame was cropped. `size`, width and height, is that of a picture of the whole frame if it
    is not the frame's own.
    """
    width, height = size or (plan.width, plan.height)
    down = (np.arange(height) + 0.5) * (plan.height / height)
    across = (np.arange(width) + 0.5) * (plan.width / width)
    crop, place = plan.crop, plan.place
    rows = (place.y + (down - crop.y) * place.h / crop.h) * cells.shape[0] / plan.target_height
    columns = (place.x + (across - crop.x) * place.w / crop.w) * cells.shape[1] / plan.target_width
    tall, wide = _within(down, crop.y, crop.h), _within(across, crop.x, crop.w)
    picture = np.full((height, width), outside, cells.dtype)
    inner = np.ix_(
        np.clip(rows[tall].astype(np.intp), 0, cells.shape[0] - 1),
        np.clip(columns[wide].astype(np.intp), 0, cells.shape[1] - 1),
    )
    picture[tall, wide] = cells[inner]
    return picture


def _within(middles: NDArray[np.floating], start: int, length: int) -> slice:
    """Those of rising numbers that lie in a stretch."""
    first, last = np.searchsorted(middles, (start, start + length))
    return slice(int(first), int(last))


def _cells(start: int, length: int, cells: int, pixels: int) -> slice:
    """Those of `cells` along `pixels` whose middle is in the stretch; whole numbers, so that nothing is rounded."""
    first, last = (
        -((pixels - 2 * edge * cells) // (2 * pixels)) for edge in (start, start + length)
    )  # the middle is (2 cell + 1) pixels / (2 cells)
    return slice(first, last)


def _best(scores: Tensor) -> NDArray[np.intp]:
    """The first of the highest scores of each cell; what is no finite number is no score."""
    best: NDArray[np.intp] = scores.argmax(axis=2)
    if scores.dtype.kind != "f":
        return best
    picked = np.take_along_axis(scores, best[..., None], axis=2)[..., 0]
    odd = ~np.isfinite(picked)
    if odd.any():
        known = np.where(np.isfinite(scores[odd]), scores[odd], -np.inf)
        best[odd] = np.where(np.isfinite(known.max(axis=1)), known.argmax(axis=1), NO_CLASS)
    return best
