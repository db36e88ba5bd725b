"""A YOLO with boxes as distributions in outputs of their own, and no manifest: what its file shows of it."""

from collections.abc import Sequence

from edged.domain.tensors import TensorSpec
from edged.vision.found import FoundDetector, score_activation, undecided
from edged.vision.grid import cell_count, usual_strides
from edged.vision.labels import Labels
from edged.vision.manifest import Activation, level_parts
from edged.vision.modelfile import ModelFile
from edged.vision.passing import SCORE_DTYPES
from edged.vision.splithead import BINS, EDGES, cells_of

_NUMBERS = EDGES * BINS
_STRIDES = (4, 8, 16, 32, 64, 128)
Pair = tuple[int, int]
"""Outputs with boxes and with scores, by their indices."""


def find_yolov9(file: ModelFile, labels: Labels) -> FoundDetector | None:
    """What the file shows; None where its outputs are of another kind.

    Raises ModelError, with what a manifest has to say, where the file alone does not show enough.
    """
    groups = _groups(file)
    if groups is None:
        return None
    pairs = {cells: _pair(file, group, labels) for cells, group in groups.items()}
    known = [pair for pair in pairs.values() if pair]
    if len(known) < len(pairs):
        return None
    classes = {file.outputs[scores].shape[-1] for _, scores in known}
    if len(classes) > 1:
        return None
    strides = _strides(file.inputs[0], list(groups))
    if strides is None:
        height, width = file.inputs[0].shape[1:3]
        listed = " and ".join(map(str, groups))
        raise undecided(file, f"{listed} cells of {width} x {height} pixels fit no usual strides", "strides")
    activation, doubt = _activation(file, [scores for _, scores in known])
    order = sorted(range(len(known)), key=lambda at: -list(groups)[at])
    parts = ("boxes", "scores") if len(known) == 1 else level_parts(strides)
    roles = tuple(zip(parts, (index for at in order for index in known[at]), strict=True))
    return FoundDetector("yolov9", roles, classes.pop(), doubt, activation=activation, strides=strides)


def _groups(file: ModelFile) -> dict[int, list[int]] | None:
    """The outputs by their number of cells, two each; None where they do not come in such pairs."""
    groups: dict[int, list[int]] = {}
    for index, spec in enumerate(file.outputs):
        cells = cells_of(spec)
        if cells is None or spec.dtype not in SCORE_DTYPES:
            return None
        groups.setdefault(cells, []).append(index)
    return groups if groups and all(len(group) == 2 for group in groups.values()) else None  # noqa: PLR2004  boxes, scores


def _pair(file: ModelFile, group: Sequence[int], labels: Labels) -> Pair | None:
    """Which of two outputs holds the boxes; None where neither has 64 numbers, or they are fcos's."""
    sizes = [file.outputs[index].shape[-1] for index in group]
    if _NUMBERS not in sizes:
        return None
    if sizes == [_NUMBERS, _NUMBERS]:
        raise undecided(file, f"both have {_NUMBERS} numbers a cell, so either may hold the boxes", "roles")
    boxes, scores = group if sizes[0] == _NUMBERS else reversed(group)
    if EDGES in sizes and len(file.outputs) == 2:  # noqa: PLR2004  four classes here, or an fcos of 64
        if len(labels) not in {EDGES, _NUMBERS}:
            raise undecided(
                file, f"without labels 4 and {_NUMBERS} numbers a cell may be fcos's or yolov9's", "decoder"
            )
        if len(labels) == _NUMBERS:
            return None
    return boxes, scores


def _strides(picture: TensorSpec, cells: Sequence[int]) -> tuple[int, ...] | None:
    """The usual strides of one output for all levels, or each level's own, the finest first."""
    height, width = picture.shape[1:3]
    if len(cells) == 1:
        return usual_strides(width, height, cells[0])
    by_cells = {cell_count(width, height, (stride,)): stride for stride in _STRIDES}
    found = [by_cells.get(count) for count in cells]
    return None if None in found else tuple(sorted(stride for stride in found if stride))


def _activation(file: ModelFile, scores: Sequence[int]) -> tuple[Activation, tuple[str, ...]]:
    """What the scores of all levels still need; a level whose range alone looks like probabilities goes along."""
    found = [score_activation(file, file.outputs[index], file.makers[index]) for index in scores]
    return max(found, key=lambda each: each[0] == "sigmoid")
