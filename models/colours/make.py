"""Makes the bundle `colours`: a classifier that says which colour stands out, built op by op, not trained.

    python models/colours/make.py [FOLDER]

needs ai-edge-litert (its schema), flatbuffers and numpy. The same bytes come out each time.

Let R, G, B be 0..1. What a colour has beyond the others is exact in two layers of differences:
red R - max(G, B), green G - max(R, B), blue B - max(R, G), yellow min(R, G) - B, because
max(G, B) = G + relu(B - G) and min(R, G) = R - relu(R - G). Averaged over the picture and weighed
against a fixed bid for grey, that gives the scores.
"""

import hashlib
import sys
from pathlib import Path
from typing import Any

import flatbuffers  # type: ignore[import-untyped]  # ships none
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import ArrayLike, NDArray

LABELS = ("red", "green", "blue", "yellow", "grey")
SIZE = 32
PIXEL = 1 / 255
"""Scale of everything that is measured in pixel values."""
DIFFERENCES = [[1, -1, 0], [-1, 1, 0], [1, 0, -1], [-1, 0, 1], [0, -1, 1]]
"""R-G, G-R, R-B, B-R, B-G as rows over R, G, B."""
BEYOND = [[1, -1, 0, 0, -1], [-1, 1, 0, -1, 0], [0, -1, -1, 1, 0], [-1, 0, 1, -1, 0]]
"""Red, green, blue, yellow as rows over the differences."""
DEAD_ZONE = 0.1
"""Colour weaker than this counts as grey: noise, compression, an imperfect white balance."""
GAIN, GREY_BID = 80.0, 3.5
"""Logits: GAIN times a colour's mean against GREY_BID, so a full colour on 1/20 of the picture is even."""
ZERO_POINT = 128
"""Of weights, which are uint8 too."""

MANIFEST = """\
# Written by make.py.
name: colours
task: classification
decoder: classification
input:
  resize: stretch
  colour: rgb
  mean: 0.0
  std: 255.0
roles: {{scores: 0}}
activation: none
background: none
cpu: {{path: colours.tflite, sha256: {model}}}
labels: {{path: labels.txt, sha256: {labels}}}
source: made by models/colours/make.py of this project
licence: Apache-2.0
"""


class Graph:
    """A TFLite graph of uint8 tensors, as it grows."""

    def __init__(self) -> None:
        self.model: Any = schema.ModelT()
        self.model.version, self.model.description = 3, "which colour stands out"
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []
        self.graph: Any = schema.SubGraphT()
        self.graph.name, self.graph.tensors, self.graph.operators = "main", [], []
        self.model.subgraphs = [self.graph]

    def tensor(self, name: str, shape: list[int], scale: float, zero_point: int = 0) -> int:
        """Adds an activation; returns its index."""
        quantization = schema.QuantizationParametersT()
        quantization.scale, quantization.zeroPoint = [scale], [zero_point]
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, schema.TensorType.UINT8, 0
        tensor.quantization = quantization
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def constant(self, name: str, values: NDArray[np.generic], scale: float, zero_point: int = 0) -> int:
        """Adds integers that are part of the model (uint8 or int32); returns the tensor's index."""
        index = self.tensor(name, list(values.shape), scale, zero_point)
        kinds = {"uint8": schema.TensorType.UINT8, "int32": schema.TensorType.INT32}
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.astype(values.dtype.newbyteorder("<")).tobytes(), np.uint8)
        self.graph.tensors[index].type = kinds[values.dtype.name]
        self.graph.tensors[index].buffer = len(self.model.buffers)
        self.model.buffers.append(buffer)
        return index

    def op(self, name: str, inputs: list[int], output: int, options: Any) -> None:
        """Adds an op by the name that its builtin code has."""
        code, op = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = 1
        op.opcodeIndex, op.inputs, op.outputs = len(self.model.operatorCodes), inputs, [output]
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

    def weights(self, name: str, values: ArrayLike, bias: ArrayLike, input_scale: float) -> list[int]:
        """Adds the weights and the bias of a linear op, quantised so that the largest weight is exact."""
        real, offset = np.asarray(values, np.float64), np.asarray(bias, np.float64)
        scale = float(np.abs(real).max()) / 127
        quantised = np.rint(real / scale + ZERO_POINT).astype(np.uint8)
        bias_scale = scale * input_scale
        return [
            self.constant(f"{name}_weights", quantised, scale, ZERO_POINT),
            self.constant(f"{name}_bias", np.rint(offset / bias_scale).astype(np.int32), bias_scale),
        ]


def per_pixel(graph: Graph, name: str, source: int, rows: list[list[int]], bias: float) -> int:
    """Adds relu(rows * pixel + bias) for each pixel; returns the result's index."""
    weights = np.reshape(rows, (len(rows), 1, 1, len(rows[0])))
    result = graph.tensor(name, [1, SIZE, SIZE, len(rows)], PIXEL)
    options = schema.Conv2DOptionsT()
    options.padding, options.strideW, options.strideH = schema.Padding.VALID, 1, 1
    options.fusedActivationFunction = schema.ActivationFunctionType.RELU
    parts = graph.weights(name, weights, np.full(len(rows), bias), PIXEL)
    graph.op("CONV_2D", [source, *parts], result, options)
    return result


def model() -> bytes:
    """The file `colours.tflite`."""
    graph = Graph()
    image = graph.tensor("image", [1, SIZE, SIZE, 3], PIXEL)
    differences = per_pixel(graph, "differences", image, DIFFERENCES, 0.0)
    beyond = per_pixel(graph, "beyond", differences, BEYOND, -DEAD_ZONE)
    mean = graph.tensor("mean", [1, 1, 1, len(BEYOND)], PIXEL)
    pool = schema.Pool2DOptionsT()
    pool.padding, pool.strideW, pool.strideH = schema.Padding.VALID, SIZE, SIZE
    pool.filterWidth, pool.filterHeight = SIZE, SIZE
    graph.op("AVERAGE_POOL_2D", [beyond], mean, pool)
    logits = graph.tensor("logits", [1, len(LABELS)], 0.25)
    weights = np.eye(len(LABELS), len(BEYOND)) * GAIN
    parts = graph.weights("bids", weights, [0.0] * len(BEYOND) + [GREY_BID], PIXEL)
    graph.op("FULLY_CONNECTED", [mean, *parts], logits, schema.FullyConnectedOptionsT())
    scores = graph.tensor("scores", [1, len(LABELS)], 1 / 256)
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    graph.op("SOFTMAX", [logits], scores, softmax)
    return graph.packed([image], [scores])


def main(folder: Path) -> None:
    """Writes the bundle's files into a folder."""
    content, labels = model(), "".join(f"{label}\n" for label in LABELS).encode()
    (folder / "colours.tflite").write_bytes(content)
    (folder / "labels.txt").write_bytes(labels)
    sums = {"model": hashlib.sha256(content).hexdigest(), "labels": hashlib.sha256(labels).hexdigest()}
    (folder / "model.yaml").write_bytes(MANIFEST.format(**sums).encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
