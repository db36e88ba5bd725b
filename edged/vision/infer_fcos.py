"""A model with a box and class scores for each cell, and no manifest: what its file shows of it."""

from math import inf

from edged.domain.tensors import TensorSpec
from edged.vision.found import FoundDetector, score_activation, undecided
from edged.vision.grid import usual_strides
from edged.vision.modelfile import ModelFile
from edged.vision.passing import SCORE_DTYPES
from edged.vision.quantise import real_range
from edged.vision.splithead import cells_of, is_split_head, split_roles

_SLACK = 0.02
"""How far the lower end of a quantised range may lie below 0, as a share of the range."""


def find_fcos(file: ModelFile) -> FoundDetector | None:
    """What the file shows; None where its outputs are of another kind.

    Raises ModelError, with what a manifest has to say, where the file alone does not show enough.
    """
    if not is_split_head(file.outputs) or any(spec.dtype not in SCORE_DTYPES for spec in file.outputs):
        return None
    roles = split_roles(file.outputs)
    if roles is None:
        raise undecided(file, "both have 4 numbers a cell, so either may hold the boxes", "roles")
    boxes, scores = (file.outputs[index] for index in roles)
    _check_distances(file, boxes)
    activation, doubt = score_activation(file, scores, file.makers[roles[1]])
    strides = _strides(file, boxes)
    warning = f"the boxes are taken for distances from the centres of cells of {_words(strides)} pixels: try pictures first"
    return FoundDetector(
        "fcos",
        (("boxes", roles[0]), ("scores", roles[1])),
        scores.shape[-1],
        (warning, *doubt),
        activation=activation,
        strides=strides,
    )


def _strides(file: ModelFile, boxes: TensorSpec) -> tuple[int, ...]:
    """The usual strides that make as many cells as there are boxes."""
    height, width = file.inputs[0].shape[1:3]
    cells = cells_of(boxes) or 0
    strides = usual_strides(width, height, cells)
    if strides is None:
        raise undecided(file, f"{cells} cells of {width} x {height} pixels fit no usual strides", "strides")
    return strides


def _check_distances(file: ModelFile, boxes: TensorSpec) -> None:
    """Refuses boxes whose integers stand for negative numbers: those are coordinates or offsets of another kind."""
    low, high = real_range(boxes)
    if low != -inf and low < -_SLACK * (high - low):
        raise undecided(file, f"boxes go down to {low:.3g}, and distances are never negative", "decoder")


def _words(strides: tuple[int, ...]) -> str:
    return " and ".join(map(str, strides))
