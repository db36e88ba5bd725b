"""The raw view shows what the model said before anything was made of it."""

import json
import math
from dataclasses import replace

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


def test_sigmoid_is_shown_beside_the_logits() -> None:
    """Where the manifest asks for sigmoid, each score shows what it becomes."""
    manifest = Manifest(
        "m",
        "detection",
        "fcos",
        InputRule(),
        (("boxes", 1), ("scores", 0)),
        activation="sigmoid",
        strides=(8,),
    )
    specs = [
        TensorSpec("s", (1, 1, 2), "int8", Quantization(0.5, 0)), TensorSpec("b", (1, 1, 4), "float32", None)
    ]  # fmt: skip
    scores, boxes = explain([np.array([[[-4, 2]]], np.int8), np.zeros((1, 1, 4), "f4")], specs, manifest)
    assert [each["sigmoid"] for each in scores["values"]] == pytest.approx([0.7310586, 0.1192029])
    assert (boxes["role"], "sigmoid" in boxes["values"][0]) == ("boxes", False)


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


def test_a_head_shows_its_best_scores_with_their_boxes() -> None:
    """Of a YOLO's one output the class scores are ranked, not the boxes, in whatever layout they lie."""
    rows = np.zeros((21, 6), np.int8)
    rows[3] = (10, 20, 30, 120, 0, 50)
    for tensor in (rows[None], np.ascontiguousarray(rows.T)[None]):
        spec = TensorSpec("head", tensor.shape, "int8", Quantization(0.01, 0))
        manifest = Manifest("m", "detection", "yolov8", InputRule(), (("head", 0),))
        (view,) = explain([tensor], [spec], manifest, limit=2)
        best = view["values"][0]
        assert tensor[tuple(best["index"])] == 50
        assert (view["order"], best["stored"], best["value"]) == ("highest", 50, 0.5)
        assert best["box"] == [
            {"stored": stored, "value": pytest.approx(stored / 100)} for stored in (10, 20, 30, 120)
        ]
        assert len(view["values"]) == 2


def test_objectness_is_shown_and_ranks() -> None:
    """YOLOv5's rows are ranked by what objectness makes of their class scores; YOLOv10's by their score."""
    tensor = np.array([[[0.5, 0.5, 0.1, 0.1, 0.1, 0.9], [0.5, 0.5, 0.2, 0.2, 0.8, 0.7]]], np.float32)
    spec = TensorSpec("head", tensor.shape, "float32", None)
    manifest = Manifest("m", "detection", "yolov5", InputRule(), (("head", 0),))
    (view,) = explain([tensor], [spec], manifest)
    assert [each["index"] for each in view["values"]] == [[0, 1, 5], [0, 0, 5]]
    assert view["values"][0]["objectness"]["value"] == pytest.approx(0.8)
    (view,) = explain([tensor], [spec], replace(manifest, decoder="yolov10"))
    assert [each["index"] for each in view["values"]] == [[0, 1, 4], [0, 0, 4]]
    assert "objectness" not in view["values"][0]
    odd = TensorSpec("head", (1, 12), "float32", None)
    (view,) = explain([tensor.reshape(1, 12)], [odd], manifest, limit=3)
    assert [each["index"] for each in view["values"]] == [[0, 0], [0, 1], [0, 2]]


def test_distributions_show_their_shares() -> None:
    """The logits of an edge show the softmax over its 16 bins; a level's scores show their sigmoid."""
    manifest = Manifest(
        "m", "detection", "yolov9", InputRule(), (("boxes_32", 0), ("scores_32", 1)),
        activation="sigmoid", strides=(32,),
    )  # fmt: skip
    boxes = np.zeros((1, 1, 64), np.int8)
    boxes[0, 0, 17] = 1
    specs = [
        TensorSpec("b", (1, 1, 64), "int8", Quantization(math.log(15), 0)),
        TensorSpec("s", (1, 1, 2), "int8", Quantization(0.5, 0)),
    ]
    shown, scores = explain([boxes, np.array([[[-4, 2]]], np.int8)], specs, manifest, limit=20)
    assert [shown["values"][at]["softmax"] for at in (0, 16, 17)] == pytest.approx([1 / 16, 1 / 30, 1 / 2])
    assert [each["sigmoid"] for each in scores["values"]] == pytest.approx([0.7310586, 0.1192029])
