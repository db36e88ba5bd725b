"""The cells of an anchor-free detector: where each row of its outputs lies in the model's input.

A level of stride s has a cell for each s x s pixels, row by row; levels follow each other. The cell in row r and
column c of its level has its centre at ((c + 0.5) * s, (r + 0.5) * s) pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

USUAL_STRIDES: tuple[tuple[int, ...], ...] = (
    (4,),
    (8,),
    (16,),
    (32,),
    (8, 16),
    (16, 32),
    (8, 16, 32),
    (16, 32, 64),
    (8, 16, 32, 64),
    (8, 16, 32, 64, 128),
)
"""What detectors are commonly built with; for one input size no two of them have the same number of cells."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The cells in the order of the model's rows."""

    centres: NDArray[np.float64]
    """[N, 2]: x and y in pixels of the model's input."""
    strides: NDArray[np.float64]
    """[N, 1]: the stride of each cell's level in pixels."""
    sides: NDArray[np.float64]
    """[4]: width, height, width, height of the model's input in pixels."""

    def edges(self, cells: NDArray[np.intp], distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n, 4]: left, top, right, bottom of the boxes of these cells, as fractions of the model's input.

        `distances` is [n, 4]: how far each edge lies from the cell's centre, in strides.
        """
        with np.errstate(over="ignore"):  # what overflows becomes infinite
            reach, centres = distances * self.strides[cells], self.centres[cells]
        return np.concatenate((centres - reach[:, :2], centres + reach[:, 2:]), axis=1) / self.sides


def make_grid(width: int, height: int, strides: Sequence[int]) -> Grid:
    """The cells of an input of this size in pixels, which the strides divide."""
    levels = [_level(width, height, stride) for stride in strides]
    sizes = [np.full((len(level), 1), float(stride)) for level, stride in zip(levels, strides, strict=True)]
    return Grid(np.concatenate(levels), np.concatenate(sizes), input_sides(width, height))


def input_sides(width: int, height: int) -> NDArray[np.float64]:
    """[4]: what left, top, right and bottom in pixels are divided by to become fractions of the input."""
    return np.array([width, height, width, height], np.float64)


def _level(width: int, height: int, stride: int) -> NDArray[np.float64]:
    across, down = (np.arange(side // stride) + 0.5 for side in (width, height))
    x, y = np.meshgrid(across * stride, down * stride)
    return np.stack((x.reshape(-1), y.reshape(-1)), axis=1)


def cell_count(width: int, height: int, strides: Sequence[int]) -> int | None:
    """How many cells an input of this size has; None where a stride does not divide it."""
    if any(width % stride or height % stride for stride in strides):
        return None
    return sum((width // stride) * (height // stride) for stride in strides)


def usual_strides(
    width: int, height: int, cells: int, among: Sequence[tuple[int, ...]] = USUAL_STRIDES
) -> tuple[int, ...] | None:
    """The usual strides that make this number of cells; None where none do."""
    for strides in among:
        if cell_count(width, height, strides) == cells:
            return strides
    return None
