"""Poses and maps of classes are known without a manifest, or it is said what is wrong or missing."""

from dataclasses import replace
from typing import Any

import pytest

from edged.domain.errors import ModelError
from edged.vision.embedded import Description, embedded_description
from edged.vision.infer import NO_LABELS, Inferred, check_manifest, infer_manifest
from edged.vision.keypoints import COCO
from edged.vision.labels import Labels, parse_labels
from edged.vision.manifest import InputRule, Manifest
from edged.vision.modelfile import ModelFile, read_model
from tests.fakes.tflite import Tensor, model
from tests.unit.test_infer_yolo import CONCATENATION, file_of, head, inferred, picture, refused

ARG_MAX = 56
POINTS = Tensor("points", (1, 1, 17, 3), "float32")
ONE = parse_labels("rower\n", "file one.txt")
VOC = parse_labels("background\nboat\ncat\n", "file voc.txt")


def described(task: str, shape: str = "[17, 3]", names: str = '{"0": "person"}') -> dict[str, bytes]:
    """What Ultralytics appends to an export."""
    text = f'{{"task": "{task}", "stride": 32, "imgsz": [320, 320], "kpt_shape": {shape}, "names": {names}}}'
    return {"metadata.json": text.encode()}


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        (Tensor("x", (1, 192, 192, 3), "uint8"), InputRule(resize="letterbox")),
        (Tensor("x", (1, 192, 192, 3), "float32"), InputRule(resize="letterbox", mean=0.0, std=1.0)),
    ],
)
def test_movenet_is_known_by_its_points(spec: Tensor, rule: InputRule) -> None:
    """17 points of three numbers are MoveNet's: a person, the whole frame padded with 0, pixels as they are."""
    file = read_model(model((spec,), (POINTS,), CONCATENATION), "x.tflite")
    found = infer_manifest(file, "x", None)
    manifest = found.manifest
    assert (manifest.task, manifest.decoder, manifest.roles) == ("pose", "movenet", (("keypoints", 0),))
    assert (manifest.input, manifest.keypoints) == (rule, COCO)
    assert (dict(found.labels.names), found.warnings) == ({0: "person"}, ())
    assert dict(infer_manifest(file, "x", ONE).labels.names) == {0: "rower"}
    assert check_manifest(manifest, file, None) == found
    with pytest.raises(ModelError, match="3 lines but model x"):
        infer_manifest(file, "x", VOC)
    with pytest.raises(ModelError, match=r"2 key points of one person are \[1, 1, 2, 3\]"):
        check_manifest(replace(manifest, keypoints=("a", "b")), file, None)


@pytest.mark.parametrize("shape", [(56, 2100), (2100, 56)])
def test_a_described_pose_needs_no_guess(shape: tuple[int, int]) -> None:
    """Ultralytics' description says how many points there are, and of which class."""
    found = inferred(
        head(*shape), labels=Labels({0: "person"}, "embedded", numbered=True), files=described("pose")
    )
    manifest = found.manifest
    assert (manifest.task, manifest.decoder, manifest.coordinates) == ("pose", "yolov8pose", "fractions")
    assert (manifest.keypoints, manifest.input) == (COCO, InputRule(resize="letterbox", fill=114))
    assert found.warnings == ()
    assert check_manifest(manifest, file_of(head(*shape)), None).labels.name(0) == "person"


def test_other_points_are_numbered() -> None:
    """A pose that is no person's has points without names, and classes of its own."""
    found = inferred(head(4 + 3 + 5 * 2, 2100), files=described("pose", "[5, 2]"))
    assert found.manifest.keypoints == ("point_0", "point_1", "point_2", "point_3", "point_4")
    assert [found.labels.name(index) for index in range(3)] == ["a", "b", "c"]


@pytest.mark.parametrize(("labels", "name"), [(None, "person"), (ONE, "rower")])
def test_56_channels_are_taken_for_a_pose(labels: Labels | None, name: str) -> None:
    """Without labels for 52 classes they are one class and 17 points, with a warning."""
    found = inferred(head(56, 2100), labels=labels)
    assert found.manifest.decoder == "yolov8pose"
    assert found.labels.name(0) == name
    assert any("56 channels are taken for one class and the 17 key points" in each for each in found.warnings)
    assert NO_LABELS not in found.warnings


def test_labels_make_56_channels_a_detector() -> None:
    """52 names are 52 classes, and so they are where the description says detect."""
    names = Labels({index: f"name {index}" for index in range(52)}, "x")
    assert inferred(head(56, 2100), labels=names).manifest.decoder == "yolov8"
    assert inferred(head(56, 2100), labels=None, files=described("detect")).manifest.decoder == "yolov8"


