"""Makes of a model that takes one picture the same model for several at once."""

from typing import Any

import flatbuffers  # type: ignore[import-untyped]  # ships none
from ai_edge_litert import schema_py_generated as schema


def batched(content: bytes, places: int) -> bytes:
    """The file with another leading axis: of every tensor that is no constant, and of what reshapes make."""
    model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    (graph,) = model.subgraphs
    for tensor in graph.tensors:
        if model.buffers[tensor.buffer].data is None:
            tensor.shape = [places, *tensor.shape[1:]]
    for op in graph.operators:
        if isinstance(op.builtinOptions, schema.ReshapeOptionsT):
            op.builtinOptions.newShape = [places, *op.builtinOptions.newShape[1:]]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
