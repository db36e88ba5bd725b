"""Writes models of a few operators that really run, in LiteRT's own schema."""

from collections.abc import Mapping
from typing import Any

import flatbuffers  # type: ignore[import-untyped]  # ships none
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

Linear = tuple[float, int]
"""Scale and zero point."""


class Graph:
    """A graph whose activations are all of one type, as it grows."""

    def __init__(self, name: str, dtype: str, versions: Mapping[str, int] | None = None) -> None:
        """`dtype` is `UINT8` or `INT8`; `versions` has those operators of which it is not 1."""
        self._dtype = getattr(schema.TensorType, dtype)
        self._versions = versions or {}
        self._model: Any = schema.ModelT()
        self._model.version, self._model.description = 3, name
        self._model.buffers, self._model.operatorCodes = [schema.BufferT()], []
        self._graph: Any = schema.SubGraphT()
        self._graph.name, self._graph.tensors, self._graph.operators = "main", [], []
        self._model.subgraphs = [self._graph]

    def tensor(self, name: str, shape: tuple[int, ...], linear: Linear) -> int:
        """Adds an activation; returns its index."""
        return self._add(name, shape, self._dtype, 0, linear)

    def constant(self, name: str, values: NDArray[np.generic], linear: Linear | None = None) -> int:
        """Adds weights (int8), or what is said in int32; returns the index."""
        dtype = schema.TensorType.INT32 if values.dtype.itemsize == 4 else schema.TensorType.INT8
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return self._add(name, values.shape, dtype, len(self._model.buffers) - 1, linear)

    def op(self, name: str, inputs: list[int], output: int, options: Any = None) -> None:
        """Adds an op by the name that its builtin code has."""
        code, op = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = self._versions.get(name, 1)
        op.opcodeIndex, op.inputs, op.outputs = len(self._model.operatorCodes), inputs, [output]
        if options is not None:
            op.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
            op.builtinOptions = options
        self._model.operatorCodes.append(code)
        self._graph.operators.append(op)

    def packed(self, inputs: list[int], outputs: list[int]) -> bytes:
        """The finished file."""
        self._graph.inputs, self._graph.outputs = inputs, outputs
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _add(self, name: str, shape: tuple[int, ...], dtype: int, buffer: int, linear: Linear | None) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), dtype, buffer
        if linear:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [linear[0]], [linear[1]]
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1
