"""Writes a small detector that really runs: a box and three scores for each cell of 8 x 8 pixels, none of it trained.

A cell's box is its own square; its scores say how much more red, green or blue it is than the other two colours.
"""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from tests.fakes.graph import Graph, Linear

SIZE, STRIDE = 32, 8
CELLS = SIZE // STRIDE
LABELS = ("red", "green", "blue")
PIXEL, BOX, SHARE = (1 / 255, -128), (0.02, -128), (1 / 256, -128)
"""Scale and zero point of pixels as 0..1, of distances in strides, and of probabilities."""
LOGIT = (0.1, 0)
GAIN, BIAS = 8.0, -4.0
"""logit = GAIN * (colour - mean of the others) + BIAS."""


def cells_model() -> bytes:
    """The file: an input of [1, 32, 32, 3] int8, outputs scores [1, 16, 3] and boxes [1, 16, 4] int8."""
    graph = CellGraph()
    picture = graph.tensor("picture", (1, SIZE, SIZE, 3), PIXEL)
    cells = graph.cells(picture)
    relu = schema.ActivationFunctionType.RELU
    distances = graph.convolution("distances", cells, np.zeros((4, 3)), 0.5, BOX, relu)
    contrast = GAIN * (1.5 * np.eye(3) - 0.5)
    logits = graph.convolution("logits", cells, contrast, BIAS, LOGIT, schema.ActivationFunctionType.NONE)
    shares = graph.tensor("shares", (1, CELLS, CELLS, 3), SHARE)
    graph.op("LOGISTIC", [logits], shares)
    boxes = graph.rows("boxes", distances, 4, BOX)
    scores = graph.rows("scores", shares, 3, SHARE)
    return graph.packed([picture], [scores, boxes])


class CellGraph(Graph):
    """A graph of int8 tensors with what a detector of cells is made of."""

    def __init__(self) -> None:
        super().__init__("cells", "INT8", {"CONV_2D": 3, "AVERAGE_POOL_2D": 2, "LOGISTIC": 2})

    def cells(self, picture: int) -> int:
        """Adds the mean of each cell; returns the result's index."""
        result = self.tensor("cells", (1, CELLS, CELLS, 3), PIXEL)
        pool = schema.Pool2DOptionsT()
        pool.padding = schema.Padding.VALID
        pool.strideW = pool.strideH = pool.filterWidth = pool.filterHeight = STRIDE
        self.op("AVERAGE_POOL_2D", [picture], result, pool)
        return result

    def convolution(
        self,
        name: str,
        source: int,
        weights: NDArray[np.float64],
        bias: float,
        linear: Linear,
        activation: int,
    ) -> int:
        """Adds weights * cell + bias for each cell; returns the result's index."""
        step = max(float(np.abs(weights).max()), 1.0) / 127
        quantised = np.rint(weights / step).astype(np.int8).reshape(len(weights), 1, 1, -1)
        offset = np.full(len(weights), round(bias / (step * PIXEL[0])), "<i4")
        result = self.tensor(name, (1, CELLS, CELLS, len(weights)), linear)
        options = schema.Conv2DOptionsT()
        options.padding, options.strideW, options.strideH = schema.Padding.VALID, 1, 1
        options.fusedActivationFunction = activation
        parts = [
            self.constant(f"{name}_weights", quantised, (step, 0)),
            self.constant(f"{name}_bias", offset, (step * PIXEL[0], 0)),
        ]
        self.op("CONV_2D", [source, *parts], result, options)
        return result

    def rows(self, name: str, source: int, width: int, linear: Linear) -> int:
        """Adds a reshape to [1, N, width]; returns the result's index."""
        options = schema.ReshapeOptionsT()
        options.newShape = [1, CELLS * CELLS, width]
        result = self.tensor(name, (1, CELLS * CELLS, width), linear)
        self.op("RESHAPE", [source], result, options)
        return result
