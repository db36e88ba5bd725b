"""Does to a model what Google's compiler does, for the fake Edge TPU, and records what it shall answer.

    python -m tests.fakes.edgetpu.compile MODEL.tflite MODEL_edgetpu.tflite

needs ai-edge-litert and flatbuffers.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CUSTOM_OP = "edgetpu-custom-op"
FNV_OFFSET, FNV_PRIME, MASK = 14695981039346656037, 1099511628211, 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True, slots=True)
class Compiled:
    """A fake-compiled model."""

    content: bytes
    crossing: tuple[int, ...]
    """Indices, in the original model, of the tensors that the chip hands to the rest: what to record."""


def fake_compile(content: bytes) -> Compiled:
    """Replaces the ops up to the first custom one by a single `edgetpu-custom-op`; the rest stays."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415  only this function needs it

    model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    graph = model.subgraphs[0]
    head, tail = _split(model, graph)
    crossing = _crossing(graph, head, tail)
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.customCode = (
        schema.BuiltinOperator.CUSTOM,
        32,
        CUSTOM_OP,
    )
    code.version = 1
    model.operatorCodes.append(code)
    op = schema.OperatorT()
    op.opcodeIndex = len(model.operatorCodes) - 1
    op.inputs, op.outputs = [int(index) for index in graph.inputs], list(crossing)
    op.customOptions = np.frombuffer(b"made for the fake Edge TPU", np.uint8)
    graph.operators = [op, *tail]
    _drop_unused_tensors(model, graph)
    return Compiled(_packed(model), crossing)


def _split(model: Any, graph: Any) -> tuple[list[Any], list[Any]]:
    """The ops that the chip takes, and those from the first custom op on."""
    custom = [bool(code.customCode) for code in model.operatorCodes]
    ops = list(graph.operators)
    first = next((i for i, op in enumerate(ops) if custom[op.opcodeIndex]), len(ops))
    return ops[:first], ops[first:]


def _crossing(graph: Any, head: Iterable[Any], tail: Iterable[Any]) -> tuple[int, ...]:
    made = {int(index) for op in head for index in op.outputs}
    used = {int(index) for op in tail for index in op.inputs} | {int(index) for index in graph.outputs}
    return tuple(sorted(made & used))


def _drop_unused_tensors(model: Any, graph: Any) -> None:
    """Forgets tensors that no op touches any more, with their weights, and renumbers the rest."""
    lists = [graph.inputs, graph.outputs, *(v for op in graph.operators for v in (op.inputs, op.outputs))]
    keep = sorted({int(index) for indices in lists for index in indices if index >= 0})
    for index, tensor in enumerate(graph.tensors):
        if index not in keep and tensor.buffer:
            model.buffers[tensor.buffer].data = None
    new = {old: index for index, old in enumerate(keep)}
    graph.tensors = [graph.tensors[index] for index in keep]
    for holder in (graph, *graph.operators):
        holder.inputs = [new.get(int(index), -1) for index in holder.inputs]
        holder.outputs = [new.get(int(index), -1) for index in holder.outputs]


def _packed(model: Any) -> bytes:
    import flatbuffers  # type: ignore[import-untyped]  # noqa: PLC0415  no types; only compiling needs it

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def input_hash(content: bytes) -> int:
    """64-bit FNV-1a, by which the fake finds the recording for an input."""
    hashed = FNV_OFFSET
    for byte in content:
        hashed = ((hashed ^ byte) * FNV_PRIME) & MASK
    return hashed


def save_recording(folder: Path, given: NDArray[np.generic], answers: Sequence[NDArray[np.generic]]) -> Path:
    """Writes down what the fake shall answer to one input with `output=replay`; returns the file."""
    path = folder / f"{input_hash(given.tobytes()):016x}.bin"
    path.write_bytes(b"".join(answer.tobytes() for answer in answers))
    return path


def record(
    model: Path, folder: Path, inputs: Iterable[NDArray[np.generic]], *, tensors: Sequence[int] = ()
) -> list[list[NDArray[np.generic]]]:
    """Runs a CPU model on inputs, saves its answers for `output=replay`, and returns them.

    `tensors` are `Compiled.crossing`; without them the model's outputs are saved, which is right for a
    model that went to the chip as a whole. Works with ai-edge-litert and with tflite-runtime.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415  either of the two
    except ImportError:
        from tflite_runtime.interpreter import Interpreter, OpResolverType  # noqa: PLC0415  either of the two
    interpreter = Interpreter(
        model_path=str(model),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    wanted = list(tensors) or [detail["index"] for detail in interpreter.get_output_details()]
    recorded = []
    for given in inputs:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], given)
        interpreter.invoke()
        recorded.append([interpreter.get_tensor(index) for index in wanted])
        save_recording(folder, given, recorded[-1])
    return recorded


if __name__ == "__main__":
    compiled = fake_compile(Path(sys.argv[1]).read_bytes())
    Path(sys.argv[2]).write_bytes(compiled.content)
    sys.stdout.write(f"{len(compiled.content)} bytes, tensors that cross: {compiled.crossing}\n")
