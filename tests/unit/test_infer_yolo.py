"""YOLO models are known without a manifest, or it is said what is wrong or missing."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from edged.domain.errors import ModelError
from edged.vision.decoding import make_decoder
from edged.vision.embedded import Description, embedded_description
from edged.vision.infer import Inferred, check_manifest, infer_manifest
from edged.vision.labels import Labels, parse_labels
from edged.vision.manifest import DecoderName, InputRule, Manifest, level_parts
from edged.vision.modelfile import ModelFile, read_model
from tests.fakes.tflite import LOGISTIC, Tensor, model

CONCATENATION = 2
THREE = parse_labels("a\nb\nc\n", "file three.txt")
ULTRALYTICS = {"metadata.json": b'{"task": "detect", "stride": 32, "imgsz": [320, 320], "names": {"0": "a"}}'}


def picture(side: int = 320, dtype: str = "int8") -> Tensor:
    return Tensor("picture", (1, side, side, 3), dtype, *((1 / 255, -128) if dtype == "int8" else (0, 0)))


def head(*shape: int, dtype: str = "int8", scale: float = 1 / 250, zero_point: int = -128) -> Tensor:
    return Tensor("head", (1, *shape), dtype, 0 if dtype == "float32" else scale, zero_point)


def file_of(
    *outputs: Tensor, side: int = 320, op: Any = CONCATENATION, files: Mapping[str, bytes] | None = None
) -> ModelFile:
    return read_model(model((picture(side),), outputs, op, files=files), "x.tflite")


def inferred(*outputs: Tensor, labels: Labels | None = THREE, **options: Any) -> Inferred:
    return infer_manifest(file_of(*outputs, **options), "x", labels)


def refused(*outputs: Tensor, labels: Labels | None = None, **options: Any) -> str:
    with pytest.raises(ModelError) as refusal:
        inferred(*outputs, labels=labels, **options)
    return f"{refusal.value.what} ({refusal.value.fix})"


@pytest.mark.parametrize(
    ("side", "shape", "decoder"),
    [
        (160, (1575, 8), "yolov5"),
        (224, (3087, 8), "yolov5"),
        (320, (6300, 8), "yolov5"),
        (640, (25200, 8), "yolov5"),
        (320, (7, 2100), "yolov8"),
        (320, (2100, 7), "yolov8"),
        (640, (7, 8400), "yolov8"),
        (320, (300, 6), "yolov10"),
        (640, (100, 6), "yolov10"),
    ],
)
def test_rows_tell_the_decoder(side: int, shape: tuple[int, ...], decoder: DecoderName) -> None:
    """Three rows for each cell are YOLOv5's, one is YOLOv8's, six numbers in few rows are those of an end."""
    found = inferred(head(*shape), side=side)
    manifest = found.manifest
    assert (manifest.decoder, manifest.task, manifest.roles) == (decoder, "detection", (("head", 0),))
    assert manifest.input == InputRule(resize="letterbox", fill=114)
    assert (manifest.coordinates, manifest.activation) == ("fractions", "none")
    assert found.labels.name(2) == "c"
    assert ["as Ultralytics does" in warning for warning in found.warnings] == [True]
    assert check_manifest(manifest, file_of(head(*shape), side=side), THREE).warnings == ()


def test_a_float_head_leaves_more_open() -> None:
    """Floats do not show what boxes are in, nor what a float input takes: both are assumed, and said."""
    file = read_model(model((picture(dtype="float32"),), (head(7, 2100, dtype="float32"),)), "x.tflite")
    found = infer_manifest(file, "x", THREE)
    assert found.manifest.input == InputRule(resize="letterbox", fill=114, mean=0.0, std=255.0)
    assert [warning.split(" are taken")[0] for warning in found.warnings] == ["frames", "boxes"]


@pytest.mark.parametrize(
    ("reach", "coordinates"), [(1.2, "fractions"), (320.0, "pixels"), (655.0, "pixels"), (80.0, "fractions")]
)
def test_the_range_of_integers_tells_fractions_from_pixels(reach: float, coordinates: str) -> None:
    """Integers of 16 bits can hold pixels and scores at once; a range between the two is said to be a guess."""
    found = inferred(head(7, 2100, dtype="int16", scale=reach / 32767, zero_point=0))
    assert found.manifest.coordinates == coordinates
    assert any("boxes are taken" in warning for warning in found.warnings) == (reach == 80.0)


def test_the_description_settles_what_the_tensors_leave_open() -> None:
    """An export by Ultralytics is fitted as Ultralytics fits, unless its size is not that of its input."""
    assert inferred(head(5, 2100), labels=None, files=ULTRALYTICS).warnings == (
        "no labels: classes are called class_0, class_1 and so on",
    )
    (warning,) = inferred(head(7, 8400), side=640, files=ULTRALYTICS).warnings
    assert warning == "its description says 320 x 320 pixels, but its input has 640 x 640"


@pytest.mark.parametrize(
    ("content", "description"),
    [
        (b"{'names': {0: 'a'}, 'stride': 32}", Description("", None)),
        (b'{"names": {}, "task": "pose", "imgsz": [320, 640]}', Description("pose", (320, 640))),
        (b'{"names": {}, "task": ["pose"], "imgsz": "320"}', Description("", None)),
        (b'{"names": {}, "task": "detect", "imgsz": [1, "x"]}', Description("detect", None)),
        (b"{'names': __import__('os'), 'stride': 32}", None),
        (b"{" * 100_000, None),
        (b"[1, 2]", None),
    ],
)
def test_descriptions_are_read_with_care(content: bytes, description: Description | None) -> None:
    """JSON and Python literals are taken, code never is, and odd values count for nothing."""
    assert embedded_description({"metadata.txt": content}) == description


@pytest.mark.parametrize(
    ("outputs", "options", "says"),
    [
        ((head(84, 2000),), {}, "320 x 320 pixels make 2100 rows for yolov8 and 6300 for yolov5, not 2000 (export it"),
        ((head(84, 2000),), {"side": 300}, "its input of 300 x 300 is no multiple of 32"),
        ((head(84, 2100, scale=2.5),), {}, "with scale 2.5 for boxes and scores alike, too coarse for scores from 0 to 1 (export"),
        ((head(84, 2100, scale=0.0),), {}, "is int8 without a scale (export it again"),
        ((head(6300, 85, dtype="uint8", scale=0.06),), {}, "with scale 0.06 for boxes and scores alike"),
        ((head(300, 6, scale=0.4),), {}, "with scale 0.4"),
        ((head(56, 2100),), {"files": {"m.json": b'{"names": {}, "task": "pose"}'}}, "was exported for the task pose"),
        ((head(8, 2100),), {"labels": THREE}, "3 lines but model x.tflite has 4 classes"),
    ],
)  # fmt: skip
def test_heads_that_cannot_be_read_are_refused(outputs: tuple[Tensor, ...], options: Any, says: str) -> None:
    """The refusal says what is wrong and what to do."""
    assert says in refused(*outputs, **options)


PLAIN = Manifest("garage", "detection", "yolov8", InputRule(), (("head", 0),))


@pytest.mark.parametrize(
    ("changes", "output", "says"),
    [
        ({"decoder": "yolov5"}, head(2100, 8), "make 6300 rows, not 2100; 2100 are those of yolov8"),
        ({}, head(6300, 8), "make 2100 rows, not 6300; 6300 are those of yolov5"),
        ({"decoder": "yolov5"}, head(6300, 5), "yolov5 should be [1, N, 5 + classes]"),
        ({"decoder": "yolov10"}, head(300, 7), "yolov10 should be [1, N, 6]"),
        ({}, head(7, 30, 70), "yolov8 should be [1, 4 + classes, N] or [1, N, 4 + classes]"),
        ({}, head(7, 2100, dtype="int64"), "the head should be one of float16"),
        ({"coordinates": "pixels"}, head(7, 2100), "its integers reach 1.02, so its boxes are in fractions, not in pixels"),
    ],
)  # fmt: skip
def test_manifests_that_contradict_the_head_are_refused(
    changes: dict[str, Any], output: Tensor, says: str
) -> None:
    """The same words when the file is read and when the decoder is made."""
    manifest, file = replace(PLAIN, **changes), file_of(output)
    with pytest.raises(ModelError) as refusal:
        check_manifest(manifest, file, None)
    assert says in refusal.value.what
    with pytest.raises(ModelError) as refusal:
        make_decoder(manifest, file.outputs, Labels(), threshold=0.5, top_k=1, picture=file.inputs[0])
    assert says in refusal.value.what
    with pytest.raises(ModelError, match="needs the size of the model's input"):
        make_decoder(manifest, file.outputs, Labels(), threshold=0.5, top_k=1)


def boxes(*shape: int) -> Tensor:
    return Tensor("boxes", (1, *shape, 64), "int8", 0.1, 10)


def scores(*shape: int, classes: int = 3, scale: float = 0.1, zero_point: int = 60) -> Tensor:
    return Tensor("scores", (1, *shape, classes), "int8", scale, zero_point)


@pytest.mark.parametrize("swapped", [False, True])
def test_distributions_are_known_by_their_64_numbers(swapped: bool) -> None:
    """The output with 16 logits for each edge holds the boxes; scores that can be negative are logits."""
    outputs = (scores(2100), boxes(2100)) if swapped else (boxes(2100), scores(2100))
    found = inferred(*outputs, files=ULTRALYTICS)
    manifest = found.manifest
    assert (manifest.decoder, manifest.strides, manifest.activation) == ("yolov9", (8, 16, 32), "sigmoid")
    assert manifest.roles == (("boxes", int(swapped)), ("scores", int(not swapped)))
    assert found.warnings == ("the scores are taken for logits: sigmoid is applied",)
    assert inferred(boxes(2100), scores(2100), op=LOGISTIC).manifest.activation == "none"


def test_levels_are_known_by_their_cells() -> None:
    """Six outputs are three levels, in any order, as planes or as rows."""
    outputs = (boxes(100), scores(10, 10), boxes(40, 40), boxes(400), scores(400), scores(1600))
    manifest = inferred(*outputs).manifest
    assert manifest.strides == (8, 16, 32)
    assert manifest.roles == tuple(zip(level_parts((8, 16, 32)), (2, 5, 3, 4, 0, 1), strict=True))
    file = file_of(*outputs)
    assert check_manifest(manifest, file, THREE).labels.name(0) == "a"
    assert make_decoder(manifest, file.outputs, THREE, threshold=0.5, top_k=1, picture=file.inputs[0])


@pytest.mark.parametrize(
    ("outputs", "labels", "says"),
    [
        ((boxes(2100), scores(2100, classes=64)), None, "both have 64 numbers a cell, so either may hold the boxes (write a model.yaml that says its roles)"),
        ((boxes(2100), scores(2100, classes=4)), None, "without labels 4 and 64 numbers a cell may be fcos's or yolov9's"),
        ((boxes(2001), scores(2001)), None, "2001 cells of 320 x 320 pixels fit no usual strides"),
        ((boxes(1600), scores(1600), boxes(99), scores(99)), None, "1600 and 99 cells of 320 x 320 pixels fit no usual"),
        ((boxes(1600), scores(1600), boxes(400), scores(400, classes=4)), THREE, "neither ssd's, fcos's nor yolov9's"),
        ((boxes(2100), scores(2100, zero_point=-128)), THREE, "may be probabilities or logits (write a model.yaml"),
        ((boxes(2100), scores(2100, classes=5)), THREE, "3 lines but model x.tflite has 5 classes"),
    ],
)  # fmt: skip
def test_what_split_outputs_leave_open_is_said(
    outputs: tuple[Tensor, ...], labels: Labels | None, says: str
) -> None:
    """Nothing is guessed that the file does not show."""
    assert says in refused(*outputs, labels=labels, op="edgetpu-custom-op")


def test_four_classes_are_told_by_the_labels() -> None:
    """With 4 and 64 numbers a cell, four labels make it a yolov9."""
    four = parse_labels("a\nb\nc\nd\n", "file four.txt")
    assert inferred(boxes(2100), scores(2100, classes=4), labels=four).manifest.decoder == "yolov9"


@pytest.mark.parametrize(
    ("changes", "outputs", "says"),
    [
        (
            {},
            (boxes(2100), scores(2000)),
            r"strides [8, 16, 32] make 2100 cells of 320 x 320 pixels, not 2000",
        ),
        ({}, (scores(2100), scores(2100)), "boxes should be [1, N, 64] or [1, H, W, 64]"),
        ({"strides": (8,)}, (boxes(2100), scores(2100)), "strides [8, 16, 32] make 2100"),
        (
            {"strides": (16, 32), "roles": tuple(zip(level_parts((16, 32)), range(4), strict=True))},
            (boxes(400), scores(400), boxes(100), scores(100, classes=4)),
            "its levels have 3 and 4 classes",
        ),
    ],
)
def test_manifests_that_contradict_split_outputs_are_refused(
    changes: dict[str, Any], outputs: tuple[Tensor, ...], says: str
) -> None:
    """The same words when the file is read and when the decoder is made."""
    plain = Manifest(
        "garage", "detection", "yolov9", InputRule(), (("boxes", 0), ("scores", 1)), strides=(8, 16, 32)
    )
    manifest, file = replace(plain, **changes), file_of(*outputs)
    with pytest.raises(ModelError) as refusal:
        check_manifest(manifest, file, None)
    assert says in refusal.value.what
    with pytest.raises(ModelError) as refusal:
        make_decoder(manifest, file.outputs, Labels(), threshold=0.5, top_k=1, picture=file.inputs[0])
    assert says in refusal.value.what
