"""What a bare model of the whole frame is taken for, and what one with a manifest is held against."""

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from edged.domain.errors import ModelError
from edged.vision.document import manifest_from_mapping
from edged.vision.infer import Inferred, check_manifest, infer_manifest
from edged.vision.labels import Labels, parse_labels
from edged.vision.manifest import InputRule, Manifest
from edged.vision.modelfile import read_model
from edged.vision.quantity import Quantity
from tests.fakes.tflite import CONV, LOGISTIC, SOFTMAX, Tensor, model

DIGITS = parse_labels("\n".join("0123456789"), "file x.txt")
STEPS = Tensor("steps", (1, 12, 11), "float32")


def inferred(output: Tensor, op: int | str, labels: Labels | None = None, **more: Any) -> Inferred:
    return infer_manifest(read_model(model(outputs=(output,), op=op, **more), "x.tflite"), "x", labels)


@pytest.mark.parametrize("shape", [(1, 1), (1,), (1, 1, 1, 1)])
@pytest.mark.parametrize(("text", "positive"), [("wet\n", "wet"), ("dry\nwet\n", "wet"), ("", "class_1")])
def test_one_sigmoid_says_yes_or_no(shape: tuple[int, ...], text: str, positive: str) -> None:
    """The warning names the class that the probability is taken for."""
    labels = parse_labels(text, "file x.txt") if text else None
    found = inferred(Tensor("p", shape, "uint8", 1 / 256, 0), LOGISTIC, labels)
    assert (found.manifest.task, found.manifest.decoder) == ("classification", "binary")
    assert (found.manifest.roles, found.manifest.activation) == ((("scores", 0),), "none")
    assert found.labels.name(1) == positive
    assert f"the probability of '{positive}' (decoder: binary)" in found.warnings[-1]


def test_a_yes_or_no_model_has_at_most_two_labels() -> None:
    """Three names for one value are refused."""
    with pytest.raises(ModelError, match="says yes or no, but its labels name 10 classes"):
        inferred(Tensor("p", (1, 1), "float32"), LOGISTIC, DIGITS)


@pytest.mark.parametrize("shape", [(1, 10), (1, 1, 1, 10)])
def test_sigmoids_are_labels_by_themselves(shape: tuple[int, ...]) -> None:
    """Where a sigmoid gives many scores, no class takes from another; that this is assumed is told."""
    found = inferred(Tensor("p", shape, "uint8", 1 / 256, 0), LOGISTIC, DIGITS)
    assert (found.manifest.task, found.manifest.decoder) == ("labels", "multilabel")
    assert found.labels == DIGITS
    assert "(decoder: multilabel)" in found.warnings[0]


@pytest.mark.parametrize("text", ["background\na\nb\n", "a\nb\n"])
def test_a_background_makes_sigmoids_a_choice(text: str) -> None:
    """Labels that name a background, or leave one line out for it, are those of a classifier."""
    found = inferred(Tensor("p", (1, 3), "float32"), LOGISTIC, parse_labels(text, "file x.txt"))
    assert (found.manifest.decoder, found.manifest.background) == ("classification", "first")


@pytest.mark.parametrize("shape", [(1, 12, 11), (1, 1, 12, 11), (1, 12, 1, 11)])
def test_steps_of_characters_are_text(shape: tuple[int, ...]) -> None:
    """One class more than there are characters is the blank of CTC, at the end; that this is assumed is told."""
    found = inferred(replace(STEPS, shape=shape), SOFTMAX, DIGITS)
    manifest = found.manifest
    assert (manifest.task, manifest.decoder, manifest.activation) == ("text", "sequence", "none")
    assert (manifest.collapse, manifest.blank) == ("ctc", "last")
    assert found.labels.names == DIGITS.names
    assert (
        "12 steps of 11 classes, one more than there are characters, are taken for text" in found.warnings[0]
    )


@pytest.mark.parametrize(
    ("output", "op", "activation"),
    [
        (STEPS, CONV, "softmax"),
        (replace(STEPS, dtype="int8", scale=0.1), CONV, "softmax"),
        (replace(STEPS, dtype="int8", scale=1 / 256, zero_point=-128), CONV, "none"),
        (replace(STEPS, dtype="int8", scale=0.1), LOGISTIC, "none"),
    ],
)
def test_steps_are_probabilities_or_logits(output: Tensor, op: int, activation: str) -> None:
    """As for a classifier the last operator tells, or the range; logits are a warning."""
    found = inferred(output, op, DIGITS)
    assert found.manifest.activation == activation
    assert any("taken for logits" in warning for warning in found.warnings) == (activation == "softmax")


