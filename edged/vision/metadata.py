"""What a model's TFLITE_METADATA says: the files that should be appended to it.

The field numbers are those of tflite-support's metadata_schema.fbs.
"""

from collections.abc import Iterator

from edged.vision.flatbuffer import Reader, Table


def mentioned_files(reader: Reader, model: Table) -> frozenset[str]:
    """The names of the files that the model's metadata mentions."""
    files: set[str] = set()
    places = [buffer.vector(0, 1, "a weight buffer") for buffer in model.tables(4, "a weight buffer")]
    for entry in model.tables(6, "a metadata entry"):
        name, index = entry.text(0, "a metadata entry"), entry.integer(1, "I")
        if index >= len(places):
            raise reader.damaged(f"its metadata lies in buffer {index} but there are {len(places)}")
        if name == "TFLITE_METADATA":
            start, size = places[index]
            files.update(_associated_files(reader.data[start : start + size], reader.where))
    return frozenset(files)


def _associated_files(data: bytes, where: str) -> Iterator[str]:
    """The files that a TFLITE_METADATA flatbuffer mentions: of the model, of its graphs, of their tensors."""
    if data[4:8] != b"M001":
        return
    metadata = Reader(data, f"{where} (its TFLITE_METADATA)").table(0, "the metadata")
    holders = [(metadata, 6)]
    for graph in metadata.tables(3, "a subgraph's metadata"):
        holders.append((graph, 4))
        holders += [(tensor, 6) for field in (2, 3) for tensor in graph.tables(field, "a tensor's metadata")]
    for holder, field in holders:
        for file in holder.tables(field, "an associated file"):
            if name := file.text(0, "an associated file's name"):
                yield name
