"""Other programs' way from a picture to an answer, in their own environment, timed when told to.

usage: python -P rivals.py mediapipe|tflite-support MODEL ssd|classification PIXELS.npy

Prints `ready VERSION` or why it cannot; then for each line N on stdin the median time of N calls in microseconds.
PIXELS is RGB [height, width, 3] or I420 [height * 3 / 2, width]; neither program takes I420, so OpenCV changes
it first, which counts.
"""

import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

SCORE, BEST = 0.5, 10


def with_metadata(content: bytes, package: str) -> bytes:
    """A detector as these programs insist on it: with metadata that says what is in which tensor."""
    import flatbuffers  # type: ignore[import-untyped]  # noqa: PLC0415  of the rivals' environment; no types

    schema: Any = import_module(f"{package}.schema_py_generated")
    words: Any = import_module(f"{package}.metadata_schema_py_generated")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    builder = flatbuffers.Builder(0)
    builder.Finish(_described(words).Pack(builder), b"M001")
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = builder.Output()
    entry.name, entry.buffer = "TFLITE_METADATA", len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _described(words: Any) -> Any:
    picture = words.TensorMetadataT()
    picture.name, picture.content, unit = "image", words.ContentT(), words.ProcessUnitT()
    picture.content.contentProperties = words.ImagePropertiesT()
    picture.content.contentProperties.colorSpace = words.ColorSpaceType.RGB
    picture.content.contentPropertiesType = words.ContentProperties.ImageProperties
    unit.options, unit.optionsType = (
        words.NormalizationOptionsT(),
        words.ProcessUnitOptions.NormalizationOptions,
    )
    unit.options.mean = unit.options.std = [127.5]
    picture.processUnits = [unit]
    graph, group, described = words.SubGraphMetadataT(), words.TensorGroupT(), words.ModelMetadataT()
    graph.inputTensorMetadata = [picture]
    names = ("location", "category", "score", "number of detections")
    graph.outputTensorMetadata = [_output(words, name) for name in names]
    group.name, group.tensorNames = "detection_result", list(names[:3])
    graph.outputTensorGroups = [group]
    described.name, described.subgraphMetadata = "detector", [graph]
    return described


def _output(words: Any, name: str) -> Any:
    tensor = words.TensorMetadataT()
    tensor.name, tensor.content = name, words.ContentT()
    if name == "location":
        box = words.BoundingBoxPropertiesT()
        box.index, box.type = [1, 0, 3, 2], words.BoundingBoxType.BOUNDARIES
        box.coordinateType = words.CoordinateType.RATIO
        tensor.content.contentProperties = box
        tensor.content.contentPropertiesType = words.ContentProperties.BoundingBoxProperties
    else:
        tensor.content.contentProperties = words.FeaturePropertiesT()
        tensor.content.contentPropertiesType = words.ContentProperties.FeatureProperties
    return tensor


def mediapipe(content: bytes, task: str) -> Callable[[Any], object]:
    """MediaPipe Tasks."""
    import mediapipe as program  # type: ignore[import-not-found]  # noqa: PLC0415  of the rivals' environment

    tasks: Any = program.tasks
    base = tasks.BaseOptions(
        model_asset_buffer=with_metadata(content, "mediapipe.tasks.metadata") if task == "ssd" else content
    )
    kind = "ObjectDetector" if task == "ssd" else "ImageClassifier"
    options = getattr(tasks.vision, f"{kind}Options")(
        base_options=base, score_threshold=SCORE, max_results=BEST
    )
    worker = getattr(tasks.vision, kind).create_from_options(options)
    call = worker.detect if task == "ssd" else worker.classify
    return lambda rgb: call(program.Image(image_format=program.ImageFormat.SRGB, data=rgb))


def tflite_support(content: bytes, task: str) -> Callable[[Any], object]:
    """TensorFlow Lite Support's task library."""
    from tflite_support.task import core, processor, vision  # type: ignore[import-not-found]  # noqa: PLC0415  as above

    package = "tensorflow_lite_support.metadata"
    base = core.BaseOptions(file_content=with_metadata(content, package) if task == "ssd" else content)
    if task == "ssd":
        wanted = processor.DetectionOptions(max_results=BEST, score_threshold=SCORE)
        detector = vision.ObjectDetector.create_from_options(vision.ObjectDetectorOptions(base, wanted))
        return lambda rgb: detector.detect(vision.TensorImage.create_from_array(rgb))
    wanted = processor.ClassificationOptions(max_results=BEST, score_threshold=SCORE)
    classifier = vision.ImageClassifier.create_from_options(vision.ImageClassifierOptions(base, wanted))
    return lambda rgb: classifier.classify(vision.TensorImage.create_from_array(rgb))


def main(program: str, model: str, task: str, pixels_file: str) -> None:
    """Serves measurements until the end of stdin."""
    import numpy as np  # noqa: PLC0415  of the rivals' environment

    make = {"mediapipe": mediapipe, "tflite-support": tflite_support}[program]
    pixels = np.load(pixels_file)
    try:
        answer = make(Path(model).read_bytes(), task)
        call = _from_i420(answer, pixels) if pixels.ndim == 2 else lambda: answer(pixels)  # noqa: PLR2004  planes
        call()
    except Exception as error:  # noqa: BLE001  a foreign program may raise anything; the page says what
        print(" ".join(f"{type(error).__name__}: {error}".split())[:200], flush=True)
        return
    print("ready", metadata.version(program), flush=True)
    for line in sys.stdin:
        print(_median_us(call, int(line)), flush=True)


def _from_i420(answer: Callable[[Any], object], pixels: Any) -> Callable[[], object]:
    import cv2  # noqa: PLC0415  MediaPipe brings it along
    import numpy as np  # noqa: PLC0415  of the rivals' environment

    cv2.setNumThreads(1)  # as everywhere here
    rgb = np.empty((pixels.shape[0] * 2 // 3, pixels.shape[1], 3), np.uint8)
    return lambda: answer(cv2.cvtColor(pixels, cv2.COLOR_YUV2RGB_I420, dst=rgb))


def _median_us(call: Callable[[], object], calls: int) -> float:
    times = []
    for _ in range(calls):
        start = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - start)
    return statistics.median(times) / 1e3


if __name__ == "__main__":
    main(*sys.argv[1:])
