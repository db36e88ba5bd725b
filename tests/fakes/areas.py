"""Writes a small model of areas that really runs: three scores for each cell of 8 x 8 pixels, none of it trained."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.fakes.cells import LOGIT, PIXEL, SIZE, CellGraph

CLASSES = ("dark", "red", "green")
"""The last two win where a cell has much of their colour; else the first does."""


def areas_model() -> bytes:
    """The file: an input of [1, 32, 32, 3] int8, an output of scores [1, 4, 4, 3] int8."""
    graph = CellGraph()
    picture = graph.tensor("picture", (1, SIZE, SIZE, 3), PIXEL)
    cells = graph.cells(picture)
    weights = np.array([[-4.0, -4.0, 0.0], [4.0, -4.0, 0.0], [-4.0, 4.0, 0.0]])
    plain = schema.ActivationFunctionType.NONE
    return graph.packed([picture], [graph.convolution("scores", cells, weights, 0.0, LOGIT, plain)])
