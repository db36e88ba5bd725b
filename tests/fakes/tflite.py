"""Writes small .tflite files, by the field numbers of TensorFlow Lite's schema."""

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DTYPES = {"float32": 0, "int32": 2, "uint8": 3, "int64": 4, "string": 5, "int16": 7, "int8": 9}
SOFTMAX, LOGISTIC, MEAN, RESHAPE, DEQUANTIZE, CONV = 25, 14, 40, 22, 6, 3

Field = bytes | list["Field"] | dict[int, "Field"] | str
"""Packed scalar, vector of tables, table, or string; a `list` of one packed scalar is a vector of scalars."""


@dataclass(frozen=True)
class Tensor:
    """An input or an output of a model."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "uint8"
    scale: float = 0.0
    zero_point: int = 0


PICTURE = Tensor("image", (1, 32, 32, 3), "uint8", 1 / 128, 128)
PROBABILITIES = Tensor("scores", (1, 5), "uint8", 1 / 256, 0)


def _scalars(code: str, items: Sequence[float]) -> Field:
    return [struct.pack(f"<I{len(items)}{code}", len(items), *items)]


def _put(field: Field) -> bytes:
    """A part and everything it refers to, behind it; references are relative, so it can lie anywhere."""
    if isinstance(field, str):
        raw = field.encode()
        return _padded(struct.pack("<I", len(raw)) + raw + b"\0")
    if isinstance(field, list):
        if len(field) == 1 and isinstance(field[0], bytes):
            return _padded(field[0])
        return _with_references(struct.pack("<I", len(field)), list(field))
    assert isinstance(field, dict)
    count = max(field, default=-1) + 1
    offsets, scalars = [0] * count, b""
    references: list[Field] = []
    for index, value in field.items():
        if isinstance(value, bytes):
            offsets[index] = 4 + len(scalars)
            scalars += _padded(value)
    for index, value in field.items():
        if not isinstance(value, bytes):
            offsets[index] = 4 + len(scalars) + 4 * len(references)
            references.append(value)
    size = 4 + len(scalars) + 4 * len(references)
    vtable = struct.pack(f"<HH{count}H", 4 + 2 * count, size, *offsets)
    head = struct.pack("<i", -size) + scalars
    return _with_references(head, references, _padded(vtable))


def _with_references(head: bytes, fields: list[Field], tail: bytes = b"") -> bytes:
    parts, references = tail, b""
    for place, field in enumerate(fields):
        references += struct.pack("<I", 4 * (len(fields) - place) + len(parts))
        parts += _put(field)
    return head + references + parts


def _padded(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % 4)


def _tensor(tensor: Tensor) -> Field:
    quantization: dict[int, Field] = {}
    if tensor.scale:
        quantization = {2: _scalars("f", [tensor.scale]), 3: _scalars("q", [tensor.zero_point])}
    return {
        0: _scalars("i", tensor.shape), 1: struct.pack("<b", DTYPES[tensor.dtype]), 3: tensor.name, 4: quantization
    }  # fmt: skip


def model(
    inputs: Sequence[Tensor] = (PICTURE,),
    outputs: Sequence[Tensor] = (PROBABILITIES,),
    op: int | str = SOFTMAX,
    *,
    shuffle: Sequence[int] | None = None,
    mentions: Sequence[str] = (),
    files: Mapping[str, bytes] | None = None,
) -> bytes:
    """A model of one operator that reads all inputs and writes all outputs.

    `shuffle` is the order in which the graph lists the operator's outputs; `mentions` are the files that its
    metadata names; `files` are appended.
    """
    tensors = [*inputs, *outputs]
    places = [len(inputs) + index for index in (shuffle or range(len(outputs)))]
    code: Field = {1: op, 3: struct.pack("<i", 32)} if isinstance(op, str) else {3: struct.pack("<i", op)}
    step: Field = {
        1: _scalars("i", range(len(inputs))), 2: _scalars("i", range(len(inputs), len(tensors)))
    }  # fmt: skip
    graph: Field = {
        0: [_tensor(tensor) for tensor in tensors], 1: _scalars("i", range(len(inputs))), 2: _scalars("i", places),
        3: [step],
    }  # fmt: skip
    fields: dict[int, Field] = {
        0: struct.pack("<I", 3),
        1: [code],
        2: [graph],
        3: "test",
        4: [{}, {0: _scalars("B", bytes(64))}],
    }
    if mentions:
        metadata = _file(b"M001", {6: [{0: name} for name in mentions]})
        fields[4] = [{}, {0: _scalars("B", metadata)}]
        fields[6] = [{0: "TFLITE_METADATA", 1: struct.pack("<I", 1)}]
    return _file(b"TFL3", fields) + (archive(files) if files else b"")


def _file(identifier: bytes, fields: Field) -> bytes:
    return struct.pack("<I", 8) + identifier + _put(fields)


def archive(files: Mapping[str, bytes]) -> bytes:
    """A zip of files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return buffer.getvalue()
