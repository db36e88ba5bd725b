"""Yes-or-no and multi-label models are read as a textbook reads them."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.domain.errors import ModelError
from edged.domain.predictions import Classification, LabelSet
from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.binary import yes_and_no
from edged.vision.decoding import make_decoder
from edged.vision.fit import plan_fit
from edged.vision.labels import Labels
from edged.vision.manifest import Activation, DecoderName, InputRule, Manifest, Task
from tests.unit.tensors import ZERO_POINTS
from tests.unit.textbook import THRESHOLDS, tensors

PLAN = plan_fit(32, 32, 32, 32, InputRule())
NAMES = Labels({0: "dry", 1: "wet"})
MANY = Labels({index: f"label {index}" for index in range(7)})
ACTIVATIONS: st.SearchStrategy[Activation] = st.sampled_from(["none", "sigmoid"])
DTYPES: st.SearchStrategy[DType] = st.sampled_from(["uint8", "int8", "float32"])


@st.composite
def outputs(draw: st.DrawFn, size: int) -> tuple[TensorSpec, Tensor]:
    """An output of that many values, quantised with any scale and zero point, not at all, or float."""
    dtype = draw(DTYPES)
    quantization = None
    if dtype != "float32":
        scale = draw(st.sampled_from([1 / 256, 1 / 255, 0.05, 0.31, 3.7]))
        quantization = draw(
            st.none() | st.builds(Quantization, st.just(scale), st.sampled_from(ZERO_POINTS[dtype]))
        )
    return TensorSpec("scores", (1, size), dtype, quantization), draw(tensors(dtype, (1, size)))


def decode(decoder: DecoderName, spec: TensorSpec, tensor: Tensor, labels: Labels, **more: Any) -> Any:
    task: Task = "labels" if decoder == "multilabel" else "classification"
    activation = more.pop("activation", "none")
    manifest = Manifest("m", task, decoder, InputRule(), (("scores", 0),), activation=activation)
    made = make_decoder(manifest, [spec], labels, **{"threshold": 0.0, "top_k": 5, **more})
    return made.decode([tensor], PLAN)


def real(spec: TensorSpec, stored: Any, activation: Activation) -> float:
    value = float(stored)
    if spec.quantization:
        value = (value - spec.quantization.zero_point) * spec.quantization.scale
    if activation == "none" or math.isnan(value):
        return value
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0


@given(outputs(1), ACTIVATIONS, THRESHOLDS)
def test_one_score_is_two_classes(
    output: tuple[TensorSpec, Tensor], activation: Activation, threshold: float
) -> None:
    """The positive class has the probability, the other one what is left of 1; both only from the threshold up."""
    spec, tensor = output
    found = decode("binary", spec, tensor, NAMES, activation=activation, threshold=threshold)
    assert isinstance(found, Classification)
    likely = real(spec, tensor[0, 0], activation)
    if math.isnan(likely):
        assert found.top == ()
        return
    likely = min(max(likely, 0.0), 1.0)
    wanted = {name: score for name, score in (("wet", likely), ("dry", 1 - likely)) if score >= threshold}
    near = {name: score for name, score in wanted.items() if abs(score - threshold) > 1e-9}
    assert near.keys() <= {entry.label for entry in found.top}
    assert [entry.score for entry in found.top] == sorted((entry.score for entry in found.top), reverse=True)
    for entry in found.top:
        assert entry.label_id == ("dry", "wet").index(entry.label)
        assert entry.score == pytest.approx(likely if entry.label == "wet" else 1 - likely, abs=1e-6)


@given(outputs(7), ACTIVATIONS, THRESHOLDS)
def test_each_label_is_judged_by_itself(
    output: tuple[TensorSpec, Tensor], activation: Activation, threshold: float
) -> None:
    """Every label whose own score reaches the threshold is an answer, best first, clamped to 0..1."""
    spec, tensor = output
    found = decode("multilabel", spec, tensor, MANY, activation=activation, threshold=threshold)
    assert isinstance(found, LabelSet)
    scores = {index: real(spec, stored, activation) for index, stored in enumerate(tensor[0])}
    finite = {index: score for index, score in scores.items() if math.isfinite(tensor[0, index])}
    sure = {index for index, score in finite.items() if score > threshold + 1e-9}
    possible = {index for index, score in finite.items() if score >= threshold - 1e-9}
    answered = {entry.label_id for entry in found.top}
    assert sure <= answered <= possible
    assert [entry.score for entry in found.top] == sorted((entry.score for entry in found.top), reverse=True)
    for entry in found.top:
        assert entry.label == f"label {entry.label_id}"
        assert entry.score == pytest.approx(min(max(scores[entry.label_id], 0.0), 1.0), abs=1e-6)


def test_one_name_is_that_of_the_positive_class() -> None:
    """A label file of one line names what is there; the other class is `not` that."""
    assert dict(yes_and_no(Labels({0: "wet"}), "m.tflite").names) == {0: "not wet", 1: "wet"}
    assert yes_and_no(NAMES, "m.tflite") is NAMES
    assert dict(yes_and_no(Labels(), "m.tflite").names) == {}
    with pytest.raises(ModelError, match="yes or no, but its labels name 7") as caught:
        yes_and_no(MANY, "m.tflite")
    assert "the negative class first" in caught.value.fix


@pytest.mark.parametrize("decoder", ["binary", "multilabel"])
def test_other_shapes_are_refused(decoder: DecoderName) -> None:
    """A grid is no list of scores, and a yes-or-no model has one value."""
    grid = TensorSpec("scores", (1, 2, 3), "uint8", None)
    with pytest.raises(ModelError, match="one axis of classes"):
        decode(decoder, grid, np.zeros((1, 2, 3), np.uint8), NAMES)
    if decoder == "binary":
        two = TensorSpec("scores", (1, 2), "uint8", None)
        with pytest.raises(ModelError, match="gives one score"):
            decode(decoder, two, np.zeros((1, 2), np.uint8), NAMES)
