"""Text is read from steps of classes as a textbook reads it."""

import math
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edged.domain.errors import ConfigurationError, ModelError
from edged.domain.predictions import Text
from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.characters import match_characters
from edged.vision.decoding import make_decoder
from edged.vision.document import manifest_from_mapping
from edged.vision.fit import plan_fit
from edged.vision.labels import LabelMismatchError, Labels, parse_labels
from edged.vision.manifest import Activation, Blank, Collapse, InputRule, Manifest
from tests.unit.tensors import ZERO_POINTS
from tests.unit.textbook import tensors

PLAN = plan_fit(32, 32, 32, 32, InputRule())
NAMES = {0: "a", 1: "b", 2: " ", 3: "tt"}
"""A class without a label is written as U+FFFD; one label is longer than a character."""


class Case(NamedTuple):
    """A tensor of steps, and how a manifest says that it is read."""

    tensor: Tensor
    quantization: Quantization | None
    activation: Activation
    collapse: Collapse
    blank: Blank


@st.composite
def cases(draw: st.DrawFn) -> Case:
    dtype: DType = draw(st.sampled_from(["uint8", "int8", "float32"]))
    steps, classes = draw(st.integers(1, 9)), draw(st.integers(1, 6))
    tensor = draw(tensors(dtype, (steps, classes)))
    if draw(st.booleans()):  # few values, so that steps repeat and tie
        tensor = np.floor_divide(tensor, 64).astype(dtype) if dtype != "float32" else np.sign(tensor)
    scales = st.sampled_from([1 / 256, 1 / 255, 0.05, 0.31, 3.7])
    quantization = None
    if dtype != "float32":
        quantization = draw(
            st.none() | st.builds(Quantization, scales, st.sampled_from([*ZERO_POINTS[dtype], 127]))
        )
    return Case(
        draw(st.sampled_from([tensor[None], tensor[None, None], tensor[None, :, None]])),
        quantization,
        draw(st.sampled_from(["none", "softmax"])),
        draw(st.sampled_from(["ctc", "none"])),
        draw(st.sampled_from(["none", "first", "last"])),
    )


def decode(case: Case, labels: Labels | None = None) -> Text:
    """What the product reads."""
    manifest = Manifest(
        "m", "text", "sequence", InputRule(), (("scores", 0),), case.activation,
        collapse=case.collapse, blank=case.blank,
    )  # fmt: skip
    dtype: DType = case.tensor.dtype.name  # type: ignore[assignment]  # one of three
    spec = TensorSpec("steps", case.tensor.shape, dtype, case.quantization)
    decoder = make_decoder(manifest, [spec], labels or Labels(NAMES), threshold=0.9, top_k=1)
    found = decoder.decode([case.tensor], PLAN)
    assert isinstance(found, Text)
    return found


def rows(case: Case) -> list[list[float]]:
    """Every number dequantised, step by step, in Python's own numbers."""
    scale, zero = (case.quantization.scale, case.quantization.zero_point) if case.quantization else (1.0, 0)
    flat = [(number - zero) * scale for number in case.tensor.flatten().tolist()]
    width = case.tensor.shape[-1]
    return [flat[at : at + width] for at in range(0, len(flat), width)]


def textbook(case: Case) -> Text:
    """Softmax over each step, the best class, groups of neighbours, and what is no blank."""
    width = case.tensor.shape[-1]
    blank = {"none": None, "first": 0, "last": width - 1}[case.blank]
    path: list[tuple[int | None, float]] = []
    for row in rows(case):
        known = [-math.inf if math.isnan(number) else number for number in row]
        best = max(known)
        if best == -math.inf:
            path.append((None, 0.0))
            continue
        score = min(max(best, 0.0), 1.0)
        if case.activation == "softmax":
            sure = known.count(math.inf)
            score = 1 / sure if sure else 1 / math.fsum(math.exp(number - best) for number in known)
        path.append((known.index(best), score))
    if case.collapse == "ctc":
        groups = [
            (label, [score for _, score in group]) for label, group in groupby(path, lambda step: step[0])
        ]
    else:
        groups = [(label, [score]) for label, score in path]
    characters = [(label, max(scores)) for label, scores in groups if label is not None and label != blank]
    text = "".join(NAMES.get(label, "\ufffd") for label, _ in characters)
    if any(label is None for label, _ in path):
        return Text(text, 0.0)
    blanks = [score for label, score in path if label == blank]
    return Text(text, min(score for _, score in characters) if characters else min(blanks))


@given(cases())
@example(Case(np.full((1, 3, 2), np.nan, np.float32), None, "softmax", "ctc", "last"))
@example(Case(np.full((1, 1, 1), -np.inf, np.float32), None, "none", "ctc", "first"))
@example(Case(np.array([[[0, 255, 255]]], np.uint8), None, "softmax", "none", "none"))
def test_text_and_score_are_the_textbooks(case: Case) -> None:
    """The text is exact; its score is that of its least certain character, each taken at its best step."""
    found, wanted = decode(case), textbook(case)
    assert found.text == wanted.text
    assert found.score == pytest.approx(wanted.score, abs=1e-6)
    assert 0 <= found.score <= 1


