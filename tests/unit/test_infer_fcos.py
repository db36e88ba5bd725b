"""Models with a box and class scores for each cell are known without a manifest, or it is said what is missing."""

from dataclasses import replace
from typing import Any

import pytest

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.vision.decoding import make_decoder
from edged.vision.infer import Inferred, check_manifest, infer_manifest
from edged.vision.labels import Labels, parse_labels
from edged.vision.manifest import Activation, InputRule, Manifest
from edged.vision.modelfile import ModelFile, read_model
from tests.fakes.tflite import CONV, LOGISTIC, Tensor, model

CONCATENATION = 2
PICTURE = Tensor("picture", (1, 256, 256, 3), "int8", 1 / 127.5, 0)
SIX = parse_labels("a\nb\nc\nd\ne\nf\n", "file six.txt")


def boxes(*shape: int, dtype: str = "int8", scale: float = 0.1, zero_point: int = -128) -> Tensor:
    return Tensor("boxes", shape or (1, 1024, 4), dtype, scale, zero_point)


def scores(*shape: int, dtype: str = "int8", scale: float = 1 / 256, zero_point: int = -128) -> Tensor:
    return Tensor("scores", shape or (1, 1024, 6), dtype, scale, zero_point)


def file_of(*outputs: Tensor, op: Any = LOGISTIC, picture: Tensor = PICTURE) -> ModelFile:
    return read_model(model((picture,), outputs or (boxes(), scores()), op), "x.tflite")


def inferred(*outputs: Tensor, labels: Labels | None = SIX, **options: Any) -> Inferred:
    return infer_manifest(file_of(*outputs, **options), "x", labels)


@pytest.mark.parametrize(
    ("outputs", "roles", "strides"),
    [
        ((boxes(), scores()), (0, 1), (8,)),
        ((scores(), boxes()), (1, 0), (8,)),
        ((boxes(1, 1344, 4), scores(1, 1344, 6)), (0, 1), (8, 16, 32)),
        ((boxes(1, 320, 4), scores(1, 320, 6)), (0, 1), (16, 32)),
        ((boxes(1, 16, 16, 4), scores(1, 16, 16, 6)), (0, 1), (16,)),
    ],
)
def test_the_shapes_tell_roles_and_strides(
    outputs: tuple[Tensor, ...], roles: tuple[int, int], strides: tuple[int, ...]
) -> None:
    """The output with four numbers a cell holds the boxes; the number of cells tells the strides."""
    found = inferred(*outputs)
    manifest = found.manifest
    assert (manifest.decoder, manifest.task, manifest.activation) == ("fcos", "detection", "none")
    assert (manifest.role("boxes"), manifest.role("scores")) == roles
    assert manifest.strides == strides
    assert any("taken for distances" in warning for warning in found.warnings)
    assert found.labels.name(5) == "f"
    assert not found.undecided


@pytest.mark.parametrize(
    ("output", "op", "activation"),
    [
        (scores(), "edgetpu-custom-op", "none"),
        (scores(dtype="float32", scale=0), LOGISTIC, "none"),
        (scores(dtype="float32", scale=0), CONV, "sigmoid"),
        (scores(scale=0.1, zero_point=30), "edgetpu-custom-op", "sigmoid"),
    ],
)
def test_the_op_or_the_range_tells_the_activation(output: Tensor, op: Any, activation: Activation) -> None:
    """Scores of a logistic op or within 0..1 are probabilities; those that can be negative are logits."""
    found = inferred(boxes(), output, op=op)
    assert found.manifest.activation == activation
    assert any("sigmoid is applied" in warning for warning in found.warnings) == (activation == "sigmoid")


@pytest.mark.parametrize(
    ("outputs", "op", "what", "key"),
    [
        ((boxes(), scores(1, 1024, 4)), LOGISTIC, "either may hold the boxes", "roles"),
        ((boxes(1, 999, 4), scores(1, 999, 6)), LOGISTIC, "999 cells of 256 x 256 pixels fit no usual strides", "strides"),
        ((boxes(zero_point=0), scores()), LOGISTIC, "boxes go down to -12.8", "decoder"),
        ((boxes(), scores(dtype="float32", scale=0)), CONCATENATION, "probabilities or logits", "activation"),
        ((boxes(), scores(scale=0.1)), "edgetpu-custom-op", "probabilities or logits", "activation"),
    ],
)  # fmt: skip
def test_what_the_file_leaves_open_is_said(outputs: tuple[Tensor, ...], op: Any, what: str, key: str) -> None:
    """Nothing is guessed that the file does not show: the refusal names what a model.yaml has to say."""
    with pytest.raises(ModelError) as refusal:
        inferred(*outputs, op=op)
    assert "model x.tflite gives int8 [1, " in refusal.value.what
    assert what in refusal.value.what
    assert f"write a model.yaml that says its {key}" in refusal.value.fix


