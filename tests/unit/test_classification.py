"""Classifier outputs are read as a textbook would, only faster."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.domain.predictions import Classification
from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.decoding import make_decoder
from edged.vision.fit import plan_fit
from edged.vision.labels import Labels
from edged.vision.manifest import Activation, Background, InputRule, Manifest
from tests.unit.tensors import quantizations, real, spec_of, values

PLAN = plan_fit(640, 480, 224, 224, InputRule())
LABELS = Labels({0: "zero", 1: "one", 2: "two"})


def decode(
    scores: Tensor,
    quantization: Quantization | None = None,
    *,
    threshold: float = 0.0,
    top_k: int = 3,
    activation: Activation = "none",
    background: Background = "none",
) -> Classification:
    spec = spec_of("scores", scores, quantization)
    manifest = Manifest(
        "m",
        "classification",
        "classification",
        InputRule(),
        (("scores", 0),),
        activation=activation,
        background=background,
    )
    prediction = make_decoder(manifest, [spec], LABELS, threshold=threshold, top_k=top_k).decode(
        [scores], PLAN
    )
    assert isinstance(prediction, Classification)
    return prediction


def pairs(prediction: Classification) -> list[tuple[int, float]]:
    """Ids and scores."""
    return [(each.label_id, each.score) for each in prediction.top]


def textbook(
    scores: NDArray[np.float64], threshold: float, top_k: int, activation: Activation, background: Background
) -> list[tuple[int, float]]:
    """Softmax over all, no background, above the threshold, sorted, cut."""
    if activation == "softmax":
        scores = np.exp(scores - scores.max())
        scores /= scores.sum()
    listed = list(enumerate(scores.tolist()))
    listed = {"none": listed, "first": listed[1:], "last": listed[:-1]}[background]
    ranked = sorted((each for each in listed if each[1] >= threshold), key=lambda each: (-each[1], each[0]))
    return [(label_id, min(max(score, 0.0), 1.0)) for label_id, score in ranked[:top_k]]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
@settings(max_examples=150)
@given(data=st.data())
def test_same_as_the_textbook(data: st.DataObject, dtype: DType) -> None:
    """Labels and scores are those of dequantising everything, plain softmax and a sort."""
    quantization = data.draw(quantizations(dtype))
    scores = data.draw(values(dtype, (1, data.draw(st.integers(1, 40)))))
    threshold = data.draw(st.sampled_from([0.001, 0.1, 0.25, 0.5, 1.0]))
    top_k = data.draw(st.integers(1, 12))
    activation: Activation = data.draw(st.sampled_from(["none", "softmax"]))
    background: Background = data.draw(st.sampled_from(["none", "first", "last"]))
    expected = textbook(real(scores, quantization)[0], threshold, top_k, activation, background)
    got = pairs(
        decode(
            scores,
            quantization,
            threshold=threshold,
            top_k=top_k,
            activation=activation,
            background=background,
        )
    )
    if activation == "softmax":  # a score within rounding of the threshold may fall on either side
        expected = [each for each in expected if abs(each[1] - threshold) > 1e-9]
        got = [each for each in got if abs(each[1] - threshold) > 1e-9]
    assert [label_id for label_id, _ in got] == [label_id for label_id, _ in expected]
    assert [score for _, score in got] == pytest.approx([score for _, score in expected], abs=1e-6)


def test_best_first_with_names() -> None:
    """Classes come best first, named by their index, and as `class_N` where nobody named them."""
    top = decode(np.array([[10, 200, 30, 128]], np.uint8), Quantization(1 / 256, 0), threshold=0.05).top
    assert [(each.label, each.label_id) for each in top] == [("one", 1), ("class_3", 3), ("two", 2)]
    assert top[0].score == 200 / 256


def test_equal_scores_come_by_id() -> None:
    """Of equal scores the lower id comes first, also where the cut goes through them."""
    scores = np.array([5, 9, 7, 9, 7, 9, 7], np.int8)
    assert [each for each, _ in pairs(decode(scores, None, top_k=4))] == [1, 3, 5, 2]


def test_threshold_is_met_by_an_equal_score() -> None:
    """A score equal to the threshold counts; one step below does not."""
    scores = np.array([[127, 128]], np.uint8)
    assert pairs(decode(scores, Quantization(1 / 256, 0), threshold=0.5)) == [(1, 0.5)]


def test_float_threshold_is_not_rounded() -> None:
    """A float32 score just under the threshold does not pass because the threshold was rounded to float32."""
    threshold = 0.7
    below = np.float32(threshold)
    assert float(below) < threshold
    assert decode(np.array([below], np.float32), threshold=threshold).top == ()


@pytest.mark.parametrize(
    ("background", "expected"), [("first", [1, 2]), ("last", [0, 1]), ("none", [0, 2, 1])]
)
def test_background_is_no_answer(background: Background, expected: list[int]) -> None:
    """The background class is never listed, but the others' softmax still shares with it."""
    logits = np.array([4.0, 1.0, 3.0], np.float32)
    got = decode(logits, activation="softmax", background=background)
    shares = np.exp(logits) / np.exp(logits).sum()
    assert sorted(each for each, _ in pairs(got)) == sorted(expected)
    assert all(score == pytest.approx(shares[label_id], abs=1e-6) for label_id, score in pairs(got))


def test_nan_is_dropped() -> None:
    """NaN is no answer, and takes no share of a softmax."""
    scores = np.array([np.nan, 0.5, 0.25], np.float32)
    assert pairs(decode(scores)) == [(1, 0.5), (2, 0.25)]
    assert [each for each, _ in pairs(decode(scores, activation="softmax"))] == [1, 2]
    assert decode(np.full(3, np.nan, np.float32), activation="softmax").top == ()


def test_scores_are_clamped() -> None:
    """A score outside 0..1 is reported as the nearer of the two."""
    assert [score for _, score in pairs(decode(np.array([1.5, -0.5, np.inf], np.float32), threshold=-1))] == [
        1.0,
        1.0,
        0.0,
    ]


def test_extremes_of_int8_logits() -> None:
    """The distance from -128 to 127 is 255 steps, although int8 cannot say so."""
    got = decode(np.array([-128, 127], np.int8), Quantization(0.01, 0), activation="softmax")
    assert [label_id for label_id, _ in pairs(got)] == [1, 0]
    assert [score for _, score in pairs(got)] == pytest.approx([0.9275735, 0.0724265], abs=1e-6)


@pytest.mark.parametrize("activation", ["none", "softmax"])
def test_nothing_to_read(activation: Activation) -> None:
    """An output without elements has no answer."""
    manifest = Manifest(
        "m", "classification", "classification", InputRule(), (("scores", 0),), activation=activation
    )
    decoder = make_decoder(manifest, [TensorSpec("s", (), "uint8", None)], LABELS, threshold=0.5, top_k=1)
    assert decoder.decode([np.empty((1, 0), np.uint8)], PLAN) == Classification(())
