"""Writes small models that really run and read: means of colours, over the picture or over each of its columns."""

from typing import Any

import flatbuffers  # type: ignore[import-untyped]  # ships none
import numpy as np
from ai_edge_litert import schema_py_generated as schema

SIZE = 16
"""Height and width of the input; a model of text has a step for each column."""
PIXEL = 1 / 255
ACROSS, ALL = (1,), (1, 2)
"""Axes that a mean is taken over: of each column, or of the picture."""


def mean_model(axes: tuple[int, ...], *, sigmoid: bool = False, channels: int = 3) -> bytes:
    """The file: an input of [1, 16, 16, channels] uint8 with values of 0..1, and one output of uint8.

    It is [1, channels] for ALL and [1, 16, channels] for ACROSS: a mean for each channel; with `sigmoid`, of that.
    """
    graph = _Graph()
    shape = (1, SIZE, SIZE, channels)
    left = tuple(side for axis, side in enumerate(shape) if axis not in axes)
    picture = graph.tensor("picture", shape, PIXEL)
    mean = graph.tensor("mean", left, PIXEL)
    options = schema.ReducerOptionsT()
    options.keepDims = False
    graph.op("MEAN", [picture, graph.axes(axes)], mean, options)
    if sigmoid:
        logits, mean = mean, graph.tensor("shares", left, 1 / 256)
        graph.op("LOGISTIC", [logits], mean, None)
    return graph.packed(picture, mean)


class _Graph:
    """A graph of uint8 tensors, as it grows."""

    def __init__(self) -> None:
        self.model: Any = schema.ModelT()
        self.model.version, self.model.description = 3, "means"
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []
        self.graph: Any = schema.SubGraphT()
        self.graph.name, self.graph.tensors, self.graph.operators = "main", [], []
        self.model.subgraphs = [self.graph]

    def tensor(self, name: str, shape: tuple[int, ...], scale: float) -> int:
        """Adds an activation; returns its index."""
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), schema.TensorType.UINT8, 0
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [0]
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def axes(self, axes: tuple[int, ...]) -> int:
        """Adds the constant that says which axes go; returns its index."""
        tensor, buffer = schema.TensorT(), schema.BufferT()
        tensor.name, tensor.shape, tensor.type = "axes", [len(axes)], schema.TensorType.INT32
        buffer.data = np.frombuffer(np.array(axes, "<i4").tobytes(), np.uint8)
        tensor.buffer = len(self.model.buffers)
        self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def op(self, name: str, inputs: list[int], output: int, options: Any) -> None:
        """Adds an op by the name that its builtin code has."""
        code, op = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = 1
        op.opcodeIndex, op.inputs, op.outputs = len(self.model.operatorCodes), inputs, [output]
        if options is not None:
            op.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
            op.builtinOptions = options
        self.model.operatorCodes.append(code)
        self.graph.operators.append(op)

    def packed(self, picture: int, output: int) -> bytes:
        """The finished file."""
        self.graph.inputs, self.graph.outputs = [picture], [output]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
