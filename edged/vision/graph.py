"""The graph inside a TFLite file: its tensors, and who computes which.

The field numbers are those of TensorFlow Lite's schema.fbs (version 3).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from edged.domain.errors import ModelError
from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.vision.flatbuffer import Reader, Table
from edged.vision.printable import printable

EDGETPU_OP = "edgetpu-custom-op"
POSTPROCESS_OP = "TFLite_Detection_PostProcess"

Op = int | str
"""A builtin operator's code, or a custom operator's name."""

_DTYPES: Mapping[int, DType] = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 9: "int8", 10: "float64",
}  # fmt: skip
_CUSTOM = 32
ARG_MAX = 56
_DEQUANTIZE, _RESHAPE, _SQUEEZE, _CAST, _QUANTIZE = 6, 22, 43, 53, 114
_PASSES_VALUES_ON = frozenset({_DEQUANTIZE, _RESHAPE, _SQUEEZE, _CAST, _QUANTIZE})
_MAX_RANK = 8
_MAX_NAME = 256
_MAX_ELEMENTS = 1 << 26
"""Of an input or output: four times a picture of 4096 x 4096 pixels."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operator of the graph, with the tensors it reads and writes."""

    op: Op
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None = None
    options_type: int = 0
    """Which kind of options they are: BuiltinOptions of the schema."""


def operator_code(table: Table) -> Op:
    """A builtin operator's number, or a custom operator's name."""
    builtin = max(table.integer(0, "b"), table.integer(3, "i"))
    custom = _name(table, 1, "an operator's name")
    return custom if builtin == _CUSTOM else builtin


def _name(table: Table, field: int, what: str) -> str:
    """A name as it may be kept and shown: cut to 256 characters, all of them printable."""
    return printable(table.text(field, what)[:_MAX_NAME])


