"""Which decoder a model is taken for, by its outputs alone: each kind in every shape, so that no rule catches another's.

Beside each, `check_manifest` on what was inferred says the same of the same file, for one picture and for several.
"""

from dataclasses import replace
from typing import NamedTuple

import pytest

from edged.domain.errors import ModelError
from edged.vision.decoding import make_decoder
from edged.vision.infer import check_manifest, infer_manifest
from edged.vision.labels import Labels, parse_labels
from edged.vision.manifest import Background, DecoderName, Manifest
from edged.vision.modelfile import ModelFile, read_model
from tests.fakes.tflite import CONV, LOGISTIC, SOFTMAX, Tensor, model

ARG_MAX = 56
NONE = Labels()


def lines(*names: str) -> Labels:
    return parse_labels("".join(f"{name}\n" for name in names), "file x.txt")


DIGITS = lines(*"0123456789")
SSD = tuple(
    Tensor(f"TFLite_Detection_PostProcess{mark}", shape, "float32")
    for mark, shape in (("", (1, 10, 4)), (":1", (1, 10)), (":2", (1, 10)), (":3", (1,)))
)
FINE, LOGITS = (1 / 256, -128), (0.1, 20)


def out(*shape: int, dtype: str = "int8", scale: tuple[float, int] = FINE, name: str = "out") -> Tensor:
    return Tensor(name, shape, dtype, *scale)


def ids(*shape: int, dtype: str = "int64") -> Tensor:
    return Tensor("map", shape, dtype)


class Case(NamedTuple):
    """A model's outputs, what computes them, its labels and what it is."""

    name: str
    decoder: DecoderName
    outputs: tuple[Tensor, ...]
    op: int = CONV
    labels: Labels = NONE
    size: tuple[int, int] = (320, 320)


