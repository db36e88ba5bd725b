"""Detectors with boxes and class scores in outputs of their own: which is which, and whether they fit the cells."""

from collections.abc import Sequence

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.vision.grid import cell_count, usual_strides
from edged.vision.manifest import Manifest, level_parts

EDGES = 4
"""Numbers of a box."""
BINS = 16
"""Logits for each edge of a box that is given as distributions."""
_ROWS, _PLANES = 3, 4
"""Ranks of [1, N, C] and [1, H, W, C]."""
_FIX = "correct roles and strides in the manifest (`edged model inspect` shows the model's tensors)"


def cells_of(spec: TensorSpec) -> int | None:
    """How many cells an output has; None where its shape is neither [1, N, C] nor [1, H, W, C]."""
    shape = spec.shape
    if len(shape) not in {_ROWS, _PLANES} or shape[0] != 1 or 0 in shape:
        return None
    return shape[1] if len(shape) == _ROWS else shape[1] * shape[2]


def is_split_head(outputs: Sequence[TensorSpec]) -> bool:
    """Whether these are two outputs with the same cells, one of them with the four numbers of a box."""
    if len(outputs) != 2:  # noqa: PLR2004  boxes and scores
        return False
    first, second = (cells_of(spec) for spec in outputs)
    return first is not None and first == second and any(spec.shape[-1] == EDGES for spec in outputs)


def split_roles(outputs: Sequence[TensorSpec]) -> tuple[int, int] | None:
    """Which of the two outputs holds the boxes and which the scores; None where both have four numbers a cell."""
    sizes = [spec.shape[-1] for spec in outputs]
    if sizes.count(EDGES) != 1:
        return None
    boxes = sizes.index(EDGES)
    return boxes, 1 - boxes


def check_split_head(
    boxes: TensorSpec,
    scores: TensorSpec,
    *,
    picture: TensorSpec,
    strides: Sequence[int],
    where: str,
    numbers: int = EDGES,
) -> int:
    """The number of classes of such a head on an input of [1, height, width, channels].

    `numbers` is how many a box has. Raises ModelError where the outputs do not fit the cells that the strides make; `where` names the model there.
    """
    for spec, part, last in ((boxes, "boxes", numbers), (scores, "scores", "classes")):
        if cells_of(spec) is None or (part == "boxes" and spec.shape[-1] != numbers):
            raise _misfit(where, spec, f"{part} should be [1, N, {last}] or [1, H, W, {last}]")
    height, width = picture.shape[1:3]
    cells = cell_count(width, height, strides)
    if cells is None:
        size = f"{width} x {height} pixels"
        raise ModelError(
            f"model {where}: its input of {size} is no multiple of strides {list(strides)}", _FIX
        )
    grids = [(1, height // strides[0], width // strides[0])] if len(strides) == 1 else []
    for spec in (boxes, scores):
        if cells_of(spec) != cells:
            raise _misfit(where, spec, _other_cells(width, height, strides, cells, cells_of(spec) or 0))
        if len(spec.shape) == _PLANES and spec.shape[:3] not in grids:
            raise _misfit(
                where, spec, f"{width} x {height} pixels have no such grid with strides {list(strides)}"
            )
    return scores.shape[-1]


def levels_of(manifest: Manifest) -> list[tuple[tuple[str, str], tuple[int, ...]]]:
    """The pairs of boxes and scores of a yolov9, each with the strides of its rows."""
    if {"boxes", "scores"} <= dict(manifest.roles).keys():
        return [(("boxes", "scores"), manifest.strides)]
    parts = level_parts(manifest.strides)
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [(pair, (stride,)) for pair, stride in zip(pairs, manifest.strides, strict=True)]


def check_levels(
    manifest: Manifest, outputs: Sequence[TensorSpec], *, picture: TensorSpec, where: str
) -> int:
    """The number of classes of a yolov9, whose roles are there; ModelError where its outputs do not fit."""
    counts = {
        check_split_head(
            outputs[manifest.role(boxes)],
            outputs[manifest.role(scores)],
            picture=picture,
            strides=strides,
            where=where,
            numbers=EDGES * BINS,
        )
        for (boxes, scores), strides in levels_of(manifest)
    }
    if len(counts) > 1:
        listed = " and ".join(map(str, sorted(counts)))
        raise ModelError(f"model {where}: its levels have {listed} classes", _FIX)
    return counts.pop()


def _other_cells(width: int, height: int, strides: Sequence[int], cells: int, found: int) -> str:
    """Why this number of cells is wrong, and which strides would make it right."""
    usual = usual_strides(width, height, found)
    hint = f"; strides {list(usual)} make {found}" if usual else ""
    return f"strides {list(strides)} make {cells} cells of {width} x {height} pixels, not {found}{hint}"


def _misfit(where: str, spec: TensorSpec, why: str) -> ModelError:
    return ModelError(f"model {where}: output {spec.name} is {spec.dtype}{list(spec.shape)}: {why}", _FIX)