def test_a_space_is_one_character() -> None:
    """A label file that writes it `<space>` is still one of single characters."""
    labels = parse_labels("\n".join([*"012345678", "<space>"]), "file x.txt")
    assert inferred(STEPS, SOFTMAX, labels).labels.name(9) == " "


@pytest.mark.parametrize(
    ("output", "labels"),
    [
        (STEPS, parse_labels("\n".join("012345678"), "file x.txt")),
        (STEPS, parse_labels("\n".join(["zero", *"123456789"]), "file x.txt")),
        (STEPS, None),
        (replace(STEPS, dtype="int32"), DIGITS),
        (replace(STEPS, shape=(2, 12, 11)), DIGITS),
    ],
)
def test_other_steps_are_not_guessed(output: Tensor, labels: Labels | None) -> None:
    """Other numbers of labels, names, or none at all say nothing of text."""
    with pytest.raises(ModelError):
        inferred(output, SOFTMAX, labels)


def test_one_step_is_a_choice() -> None:
    """Scores [1, 1, 1, C] are those of a classifier, whose label file leaves the background out."""
    found = inferred(replace(STEPS, shape=(1, 1, 1, 11)), SOFTMAX, DIGITS)
    assert (found.manifest.decoder, found.manifest.background) == ("classification", "first")


def test_a_detector_stays_one() -> None:
    """What YOLOv10 gives is no text, whatever its five labels look like; nor is what says that it is a YOLO."""
    letters = parse_labels("a\nb\nc\nd\ne\n", "file x.txt")
    assert inferred(Tensor("y", (1, 300, 6), "float32"), CONV, letters).manifest.decoder == "yolov10"
    names = b"{'task': 'detect', 'names': {0: 'a', 1: 'b', 2: 'c', 3: 'd', 4: 'e'}}"
    output = Tensor("y", (1, 20, 6), "float32")
    assert inferred(output, CONV, letters).manifest.decoder == "sequence"
    assert inferred(output, CONV, letters, files={"m.json": names}).manifest.decoder == "yolov10"


@pytest.mark.parametrize(
    ("output", "ends"),
    [
        (Tensor("v", (1, 1), "float32"), [0, 1]),
        (Tensor("v", (1, 1), "int8", 0.05, -28), [-5, 7.75]),
    ],
)
def test_one_plain_value_is_refused_with_the_lines_to_write(output: Tensor, ends: list[float]) -> None:
    """The error holds a manifest that can be read as it is; name, unit, range and scale are the reader's."""
    file = read_model(model(outputs=(output,), op=CONV), "x.tflite")
    with pytest.raises(ModelError, match="one value and no choice between classes") as caught:
        infer_manifest(file, 'a "gauge": 1', None)
    lines = re.search(r"\{name: .*\}", caught.value.fix)
    assert lines
    data = yaml.safe_load(lines[0])
    assert data["name"] == 'a "gauge": 1'
    assert data["values"] == [{"name": "value", "unit": "", "range": ends}]
    assert check_manifest(manifest_from_mapping(data, str), file, None).warnings == ()


GAUGE = Manifest("g", "value", "linear", InputRule(), (), values=(Quantity("pressure", 0, 10, "bar"),))
PLATE = Manifest("p", "text", "sequence", InputRule(), (("scores", 0),), collapse="ctc", blank="first")


def checked(manifest: Manifest, output: Tensor, labels: Labels | None = None) -> Inferred:
    return check_manifest(manifest, read_model(model(outputs=(output,)), "x.tflite"), labels)


def test_a_given_manifest_is_held_against_the_file() -> None:
    """As many values as numbers, steps where text is to be, labels where they are needed; else it is refused."""
    assert checked(GAUGE, Tensor("v", (1, 1), "float32")).warnings == ()
    with pytest.raises(ModelError, match=r"gives float32 \[1, 2\], but its manifest names 1 values"):
        checked(GAUGE, Tensor("v", (1, 2), "float32"))
    assert checked(PLATE, STEPS, DIGITS).labels.name(1) == "0"
    with pytest.raises(ModelError, match=r"a sequence should be \[1, T, C\]"):
        checked(PLATE, Tensor("v", (1, 11), "float32"), DIGITS)
    with pytest.raises(ModelError, match="nothing says which of its 11 classes") as caught:
        checked(PLATE, STEPS)
    assert "labels: labels.txt" in caught.value.fix