CASES = [
    Case("post-processed", "ssd", SSD),
    Case("scores", "classification", (out(1, 5),)),
    Case("scores in a row of places", "classification", (out(1, 1, 1, 5),)),
    Case("scores of five classes with their softmax", "classification", (out(1, 5),), SOFTMAX),
    Case("scores that exclude a background", "classification", (out(1, 3),), LOGISTIC, lines("background", "a", "b")),
    Case("a sigmoid", "binary", (out(1, 1),), LOGISTIC),
    Case("a sigmoid in a row of places", "binary", (out(1, 1, 1, 1),), LOGISTIC),
    Case("sigmoids", "multilabel", (out(1, 5),), LOGISTIC),
    Case("digits read step by step", "sequence", (out(1, 24, 11),), SOFTMAX, DIGITS),
    Case("digits in a column", "sequence", (out(1, 24, 1, 11),), SOFTMAX, DIGITS),
    Case("digits in a row", "sequence", (out(1, 1, 24, 11),), SOFTMAX, DIGITS),
    Case("digits with 40 steps", "sequence", (out(1, 40, 11, scale=LOGITS),), CONV, DIGITS, (320, 32)),
    Case("digits that are found", "yolov8", (out(1, 14, 2100),), CONV, DIGITS),
    Case("digits that are found, rows first", "yolov8", (out(1, 2100, 14),), CONV, DIGITS),
    Case("digits found with anchors", "yolov5", (out(1, 6300, 15),), CONV, DIGITS),
    Case("one class with anchors", "yolov5", (out(1, 6300, 6),)),
    Case("80 classes with anchors", "yolov5", (out(1, 6300, 85),)),
    Case("one class", "yolov8", (out(1, 5, 2100),)),
    Case("80 classes", "yolov8", (out(1, 84, 2100),)),
    Case("80 classes of 160 pixels", "yolov8", (out(1, 84, 525),), CONV, NONE, (160, 160)),
    Case("2 classes, rows first", "yolov8", (out(1, 2100, 6),)),
    Case("52 classes", "yolov8", (out(1, 56, 2100),), CONV, lines(*(f"class {index}" for index in range(52)))),
    Case("17 points", "yolov8pose", (out(1, 56, 2100),)),
    Case("17 points, rows first", "yolov8pose", (out(1, 2100, 56),)),
    Case("17 points of a named person", "yolov8pose", (out(1, 56, 2100),), CONV, lines("person")),
    Case("suppressed", "yolov10", (out(1, 300, 6, dtype="float32", scale=(0.0, 0)),)),
    Case("100 suppressed", "yolov10", (out(1, 100, 6, dtype="float32", scale=(0.0, 0)),)),
    Case("cells", "fcos", (out(1, 400, 4, scale=(0.02, -128)), out(1, 400, 3, scale=LOGITS)), CONV, NONE, (320, 320)),
    Case("a grid", "fcos", (out(1, 20, 20, 3), out(1, 20, 20, 4, scale=(0.02, -128))), CONV),
    Case("distributions", "yolov9", (out(1, 2100, 64, scale=LOGITS), out(1, 2100, 80))),
    Case("a level", "yolov9", (out(1, 20, 20, 64, scale=LOGITS), out(1, 20, 20, 5))),
    Case(
        "levels",
        "yolov9",
        tuple(out(1, side, side, last) for side in (10, 40, 20) for last in (64, 5)),
    ),
    Case("a person's points", "movenet", (out(1, 1, 17, 3),), CONV, NONE, (192, 192)),
    Case("a person's points in floats", "movenet", (out(1, 1, 17, 3, dtype="float32", scale=(0.0, 0)),)),
    Case("a class a pixel", "classmap", (ids(1, 320, 320),), ARG_MAX),
    Case("a class a pixel in a plane", "classmap", (ids(1, 320, 320, 1, dtype="int32"),), ARG_MAX),
    Case("a class for each 8 pixels", "classmap", (ids(1, 40, 40),), ARG_MAX),
    Case("a byte a pixel", "classmap", (ids(1, 320, 320, dtype="uint8"),), ARG_MAX),
    Case("a byte for each 4 pixels", "classmap", (ids(1, 80, 80, dtype="uint8"),), ARG_MAX),
    Case("a byte for each 4 pixels, oblong", "classmap", (ids(1, 40, 80, dtype="int8"),), CONV, NONE, (320, 160)),
    Case("scores a pixel", "classmap", (out(1, 320, 320, 21),)),
    Case("scores for each 8 pixels", "classmap", (out(1, 40, 40, 4),)),
    Case("scores of three classes like points", "classmap", (out(1, 2, 16, 3),), CONV, NONE, (32, 32)),
]  # fmt: skip


def file_of(case: Case, places: int = 1) -> ModelFile:
    width, height = case.size
    picture = Tensor("image", (places, height, width, 3), "uint8", 1 / 255)
    outputs = [replace(each, shape=(places, *each.shape[1:])) for each in case.outputs]
    return read_model(model((picture,), outputs, case.op), "x.tflite")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_each_shape_has_its_decoder(case: Case) -> None:
    """What it is taken for can be decoded, and is confirmed when a model.yaml says it; so it is for three pictures at once."""
    for places in (1,) if case.decoder == "ssd" else (1, 3):  # the operator of an SSD takes one picture
        hold(case, places)


def hold(case: Case, places: int) -> None:
    file = file_of(case, places)
    found = infer_manifest(file, "x", case.labels)
    assert found.manifest.decoder == case.decoder
    one = file_of(case)
    decoder = make_decoder(
        found.manifest, one.outputs, found.labels, threshold=0.5, top_k=1, picture=one.inputs[0]
    )
    assert decoder is not None
    checked = check_manifest(found.manifest, file, case.labels)
    assert checked.manifest == found.manifest
    assert checked.labels.names == found.labels.names


def test_every_decoder_but_values_is_inferred() -> None:
    """What a number measures only a model.yaml can say."""
    assert {case.decoder for case in CASES} == {*DecoderName.__args__} - {"linear"}  # type: ignore[attr-defined]  # a Literal's alternatives


REFUSED = [
    ((out(1, 6, 56),), (256, 256), "looks like MoveNet's poses of six people"),
    ((out(1, 24, 37),), (96, 32), "like a YOLO head, but 96 x 32 pixels make"),
    ((out(1, 1, dtype="float32", scale=(0.0, 0)),), (32, 32), "one value and no choice between classes"),
]  # fmt: skip


