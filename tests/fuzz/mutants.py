"""Damaged copies of a model file, the same for the same number."""

import random
from collections.abc import Iterator

from edged.vision.flatbuffer import Reader
from edged.vision.graph import Graph, operator_code
from edged.vision.metadata import mentioned_files

STRUCTURE_BYTES = 256
"""A part of a flatbuffer up to this size is structure; what is larger is mostly weights."""
CUTS = 20
"""One mutant in so many is cut off instead."""


class _Recorder(Reader):
    """Remembers which parts of a flatbuffer were looked at."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data, "x.tflite")
        self.parts: set[tuple[int, int]] = set()

    def span(self, start: int, size: int, what: str) -> None:
        """Checks as ever, and keeps the small parts."""
        super().span(start, size, what)
        if 0 < size <= STRUCTURE_BYTES:
            self.parts.add((start, size))


def structure(data: bytes) -> tuple[tuple[int, int], ...]:
    """First byte and size of each table, vtable, reference and short list of a whole model, and of its zip."""
    reader = _Recorder(data)
    model = reader.table(0, "the model")
    codes = tuple(operator_code(table) for table in model.tables(1, "a code"))
    for table in model.tables(2, "a subgraph"):
        graph = Graph.read(table, codes)
        for index in (*graph.inputs, *graph.outputs):
            graph.spec(index)
    for buffer in model.tables(4, "a buffer"):
        buffer.vector(0, 1, "a buffer")
    mentioned_files(reader, model)
    tail = [(at, min(64, len(data) - at)) for at in range(reader.file_end, len(data), 64)]
    return (*sorted(reader.parts), *tail[:8], *tail[-8:])


def mutant(data: bytes, parts: tuple[tuple[int, int], ...], seed: str) -> bytes:
    """A copy with a few bits turned over, anywhere or in its structure, or cut off somewhere."""
    chance = random.Random(seed)
    if not chance.randrange(CUTS):
        return data[: chance.randrange(len(data) + 1) if chance.randrange(4) else 0]
    damaged = bytearray(data)
    for place in _places(len(data), parts, chance):
        damaged[place] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _places(size: int, parts: tuple[tuple[int, int], ...], chance: random.Random) -> Iterator[int]:
    """Where bits are turned over: mostly one, at times up to sixteen."""
    aimed = chance.random() < 0.5
    for _ in range(chance.choice((1, 1, 1, 2, 16))):
        if aimed:
            start, length = chance.choice(parts)
            yield start + chance.randrange(length)
        else:
            yield chance.randrange(size)