@pytest.mark.parametrize(
    "outputs",
    [
        (boxes(1, 1024, 5), scores()),
        (boxes(), scores(1, 1000, 6)),
        (boxes(), scores(), scores()),
        (boxes(1, 4), scores(1, 6)),
        (boxes(1, 1024, 4, dtype="int64", scale=0), scores()),
    ],
)
def test_other_outputs_are_no_such_model(outputs: tuple[Tensor, ...]) -> None:
    """Outputs of other shapes or types are refused as before."""
    with pytest.raises(ModelError, match="outputs that are neither ssd's, fcos's nor yolov9's"):
        inferred(*outputs)


def test_labels_have_to_fit_the_scores() -> None:
    """A label file of another length is refused, given or found; a leading background is left out."""
    with pytest.raises(ModelError, match=r"2 lines but model x\.tflite has 6 classes"):
        inferred(labels=parse_labels("a\nb\n", "file two.txt"))
    manifest = inferred().manifest
    with pytest.raises(ModelError, match=r"2 lines but model x\.tflite has 6 classes"):
        check_manifest(manifest, file_of(), parse_labels("a\nb\n", "file two.txt"))
    seven = parse_labels("background\na\nb\nc\nd\ne\nf\n", "file seven.txt")
    assert check_manifest(manifest, file_of(), seven).labels.name(0) == "a"


def test_one_class_is_enough() -> None:
    """A detector of one kind of object has a class axis of 1."""
    found = inferred(boxes(), scores(1, 1024, 1), labels=parse_labels("card", "file one.txt"))
    assert found.labels.name(0) == "card"


PLAIN = Manifest(
    "garage", "detection", "fcos", InputRule(), (("boxes", 0), ("scores", 1)), strides=(8,)
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "shapes", "what"),
    [
        ({"strides": (16,)}, [], r"strides \[16\] make 256 cells of 256 x 256 pixels, not 1024; strides \[8\] make 1024"),
        ({"strides": (24,)}, [], r"256 x 256 pixels is no multiple of strides \[24\]"),
        ({}, [(1, 1000, 4), (1, 1000, 6)], r"make 1024 cells of 256 x 256 pixels, not 1000 \("),
        ({}, [(1, 1024, 4), (1, 1000, 6)], r"output 1 is int8\[1, 1000, 6\]: .* not 1000 \("),
        ({}, [(1, 1024, 5), (1, 1024, 6)], r"output 0 is int8\[1, 1024, 5\]: boxes should be \[1, N, 4\]"),
        ({}, [(1, 1024, 4), (1024, 6)], r"scores should be \[1, N, classes\]"),
        ({}, [(1, 64, 16, 4), (1, 1024, 6)], r"no such grid with strides \[8\]"),
        ({"roles": (("boxes", 1), ("scores", 0))}, [], r"boxes should be \[1, N, 4\]"),
    ],
)  # fmt: skip
def test_cells_that_do_not_fit_are_refused(
    changes: dict[str, Any], shapes: list[tuple[int, ...]], what: str
) -> None:
    """When the file is read and when it is loaded, the refusal says what does not fit, and what would."""
    shapes = shapes or [(1, 1024, 4), (1, 1024, 6)]
    manifest = replace(PLAIN, **changes)
    file = file_of(*(Tensor(f"output {at}", shape, "int8") for at, shape in enumerate(shapes)))
    with pytest.raises(ModelError, match=what) as refusal:
        check_manifest(manifest, file, None)
    assert refusal.value.what.startswith("model x.tflite: ")
    with pytest.raises(ModelError, match=what) as refusal:
        make_decoder(
            manifest, file.outputs, Labels(), threshold=0.5, top_k=1, picture=file.inputs[0]
        )  # fmt: skip
    assert refusal.value.what.startswith("model garage: ")
    assert "manifest" in refusal.value.fix


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"roles": (("boxes", 0),)}, "no output has the role scores"),
        ({"roles": (("boxes", 0), ("scores", 0))}, "one output has two roles"),
        ({"activation": "softmax"}, "fcos scores need no softmax"),
        ({"decoder": "classification", "activation": "sigmoid"}, "classification scores need no sigmoid"),
        ({"strides": ()}, "fcos needs strides"),
    ],
)
def test_manifests_that_say_too_little_make_no_decoder(changes: dict[str, Any], what: str) -> None:
    """A manifest that was put together by a program is checked as well."""
    file = file_of()
    with pytest.raises(ModelError, match=what):
        make_decoder(
            replace(PLAIN, **changes), file.outputs, Labels(), threshold=0.5, top_k=1, picture=file.inputs[0]
        )


@pytest.mark.parametrize("part", [0, 1])
def test_types_that_hold_no_scores_are_refused(part: int) -> None:
    """Boxes and scores are integers of 8 or 16 bits, or floats."""
    specs: list[TensorSpec] = list(file_of().outputs)
    specs[part] = replace(specs[part], dtype="int64")
    with pytest.raises(ModelError, match=f"{('boxes', 'scores')[part]} should be one of float16"):
        make_decoder(PLAIN, specs, Labels(), threshold=0.5, top_k=1, picture=file_of().inputs[0])