@pytest.mark.parametrize(("outputs", "size", "words"), REFUSED, ids=[row[2][:24] for row in REFUSED])
def test_what_nobody_can_decode_is_called_by_its_name(
    outputs: tuple[Tensor, ...], size: tuple[int, int], words: str
) -> None:
    """The refusal says what the outputs look like and what to do."""
    with pytest.raises(ModelError, match=words) as caught:
        infer_manifest(file_of(Case("x", "ssd", outputs, size=size)), "x", None)
    assert caught.value.fix


def test_a_text_reader_without_labels_hears_of_its_decoder() -> None:
    """Steps of classes look like a head with too few rows; the fix names `sequence` as well."""
    with pytest.raises(ModelError) as caught:
        infer_manifest(file_of(Case("x", "sequence", (out(1, 24, 37),), size=(96, 32))), "x", None)
    assert "decoder: sequence" in caught.value.fix


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 1, 1), (1, 5), (1, 1, 1, 5)])
def test_a_given_classification_has_one_class_or_more(shape: tuple[int, ...]) -> None:
    """A model.yaml may call one value a class, which without it would be any number."""
    case = Case("x", "classification", (out(*shape),))
    infers = infer_manifest(file_of(Case("x", "classification", (out(1, 5),))), "x", None).manifest
    manifest: Manifest = infers
    labels = lines(*"abcde"[: shape[-1]])
    assert check_manifest(manifest, file_of(case), labels).labels.names == labels.names


def test_a_list_of_features_is_no_picture_with_channels_first() -> None:
    """What a model of features takes is called by its shape alone."""
    inputs = (Tensor("features", (1, 1, 1, 1024), "uint8", 0.1),)
    with pytest.raises(ModelError) as caught:
        infer_manifest(read_model(model(inputs), "x.tflite"), "x", None)
    assert caught.value.what == "model x.tflite takes [1, 1, 1, 1024] as input"


def test_long_names_of_inputs_are_cut() -> None:
    """Converters join the names of all layers that they have fused."""
    inputs = (Tensor("a" * 200, (1, 8)), Tensor("b", (1, 8)))
    with pytest.raises(ModelError) as caught:
        infer_manifest(read_model(model(inputs), "x.tflite"), "x", None)
    assert caught.value.what == f"model x.tflite has 2 inputs ({'a' * 60}..., b)"


def test_floats_of_a_pose_may_be_pixels() -> None:
    """Floats do not show in what the key points are given, so a warning says how to know."""
    found = infer_manifest(file_of(Case("x", "yolov8pose", (out(1, 56, 2100, dtype="float32"),))), "x", None)
    assert any("older Ultralytics gave them in pixels" in warning for warning in found.warnings)
    sure = infer_manifest(file_of(Case("x", "yolov8pose", (out(1, 56, 2100),))), "x", None)
    assert not any("older Ultralytics" in warning for warning in sure.warnings)


def test_a_head_of_another_yolo_is_recognised_either_way_round() -> None:
    """Of channels and rows the rows are the more."""
    manifest = replace(
        infer_manifest(file_of(CASES[0]), "x", None).manifest, decoder="yolov5", roles=(("head", 0),)
    )
    for shape in ((1, 84, 2100), (1, 2100, 84)):
        with pytest.raises(ModelError, match="make 6300 rows, not 2100; 2100 are those of yolov8"):
            check_manifest(manifest, file_of(Case("x", "yolov8", (out(*shape),))), None)


@pytest.mark.parametrize(("said", "warned"), [("none", False), ("first", False), ("last", True)])
def test_a_background_at_the_wrong_end_is_noticed(said: Background, warned: bool) -> None:
    """Labels that call their first class background contradict a model.yaml that says it is the last."""
    labels = lines("background", *"abcd")
    file = file_of(Case("x", "classification", (out(1, 5),)))
    manifest = replace(infer_manifest(file, "x", labels).manifest, background=said)
    warnings = check_manifest(manifest, file, labels).warnings
    assert [warning.startswith("the labels call the first class background") for warning in warnings] == [
        True
    ] * warned
