"""What a model without a manifest is, or why it can't be run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edged.domain.errors import ModelError
from edged.vision.embedded import embedded_labels
from edged.vision.infer import Inferred, check_manifest, infer_manifest
from edged.vision.labels import Labels, parse_labels
from edged.vision.modelfile import ModelFile, read_model
from tests.fakes.tflite import CONV, LOGISTIC, MEAN, PICTURE, SOFTMAX, Tensor, model

TF1 = tuple(
    Tensor(name, shape, "float32")
    for name, shape in (
        ("TFLite_Detection_PostProcess", (1, 10, 4)),
        ("TFLite_Detection_PostProcess:1", (1, 10)),
        ("TFLite_Detection_PostProcess:2", (1, 10)),
        ("TFLite_Detection_PostProcess:3", (1,)),
    )
)
TF2 = tuple(
    Tensor(f"StatefulPartitionedCall:{number}", shape, "float32")
    for number, shape in ((1, (1, 10)), (3, (1, 10, 4)), (0, (1,)), (2, (1, 10)))
)
FIVE = parse_labels("background\na\nb\nc\nd\n", "file x.txt")


def file_of(*args: Any, **kwargs: Any) -> ModelFile:
    return read_model(model(*args, **kwargs), "x.tflite")


def inferred(*args: Any, labels: Labels | None = FIVE, **kwargs: Any) -> Inferred:
    return infer_manifest(file_of(*args, **kwargs), "x", labels)


def refused(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(ModelError) as caught:
        inferred(*args, **kwargs)
    assert caught.value.fix
    return caught.value.what


def scores(
    dtype: str = "uint8",
    scale: float = 0.0,
    zero_point: int = 0,
    shape: tuple[int, ...] = (1, 5),
    name: str = "scores",
) -> Tensor:
    return Tensor(name, shape, dtype, scale, zero_point)


@pytest.mark.parametrize(
    ("output", "op", "activation"),
    [
        (scores("uint8", 1 / 256, 0), CONV, "none"),
        (scores("uint8", 1 / 255, 0), CONV, "none"),
        (scores("int8", 1 / 256, -128), "edgetpu-custom-op", "none"),
        (scores("uint8", 1 / 128, 128), CONV, "softmax"),
        (scores("int8", 0.1, 20), "edgetpu-custom-op", "softmax"),
        (scores("float32"), SOFTMAX, "none"),
        (scores("float32"), LOGISTIC, "none"),
        (scores("float32"), CONV, "softmax"),
        (scores("uint8", 1 / 256, 0, (1, 1, 1, 5)), CONV, "none"),
    ],
)
def test_activation_follows_from_the_last_op_or_the_range(output: Tensor, op: Any, activation: str) -> None:
    """Scores that can only lie in 0..1 are probabilities; those that go well beyond are logits."""
    found = inferred(outputs=(output,), op=op)
    assert found.manifest.decoder == "classification"
    assert found.manifest.roles == (("scores", 0),)
    assert found.manifest.activation == activation
    assert found.manifest.background == "first"
    assert any("softmax" in warning for warning in found.warnings) == (activation == "softmax")


def test_float_input_is_an_assumption_that_is_told() -> None:
    """A float input tells nothing of its range, so what is assumed is a warning."""
    found = inferred(inputs=(Tensor("image", (1, 32, 32, 3), "float32"),))
    assert (found.manifest.input.mean, found.manifest.input.std) == (127.5, 127.5)
    assert "127.5" in found.warnings[0]


def test_missing_labels_are_a_warning() -> None:
    """A model without labels works, with names like class_7 and a warning."""
    found = inferred(labels=None)
    assert found.labels.name(3) == "class_3"
    assert "no labels" in found.warnings[0]


@pytest.mark.parametrize("shuffle", [(0, 1, 2, 3), (2, 0, 3, 1)])
def test_ssd_roles_come_from_the_graph(shuffle: Any) -> None:
    """An SSD's roles follow its graph, whatever its outputs are called."""
    outputs = tuple(replace(tensor, name=f"o{index}", shape=()) for index, tensor in enumerate(TF1))
    found = inferred(outputs=outputs, op="TFLite_Detection_PostProcess", shuffle=shuffle)
    places = dict(found.manifest.roles)
    assert [shuffle[places[part]] for part in ("boxes", "classes", "scores", "count")] == [0, 1, 2, 3]
    assert found.manifest.task == "detection"
    assert not found.undecided