@dataclass(frozen=True, slots=True)
class Graph:
    """A subgraph: its tensors, and the order of its operators."""

    reader: Reader
    tensors: tuple[Table, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    steps: tuple[Step, ...]

    @staticmethod
    def read(table: Table, codes: tuple[Op, ...]) -> "Graph":
        """Walks a subgraph; every part that it refers to is inside the file afterwards."""
        tensors = tuple(table.tables(0, "a tensor"))
        for tensor in tensors:
            _walk_tensor(tensor)
        inputs = table.integers(1, "the list of inputs")
        outputs = table.integers(2, "the list of outputs")
        steps = tuple(_step(operator, codes) for operator in table.tables(3, "an operator"))
        table.text(4, "a subgraph's name")
        for index in inputs + outputs:
            if not 0 <= index < len(tensors):
                raise table.reader.damaged(
                    f"tensor {index} is an input or output but there are {len(tensors)}"
                )
        return Graph(table.reader, tensors, inputs, outputs, steps)

    def spec(self, index: int) -> TensorSpec:
        """An input's or output's description."""
        tensor = self.tensors[index]
        name = _name(tensor, 3, "a tensor's name")
        dtype = _DTYPES.get(tensor.integer(1, "b"))
        shape = tensor.integers(0, "a tensor's shape")
        if dtype is None:
            raise ModelError(
                f"model {self.reader.where}: tensor {name!r} has type {tensor.integer(1, 'b')} of the TFLite schema, "
                "which is no number",
                "use a model with plain numbers as input and output",
            )
        if len(shape) > _MAX_RANK or any(side < 0 for side in shape):
            raise self.reader.damaged(f"tensor {name!r} has an impossible shape")
        if math.prod(shape) > _MAX_ELEMENTS:
            raise ModelError(
                f"model {self.reader.where}: tensor {name!r} has {math.prod(shape)} numbers, more than {_MAX_ELEMENTS}",
                "use a model with a smaller input and smaller outputs; if it was one, copy the file again",
            )
        return TensorSpec(name, shape, dtype, _quantization(tensor))

    def dtype(self, index: int) -> DType | None:
        """A tensor's type; None for text and what else is no number."""
        return _DTYPES.get(self.tensors[index].integer(1, "b"))

    def shape(self, index: int) -> tuple[int, ...]:
        """A tensor's shape as the file has it; empty for an index that leads nowhere, as that of an input left out."""
        return self.tensors[index].integers(0, "a tensor's shape") if 0 <= index < len(self.tensors) else ()

    def quantization(self, index: int) -> Quantization | None:
        """The one scale and zero point of a tensor; None where it has none, or one per channel."""
        return _quantization(self.tensors[index])

    def makers(self) -> tuple[Op | None, ...]:
        """For each output the operator that computes its values."""
        writer = {tensor: step for step in self.steps for tensor in step.outputs}
        return tuple(step.op if (step := _maker(writer, tensor)) else None for tensor in self.outputs)

    def chosen_from(self) -> tuple[int | None, ...]:
        """For each output how many scores its values were chosen from by ARG_MAX; None where they were not."""
        writer = {tensor: step for step in self.steps for tensor in step.outputs}
        return tuple(self._scores_of(_maker(writer, tensor)) for tensor in self.outputs)

    def _scores_of(self, step: Step | None) -> int | None:
        if step is None or step.op != ARG_MAX or not (step.inputs and step.outputs):
            return None
        sizes = [
            math.prod(self.tensors[tensor].integers(0, "a tensor's shape")) if tensor >= 0 else 0
            for tensor in (step.inputs[0], step.outputs[0])
        ]
        return sizes[0] // sizes[1] if sizes[1] > 0 and sizes[0] % sizes[1] == 0 else None

    def postprocess(self) -> tuple[int, int, int, int] | None:
        """Which outputs are the boxes, classes, scores and count of the SSD post-processing.

        The op always writes them in this order (tensorflow/lite/kernels/detection_postprocess.cc).
        """
        found = [step.outputs for step in self.steps if step.op == POSTPROCESS_OP]
        place = {tensor: index for index, tensor in enumerate(self.outputs)}
        if len(found) != 1 or len(found[0]) < 4:  # noqa: PLR2004  the four outputs
            return None
        boxes, classes, scores, count = (place.get(tensor) for tensor in found[0][:4])
        if boxes is None or classes is None or scores is None or count is None:
            return None
        return boxes, classes, scores, count


def _maker(writer: Mapping[int, Step], tensor: int) -> Step | None:
    """The operator behind a tensor, looking through those that leave its values alone."""
    step = writer.get(tensor)
    for _ in range(_MAX_RANK):
        if step is None or step.op not in _PASSES_VALUES_ON or not step.inputs:
            break
        step = writer.get(step.inputs[0])
    return step


def _walk_tensor(tensor: Table) -> None:
    tensor.vector(0, 4, "a tensor's shape")
    tensor.string(3, "a tensor's name")
    tensor.vector(7, 4, "a tensor's shape signature")
    quantization = tensor.table(4, "a tensor's quantisation")
    if quantization:
        for field, item_bytes in ((0, 4), (1, 4), (2, 4), (3, 8)):
            quantization.vector(field, item_bytes, "a tensor's quantisation")


def _quantization(tensor: Table) -> Quantization | None:
    """The one scale and zero point of a tensor; None where it has none, or one per channel."""
    table = tensor.table(4, "a tensor's quantisation")
    scales = table.numbers(2, "f", "a tensor's scales") if table else ()
    zero_points = table.numbers(3, "q", "a tensor's zero points") if table else ()
    if len(scales) != 1 or len(zero_points) > 1 or scales[0] == 0:
        return None
    scale, zero_point = float(scales[0]), int(zero_points[0]) if zero_points else 0
    if not (math.isfinite(scale) and scale > 0 and abs(zero_point) < 1 << 31):
        raise tensor.reader.damaged(f"a tensor has scale {scale} and zero point {zero_point}")
    return Quantization(scale, zero_point)


def _step(operator: Table, codes: tuple[Op, ...]) -> Step:
    reader = operator.reader
    index = operator.integer(0, "I")
    if index >= len(codes):
        raise reader.damaged(f"an operator has code {index} but there are {len(codes)}")
    inputs = operator.integers(1, "an operator's inputs")
    outputs = operator.integers(2, "an operator's outputs")
    options = operator.table(4, "an operator's options")
    if options and codes[index] in {_RESHAPE, _SQUEEZE}:
        options.vector(0, 4, "an operator's options")
    operator.vector(5, 1, "an operator's data")
    operator.vector(7, 1, "an operator's variable inputs")
    operator.vector(8, 4, "an operator's intermediates")
    operator.table(12, "an operator's options")
    if size := operator.integer(10, "Q"):
        reader.outer_span(operator.integer(9, "Q"), size, "an operator's data")
    return Step(codes[index], inputs, outputs, options, operator.integer(3, "B"))
