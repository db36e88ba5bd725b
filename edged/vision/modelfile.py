"""What a .tflite file says of itself, read without any runtime.

A runtime's C++ dies of SIGSEGV on most files that are cut off, so the whole file is walked here first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.vision.appended import appended_files
from edged.vision.batch import of_one, outputs_of_one
from edged.vision.flatbuffer import COPY_AGAIN, Reader, Table
from edged.vision.graph import EDGETPU_OP, Graph, Op, operator_code
from edged.vision.metadata import mentioned_files
from edged.vision.placement import Operator, operators_of


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file, as far as it can be known without running it."""

    where: str
    """The file's name, for messages."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    operators: tuple[Operator, ...]
    """In the order in which they run."""
    custom_ops: tuple[str, ...]
    edgetpu_ops: int
    makers: tuple[Op | None, ...]
    """For each output the op that computes it, looking through casts and reshapes; None where nothing does."""
    chosen_from: tuple[int | None, ...]
    """For each output of an ARG_MAX how many scores it chose from: the classes of a map."""
    postprocess: tuple[int, int, int, int] | None
    """Which output holds boxes, classes, scores, count, where the graph itself has that op."""
    files: Mapping[str, bytes]
    """Files appended to the model, such as labels."""

    @property
    def ops(self) -> int:
        """How many operators the graph has."""
        return len(self.operators)

    def for_one_picture(self) -> "ModelFile":
        """The file as if it took one picture. Raises ModelError as `outputs_of_one` does."""
        picture = self.inputs[0]
        outputs = outputs_of_one(self.outputs, picture.shape[0], self.where)
        return replace(self, inputs=(of_one(picture),), outputs=outputs)

    @property
    def compiled(self) -> bool:
        """Whether the file runs on an Edge TPU and nowhere else."""
        return self.edgetpu_ops > 0


def read_model(data: bytes, where: str) -> ModelFile:
    """Reads a .tflite file's bytes; `where` names the file in messages.

    Raises ModelError, and nothing else, where the bytes aren't a whole TFLite model.
    """
    _refuse_other_files(data, where)
    reader = Reader(data, where)
    model = reader.table(0, "the model table")
    codes = tuple(operator_code(table) for table in model.tables(1, "an operator code"))
    graphs = [Graph.read(graph, codes) for graph in model.tables(2, "a subgraph")]
    if not graphs:
        raise reader.damaged("it has no subgraph")
    _walk_buffers(reader, model)
    expected = mentioned_files(reader, model)
    model.string(3, "the description")
    _walk_signatures(model)
    reader.span(reader.end, -reader.end % 4, "the padding")  # a flatbuffer is a multiple of 4 bytes long
    graph = graphs[0]
    names = [step.op for step in graph.steps]
    return ModelFile(
        where=where,
        inputs=tuple(graph.spec(index) for index in graph.inputs),
        outputs=tuple(graph.spec(index) for index in graph.outputs),
        operators=operators_of(graph),
        custom_ops=tuple(sorted({name for name in names if isinstance(name, str)})),
        edgetpu_ops=names.count(EDGETPU_OP),
        makers=graph.makers(),
        chosen_from=graph.chosen_from(),
        postprocess=graph.postprocess(),
        files=appended_files(data, reader.file_end, where, expected),
    )


def _refuse_other_files(data: bytes, where: str) -> None:
    """Refuses what isn't the beginning of a TFLite model."""
    if not data:
        raise ModelError(f"model {where} is empty", COPY_AGAIN)
    if data.startswith(b"version https://git-lfs"):
        raise ModelError(f"model {where} is a Git LFS pointer, not the model", "fetch it with: git lfs pull")
    if len(data) < 8:  # noqa: PLR2004  root offset and identifier, 4 bytes each
        raise ModelError(f"model {where} is cut off: it has {len(data)} bytes", COPY_AGAIN)
    if data[4:8] != b"TFL3":
        raise ModelError(f"model {where} is not a TFLite model", "give a .tflite file")


def _walk_buffers(reader: Reader, model: Table) -> None:
    """Checks that all weights are inside the file, also those that lie behind the flatbuffer."""
    for buffer in model.tables(4, "a weight buffer"):
        buffer.vector(0, 1, "a weight buffer")
        if size := buffer.integer(2, "Q"):
            reader.outer_span(buffer.integer(1, "Q"), size, "a weight buffer")
    model.vector(5, 4, "the metadata buffers")


def _walk_signatures(model: Table) -> None:
    for signature in model.tables(7, "a signature"):
        signature.text(2, "a signature's name")
        for field in (0, 1):
            for tensor in signature.tables(field, "a signature's tensor"):
                tensor.string(0, "a signature's tensor")