@pytest.mark.parametrize(
    ("outputs", "roles"),
    [
        (TF1, {"boxes": 0, "classes": 1, "scores": 2, "count": 3}),
        (TF2, {"scores": 0, "boxes": 1, "count": 2, "classes": 3}),
        (tuple(replace(t, shape=()) for t in TF2), {"scores": 0, "boxes": 1, "count": 2, "classes": 3}),
    ],
)
def test_ssd_roles_come_from_the_names(outputs: Any, roles: dict[str, int]) -> None:
    """Where the graph doesn't show the post-processing, the exporters' names tell the roles."""
    found = inferred(outputs=outputs, op="edgetpu-custom-op")
    assert dict(found.manifest.roles) == roles


@pytest.mark.parametrize(
    "outputs",
    [
        tuple(replace(tensor, name=f"o{index}") for index, tensor in enumerate(TF2)),
        tuple(replace(tensor, shape=shape.shape) for tensor, shape in zip(TF2, TF1, strict=True)),
    ],
)
def test_ssd_roles_that_nothing_tells_stay_open(outputs: Any) -> None:
    """Unknown names, or names that the shapes contradict, leave the roles to a calibration invoke."""
    found = inferred(outputs=outputs, op="edgetpu-custom-op")
    assert found.undecided
    assert found.manifest.roles == ()
    assert any("one invoke" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"op": "PosenetDecoderOp"}, "decodes poses"),
        ({"op": "FlexAdd"}, "of full TensorFlow"),
        ({"op": "fake-op-double"}, "fake-op-double"),
        ({"inputs": (PICTURE, Tensor("c", (1, 8)))}, "has 2 inputs (image, c)"),
        ({"inputs": (Tensor("x", (1, 28, 28)),)}, "no picture"),
        ({"inputs": (Tensor("x", (1, 3, 32, 32)),)}, "channels first"),
        ({"inputs": (Tensor("x", (1, 32, 32, 7)),)}, "no picture|takes"),
        ({"inputs": (Tensor("x", (65, 32, 32, 3)),)}, "not 1 to 64 pictures at once"),
        ({"inputs": (Tensor("x", (0, 32, 32, 3)),)}, "not 1 to 64 pictures at once"),
        ({"inputs": (Tensor("x", (4, 32, 32, 3)),)}, "its output scores is [1, 5]"),
        ({"inputs": (Tensor("x", (1, 1, 1, 3)),)}, "leaves the size"),
        ({"inputs": (Tensor("x", (1, 32, 32, 3), "int16"),)}, "no kind of pixel"),
        (
            {"outputs": (Tensor("y", (1, 6300, 85), "uint8", 0.005, 0),)},
            "like a YOLO head, but 32 x 32 pixels make 21",
        ),
        ({"outputs": (Tensor("y", (1, 85, 21), "int32", 0.005, 0),)}, "segmentation"),
        ({"outputs": (Tensor("y", (1, 6, 17, 3), "float32"),)}, "several poses"),
        ({"outputs": (Tensor("y", (1, 30, 30), "int64"),)}, "segmentation"),
        ({"outputs": (Tensor("y", (1, 32, 32, 1), "float32"),)}, "segmentation"),
        ({"outputs": (Tensor("y", (1, 1), "float32"),)}, "one value"),
        ({"outputs": (Tensor("y", (1, 5), "int32"),), "op": CONV}, "no list|int32"),
        ({"outputs": (Tensor("y", (1, 5), "uint8"),), "op": CONV}, "without a scale"),
        ({"outputs": (Tensor("y", (1, 5)), Tensor("z", (1, 9)))}, "2 outputs"),
        ({"outputs": (scores("uint8", 0.02, 0, (1, 1024)),), "op": "edgetpu-custom-op"}, "embedding"),
        ({"outputs": (scores("float32", shape=(1, 1, 1, 1024)),), "op": MEAN}, "embedding"),
        (
            {"outputs": (scores("int8", 0.1, 0, name="Logits/AvgPool"),), "op": "edgetpu-custom-op"},
            "embedding",
        ),
    ],
)
def test_other_models_are_refused_with_the_reason(changes: dict[str, Any], why: str) -> None:
    """Whatever this version can't run is refused by what it is."""
    what = refused(**changes)
    assert any(reason in what for reason in why.split("|"))


