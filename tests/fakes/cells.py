"""Writes a small detector that really runs: a box and three scores for each cell of 8 x 8 pixels, none of it trained.

A cell's box is its own square; its scores say how much more red, green or blue it is than the other two colours.
"""

from typing import Any

import flatbuffers  # type: ignore[import-untyped]  # ships none
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

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
    graph = Graph()
    picture = graph.tensor("picture", (1, SIZE, SIZE, 3), PIXEL)
    cells = graph.tensor("cells", (1, CELLS, CELLS, 3), PIXEL)
    pool = schema.Pool2DOptionsT()
    pool.padding = schema.Padding.VALID
    pool.strideW = pool.strideH = pool.filterWidth = pool.filterHeight = STRIDE
    graph.op("AVERAGE_POOL_2D", [picture], cells, pool)
    relu = schema.ActivationFunctionType.RELU
    distances = graph.convolution("distances", cells, np.zeros((4, 3)), 0.5, BOX, relu)
    contrast = GAIN * (1.5 * np.eye(3) - 0.5)
    logits = graph.convolution("logits", cells, contrast, BIAS, LOGIT, schema.ActivationFunctionType.NONE)
    shares = graph.tensor("shares", (1, CELLS, CELLS, 3), SHARE)
    graph.op("LOGISTIC", [logits], shares, None)
    boxes = graph.rows("boxes", distances, 4, BOX)
    scores = graph.rows("scores", shares, 3, SHARE)
    return graph.packed([picture], [scores, boxes])


class Graph:
    """A graph of int8 tensors, as it grows."""

    def __init__(self) -> None:
        self.model: Any = schema.ModelT()
        self.model.version, self.model.description = 3, "cells"
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []
        self.graph: Any = schema.SubGraphT()
        self.graph.name, self.graph.tensors, self.graph.operators = "main", [], []
        self.model.subgraphs = [self.graph]

    def tensor(self, name: str, shape: tuple[int, ...], scale: tuple[float, int]) -> int:
        """Adds an activation; returns its index."""
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), schema.TensorType.INT8, 0
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [scale[0]], [scale[1]]
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def convolution(
        self,
        name: str,
        source: int,
        weights: NDArray[np.float64],
        bias: float,
        scale: tuple[float, int],
        activation: int,
    ) -> int:
        """Adds weights * cell + bias for each cell; returns the result's index."""
        step = max(float(np.abs(weights).max()), 1.0) / 127
        quantised = np.rint(weights / step).astype(np.int8).reshape(len(weights), 1, 1, -1)
        offset = np.full(len(weights), round(bias / (step * PIXEL[0])), "<i4")
        result = self.tensor(name, (1, CELLS, CELLS, len(weights)), scale)
        options = schema.Conv2DOptionsT()
        options.padding, options.strideW, options.strideH = schema.Padding.VALID, 1, 1
        options.fusedActivationFunction = activation
        parts = [
            self._constant(f"{name}_weights", quantised, step),
            self._constant(f"{name}_bias", offset, step * PIXEL[0]),
        ]
        self.op("CONV_2D", [source, *parts], result, options)
        return result

    def rows(self, name: str, source: int, width: int, scale: tuple[float, int]) -> int:
        """Adds a reshape to [1, N, width]; returns the result's index."""
        options = schema.ReshapeOptionsT()
        options.newShape = [1, CELLS * CELLS, width]
        result = self.tensor(name, (1, CELLS * CELLS, width), scale)
        self.op("RESHAPE", [source], result, options)
        return result

    def op(self, name: str, inputs: list[int], output: int, options: Any) -> None:
        """Adds an op by the name that its builtin code has."""
        code, op = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = 3 if name == "CONV_2D" else 2 if name in {"AVERAGE_POOL_2D", "LOGISTIC"} else 1
        op.opcodeIndex, op.inputs, op.outputs = len(self.model.operatorCodes), inputs, [output]
        if options is not None:
            op.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
            op.builtinOptions = options
        self.model.operatorCodes.append(code)
        self.graph.operators.append(op)

    def packed(self, inputs: list[int], outputs: list[int]) -> bytes:
        """The finished file."""
        self.graph.inputs, self.graph.outputs = inputs, outputs
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _constant(self, name: str, values: NDArray[np.generic], scale: float) -> int:
        index = self.tensor(name, values.shape, (scale, 0))
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        if values.dtype.itemsize == 4:  # a bias
            self.graph.tensors[index].type = schema.TensorType.INT32
        self.graph.tensors[index].buffer = len(self.model.buffers)
        self.model.buffers.append(buffer)
        return index
