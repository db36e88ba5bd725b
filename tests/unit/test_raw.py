"""The raw view shows what the model said before anything was made of it."""

import json
import math

import numpy as np
import pytest

from edged.domain.tensors import Quantization, TensorSpec
from edged.vision.manifest import Activation, InputRule, Manifest
from edged.vision.raw import explain

CLASSIFIER = Manifest("m", "classification", "classification", InputRule(), (("scores", 0),))


def logits(activation: Activation) -> Manifest:
    return Manifest(
        "m", "classification", "classification", InputRule(), (("scores", 0),), activation=activation
    )


def test_quantised_scores() -> None:
    """Scores show their highest integers with index, real value and the tensor's parameters."""
    spec = TensorSpec("prob", (1, 4), "int8", Quantization(0.5, -128))
    (view,) = explain([np.array([[-128, 127, 3, 127]], np.int8)], [spec], CLASSIFIER, limit=3)
    assert view == {
        "name": "prob",
        "role": "scores",
        "dtype": "int8",
        "shape": [1, 4],
        "scale": 0.5,
        "zero_point": -128,
        "order": "highest",
        "values": [
            {"index": [0, 1], "stored": 127, "value": 127.5},
            {"index": [0, 3], "stored": 127, "value": 127.5},
            {"index": [0, 2], "stored": 3, "value": 65.5},
        ],
    }


def test_softmax_is_shown_beside_the_logits() -> None:
    """Where the manifest asks for softmax, each score shows its share of all, not only of the shown ones."""
    spec = TensorSpec("logits", (1, 3), "uint8", Quantization(1.0, 10))
    (view,) = explain([np.array([[11, 12, 10]], np.uint8)], [spec], logits("softmax"), limit=2)
    shares = [math.exp(2), math.exp(1)]
    total = 1 + sum(shares)
    assert [each["softmax"] for each in view["values"]] == pytest.approx([share / total for share in shares])
    assert "softmax" not in explain([np.zeros((1, 3), np.uint8)], [spec], logits("none"))[0]["values"][0]


def test_other_outputs_show_their_first_values() -> None:
    """An output without a role shows its first values in order; a float one has no scale."""
    specs = [TensorSpec("s", (1, 1), "float32", None), TensorSpec("boxes", (1, 2, 4), "float32", None)]
    view = explain(
        [np.zeros((1, 1), "f4"), np.arange(8, dtype="f4").reshape(1, 2, 4)], specs, CLASSIFIER, limit=6
    )[1]
    assert (view["role"], view["order"], view["scale"], view["zero_point"]) == ("", "first", None, None)
    assert [each["index"] for each in view["values"]][-2:] == [[0, 1, 0], [0, 1, 1]]
    assert [each["stored"] for each in view["values"]] == [0, 1, 2, 3, 4, 5]


def test_everything_is_json() -> None:
    """NaN and infinity are written as text, since JSON has no number for them; an empty output is empty."""
    specs = [TensorSpec("s", (1, 3), "float32", None), TensorSpec("none", (0,), "float32", None)]
    views = explain([np.array([[np.nan, np.inf, 1]], "f4"), np.empty(0, "f4")], specs, logits("softmax"))
    assert json.loads(json.dumps(views, allow_nan=False)) == views
    assert [each["stored"] for each in views[0]["values"]] == ["inf", 1.0, "nan"]
    assert views[1]["values"] == []