CHECKED = {
    "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29": ("ssd", "none", "none", 90),
    "null_ssd_300": ("ssd", "none", "none", 0),
    "mobilenet_v1_0.25_128_quant": ("classification", "none", "first", 1001),
    "mobilenet_v2_1.0_224_quant": ("classification", "none", "first", 1001),
    "null_classifier_224": ("classification", "softmax", "none", 0),
    "vww_96_int8": ("classification", "none", "none", 0),
    "deeplabv3_mnv2_dm05_pascal_quant": ("classmap", "none", "none", 0),
    "movenet_single_pose_lightning_ptq": ("movenet", "none", "none", 1),
    "yolov8n_a_fullint": ("yolov8", "none", "none", 80),
    "edgetpu/mobilenet_v1_0.25_128_quant_edgetpu": ("classification", "none", "first", 1001),
    "edgetpu/mobilenet_v2_1.0_224_quant_edgetpu": ("classification", "none", "none", 0),
}
REFUSED = {
    "keras_lstm_mnist_ptq": "no picture",
    "model_invoking_error": "fake-op-double",
    "traffic_model": "3 inputs",
}


def test_every_real_model_is_known(test_data: Path) -> None:
    """Each model of the test data is inferred right or refused with its reason."""
    folder = test_data / "models"
    for path in sorted(folder.rglob("*.tflite")):
        name = str(path.relative_to(folder).with_suffix(""))
        file = read_model(path.read_bytes(), name)
        if name in REFUSED:
            with pytest.raises(ModelError, match=REFUSED[name]):
                infer_manifest(file, name, embedded_labels(file.files))
        elif name in CHECKED:
            found = infer_manifest(file, name, embedded_labels(file.files))
            manifest = found.manifest
            assert CHECKED[name] == (
                manifest.decoder, manifest.activation, manifest.background, len(found.labels)
            ), name  # fmt: skip


def test_imagenet_labels_are_not_shifted(test_data: Path) -> None:
    """Class 653 of a 1,001-class MobileNet is the military uniform, with the background before it."""
    file = read_model((test_data / "models/mobilenet_v2_1.0_224_quant.tflite").read_bytes(), "x")
    labels = infer_manifest(file, "x", embedded_labels(file.files)).labels
    assert labels.name(653) == "military uniform"
    short = Labels({index - 1: name for index, name in labels.names.items() if index}, "file short.txt")
    assert infer_manifest(file, "x", short).labels.name(653) == "military uniform"


def test_given_manifest_is_checked_against_the_file() -> None:
    """A manifest whose roles the graph contradicts is refused; one that fits is kept."""
    file = file_of(outputs=TF1, op="TFLite_Detection_PostProcess")
    manifest = infer_manifest(file, "x", None).manifest
    assert check_manifest(manifest, file, FIVE).manifest == manifest
    swapped = (("boxes", 0), ("classes", 2), ("scores", 1), ("count", 3))
    with pytest.raises(ModelError, match="classes is output 1"):
        check_manifest(replace(manifest, roles=swapped), file, None)
    with pytest.raises(ModelError, match="has 4 outputs but its manifest says that count is output 9"):
        check_manifest(replace(manifest, roles=(*swapped[:3], ("count", 9))), file, None)


def test_given_classification_manifest_is_checked_against_the_file() -> None:
    """A classification manifest needs an output with a class axis, and labels that fit it."""
    file = file_of()
    manifest = infer_manifest(file, "x", FIVE).manifest
    assert check_manifest(manifest, file, None).warnings
    with pytest.raises(ModelError, match="3 lines but model"):
        check_manifest(manifest, file, parse_labels("a\nb\nc", "file x.txt"))
    with pytest.raises(ModelError, match="scores should have one axis of classes"):
        check_manifest(manifest, file_of(outputs=(Tensor("y", (1, 6300, 85), "float32"),)), None)
