"""Cells lie where the model's rows say."""

import numpy as np
import pytest

from edged.vision.grid import USUAL_STRIDES, cell_count, make_grid, usual_strides


def test_rows_go_row_by_row_and_level_by_level() -> None:
    """Cell (row, column) of stride s has its centre half a stride inside; levels keep the order of the strides."""
    grid = make_grid(24, 16, (8,))
    assert grid.centres.tolist() == [[4, 4], [12, 4], [20, 4], [4, 12], [12, 12], [20, 12]]
    levels = make_grid(32, 32, (16, 8))
    assert levels.strides.reshape(-1).tolist() == [16] * 4 + [8] * 16
    assert levels.centres[:5].tolist() == [[8, 8], [24, 8], [8, 24], [24, 24], [4, 4]]


def test_distances_are_measured_in_strides_from_the_centre() -> None:
    """Left, top, right, bottom of a cell's box lie that many strides from its centre, in fractions of the input."""
    grid = make_grid(32, 64, (8, 16))
    edges = grid.edges(np.array([5, 32]), np.array([[0.5, 1, 2, 0], [0, 0, 1, 1.5]]))
    assert (edges * (32, 64, 32, 64)).tolist() == [[8, 4, 28, 12], [8, 8, 24, 32]]


@pytest.mark.parametrize(
    ("size", "strides", "cells"),
    [
        ((256, 256), (8,), 1024),
        ((256, 256), (8, 16, 32), 1344),
        ((320, 192), (16, 32), 300),
        ((300, 300), (8,), None),
    ],
)
def test_cells_are_counted(size: tuple[int, int], strides: tuple[int, ...], cells: int | None) -> None:
    """As many cells as the grid has rows; none for a size that a stride does not divide."""
    assert cell_count(*size, strides) == cells
    if cells:
        assert len(make_grid(*size, strides).centres) == cells
        assert usual_strides(*size, cells) == strides


@pytest.mark.parametrize("size", [(128, 128), (256, 256), (640, 640), (640, 384)])
def test_usual_strides_are_never_in_doubt(size: tuple[int, int]) -> None:
    """No two of the usual lists of strides make the same number of cells."""
    counts = [count for strides in USUAL_STRIDES if (count := cell_count(*size, strides)) is not None]
    assert len(set(counts)) == len(counts) == len(USUAL_STRIDES)
    assert usual_strides(*size, 7) is None