def steps(text: str, score: float = 0.9) -> Tensor:
    """Steps of the classes a, b, space, tt, blank: each letter of the text is one, `-` the blank."""
    tensor = np.full((1, len(text), 5), (1 - score) / 4, np.float32)
    for at, letter in enumerate(text):
        tensor[0, at, "ab t-".index(letter)] = score
    return tensor


@pytest.mark.parametrize(
    ("path", "ctc", "plain"),
    [
        ("a", "a", "a"),
        ("aab", "ab", "aab"),
        ("a-ab", "aab", "aab"),
        ("--a--b--", "ab", "ab"),
        ("a bb", "a b", "a bb"),
        ("tt-t", "tttt", "tttttt"),
        ("----", "", ""),
    ],
)
def test_repeats_are_merged_unless_a_blank_parts_them(path: str, ctc: str, plain: str) -> None:
    """`ctc` reads the same class in neighbouring steps once, `none` each time; neither tells the blanks."""
    assert decode(Case(steps(path), None, "none", "ctc", "last")).text == ctc
    assert decode(Case(steps(path), None, "none", "none", "last")).text == plain


def test_the_score_is_that_of_the_least_certain_character() -> None:
    """A character counts by its best step; blanks count only where there is nothing else."""
    tensor = np.concatenate([steps("a", 0.6), steps("a", 0.8), steps("-", 0.3), steps("b", 0.95)], axis=1)
    assert decode(Case(tensor, None, "none", "ctc", "last")).score == pytest.approx(0.8)
    empty = np.concatenate([steps("-", 0.7), steps("-", 0.99)], axis=1)
    found = decode(Case(empty, None, "none", "ctc", "last"))
    assert found.text == ""
    assert found.score == pytest.approx(0.7)


def test_a_step_that_cannot_be_read_makes_the_text_unsure() -> None:
    """A step of nothing but NaN is a blank, and the score is 0, so that no rule takes the text for good."""
    tensor = steps("a-b")
    tensor[0, 1] = np.nan
    assert decode(Case(tensor, None, "none", "ctc", "last")) == Text("ab", 0.0)
    tensor = steps("aa")
    tensor[0, 0, 1] = np.nan
    found = decode(Case(tensor, None, "none", "ctc", "last"))
    assert found.text == "a"
    assert found.score == pytest.approx(0.9)


@pytest.mark.parametrize("shape", [(1, 5), (2, 4, 5), (1, 2, 2, 5), (1, 0, 5), (1, 4, 0), ()])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    """A sequence has one axis of steps and one of classes."""
    with pytest.raises(ModelError, match=r"a sequence should be \[1, T, C\]"):
        decode(Case(np.zeros(shape, np.uint8), None, "none", "ctc", "last"))


def characters(text: str, classes: int, blank: Blank) -> dict[int, str]:
    return dict(match_characters(parse_labels(text, "file x.txt"), classes, blank, "m.tflite").names)


def test_the_label_file_may_leave_the_blank_out() -> None:
    """A line for each class, or for each but the blank; a space is written `<space>`."""
    assert characters("a\nb\n<space>\n", 4, "last") == {0: "a", 1: "b", 2: " "}
    assert characters("a\nb\n<space>\n", 4, "first") == {1: "a", 2: "b", 3: " "}
    assert characters("-\na\nb\n", 3, "first") == {0: "-", 1: "a", 2: "b"}
    assert characters("0\n1\n2\n", 3, "none") == {0: "0", 1: "1", 2: "2"}
    assert characters("1 a\n2 b\n", 4, "first") == {1: "a", 2: "b"}


@pytest.mark.parametrize(
    ("text", "classes", "blank", "fix"),
    [
        ("a\nb\n", 4, "last", "3 lines, or 4 with the blank"),
        ("a\nb\n", 3, "none", "3 lines"),
        ("0 a\n3 b\n", 3, "none", "3 lines"),
        ("a\nb\nc\nd\n", 3, "first", "2 lines, or 3 with the blank"),
    ],
)
def test_labels_of_another_number_are_refused(text: str, classes: int, blank: Blank, fix: str) -> None:
    """The error says how many lines would do, and how a space is written."""
    with pytest.raises(LabelMismatchError, match=f"model m.tflite has {classes} classes") as caught:
        characters(text, classes, blank)
    assert caught.value.fix == f"give a label file with {fix}: a character a line, <space> for a space"


def test_text_needs_labels() -> None:
    """Class numbers are no text."""
    with pytest.raises(ModelError, match="nothing says which of its 9 classes is which character"):
        match_characters(Labels(), 9, "last", "m.tflite")


def test_the_blank_has_to_be_said() -> None:
    """Exporters put it at either end, so that a manifest of a CTC model names it; without CTC there need be none."""
    data = {"name": "m", "decoder": "sequence"}
    with pytest.raises(ConfigurationError, match="blank: is missing: ctc needs to know which class"):
        manifest_from_mapping(data, str)
    manifest = manifest_from_mapping({**data, "collapse": "none"}, str)
    assert (manifest.task, manifest.collapse, manifest.blank) == ("text", "none", "none")
    with pytest.raises(ConfigurationError, match="background: must be none for sequence, whose `blank` says"):
        manifest_from_mapping({**data, "blank": "last", "background": "last"}, str)