@pytest.mark.parametrize(
    ("outputs", "options", "says"),
    [
        ((head(4 + 1 + 25 * 3, 2100),), {"files": described("pose", "[25, 3]")}, "gives 25 key points (an event carries at most 24"),
        ((head(50, 2100),), {"files": described("pose")}, "its description says 17 key points of 3 numbers, which [1, 50, 2100] cannot hold"),
        ((head(300, 57),), {"files": described("pose")}, "was exported for the task pose, but gives [1, 300, 57] (export it without nms=True"),
        ((head(56, 2000),), {"files": described("pose")}, "was exported for the task pose, but gives [1, 56, 2000]"),
        ((head(20, 2100),), {"files": described("obb")}, "was exported for the task obb"),
        ((head(56, 2100, scale=2.5),), {}, "too coarse for scores from 0 to 1 (export it again with a newer Ultralytics"),
        ((head(116, 2100), Tensor("p", (1, 80, 80, 32), "int8", 0.1, 0)), {}, "looks like a YOLO that segments: boxes with masks (this"),
        ((Tensor("p", (1, 32, 80, 80), "float32"), head(37, 2100, dtype="float32")), {}, "looks like a YOLO that segments"),
        ((Tensor("m", (1, 320, 320, 9), "int8", 0.1, 0),), {"labels": VOC}, "which looks like a segmentation map"),
        ((Tensor("m", (1, 320, 320), "float32"),), {}, "which looks like a segmentation map"),
        ((Tensor("m", (1, 33, 33, 21), "int8", 0.1, 0),), {}, "which is no list of class scores"),
    ],
)  # fmt: skip
def test_relatives_that_cannot_be_read_are_refused(
    outputs: tuple[Tensor, ...], options: Any, says: str
) -> None:
    """The refusal says what the model seems to be and what to do."""
    assert says in refused(*outputs, **options)


@pytest.mark.parametrize(
    ("content", "points"),
    [
        (b'{"names": {}, "task": "pose", "kpt_shape": [17, 3]}', (17, 3)),
        (b"{'names': {}, 'task': 'pose', 'kpt_shape': (4, 2)}", (4, 2)),
        (b'{"names": {}, "task": "pose", "kpt_shape": [17, 4]}', None),
        (b'{"names": {}, "task": "pose", "kpt_shape": [-1, 3]}', None),
        (b'{"names": {}, "task": "pose", "kpt_shape": "17, 3"}', None),
        (b'{"names": {}, "task": "pose", "kpt_shape": [17, 3, 1]}', None),
    ],
)
def test_the_number_of_points_is_read_with_care(content: bytes, points: tuple[int, int] | None) -> None:
    """Two whole numbers that can be points, or nothing."""
    assert embedded_description({"metadata.txt": content}) == Description("pose", None, points)


def mapped(output: Tensor, labels: Labels | None = None, op: int = CONCATENATION) -> Inferred:
    return infer_manifest(read_model(model((picture(64, "int8"),), (output,), op), "x.tflite"), "x", labels)


def test_ids_of_an_argmax_are_a_map_of_classes() -> None:
    """Integers of the input's size are classes; the labels tell where the background is."""
    found = mapped(Tensor("m", (1, 64, 64), "int64"), op=ARG_MAX)
    assert (found.manifest.task, found.manifest.decoder, found.manifest.roles) == (
        "areas",
        "classmap",
        (("map", 0),),
    )
    assert (found.manifest.background, found.warnings) == ("none", (NO_LABELS,))
    found = mapped(Tensor("m", (1, 64, 64), "int64"), VOC, ARG_MAX)
    assert (found.manifest.background, found.warnings, found.labels.name(2)) == ("first", (), "cat")


@pytest.mark.parametrize(
    "output",
    [
        Tensor("m", (1, 64, 64), "int32"),
        Tensor("m", (1, 32, 32, 1), "uint8"),
        Tensor("m", (1, 16, 16, 3), "int8", 0.1, 5),
    ],
)
def test_what_only_looks_like_a_map_is_taken_with_a_warning(output: Tensor) -> None:
    """Its size divides the input's; scores are as many as there are labels."""
    found = mapped(output, VOC)
    assert (found.manifest.decoder, found.labels.name(1)) == ("classmap", "boat")
    assert ["is taken for" in warning for warning in found.warnings] == [True]


def test_labels_may_leave_the_background_out() -> None:
    """Where a manifest has a background that the label file does not name, the first label is class 1."""
    file: ModelFile = read_model(
        model((picture(64),), (Tensor("m", (1, 64, 64), "int64"),), ARG_MAX), "x.tflite"
    )
    manifest = Manifest("m", "areas", "classmap", InputRule(), (("map", 0),), background="first")
    two = parse_labels("boat\ncat\n", "file two.txt")
    assert check_manifest(manifest, file, two).labels.name(1) == "boat"
    assert check_manifest(manifest, file, VOC).labels.name(1) == "boat"
    assert check_manifest(manifest, file, None).warnings == (NO_LABELS,)
    large = read_model(model((picture(64),), (Tensor("m", (1, 65, 64), "int64"),)), "x.tflite")
    with pytest.raises(ModelError, match="H and W at most 64 and 64"):
        check_manifest(manifest, large, VOC)


STREET = parse_labels("background\nroad\nwall\ncar\n", "file street.txt")


@pytest.mark.parametrize(
    ("labels", "names", "background"),
    [(VOC, ["background", "boat", "cat"], "first"), (STREET, ["road", "wall", "car"], "none")],
    ids=["the model has it", "only the file has it"],
)
def test_the_scores_behind_an_argmax_tell_whose_the_background_is(
    labels: Labels, names: list[str], background: str
) -> None:
    """A file that begins with the background has it for the model if the lines are as many as the classes, three here."""
    found = mapped(Tensor("m", (1, 64, 64), "int64"), labels, ARG_MAX)
    assert [found.labels.name(index) for index in range(3)] == names
    assert found.manifest.background == background


def test_other_labels_than_an_argmax_has_classes_are_refused() -> None:
    """One line for three classes names nothing for certain."""
    one = parse_labels("road\n", "file one.txt")
    with pytest.raises(ModelError, match=r"1 lines but model x.tflite has 3 classes"):
        mapped(Tensor("m", (1, 64, 64), "int64"), one, ARG_MAX)
