"""The raw view of models that give values or read text, and of large tensors."""

import json
import math
from typing import Any

import numpy as np
import pytest

from edged.domain.tensors import Quantization, TensorSpec
from edged.vision.manifest import Activation, InputRule, Manifest
from edged.vision.quantity import Quantity
from edged.vision.raw import explain


def text(activation: Activation = "none") -> Manifest:
    return Manifest(
        "m", "text", "sequence", InputRule(), (("scores", 0),), activation, collapse="ctc", blank="last"
    )


def test_values_show_what_became_of_them() -> None:
    """A named number has its name, its unit and what scale, offset and range make of it, wherever it is."""
    values = (
        Quantity("pressure", 0, 10, "bar", scale=10, output=0, index=20),
        Quantity("level", 0, 1, output=1, index=0),
    )
    manifest = Manifest("m", "value", "linear", InputRule(), (), values=values)
    specs = [
        TensorSpec("a", (1, 30), "int8", Quantization(0.05, -128)), TensorSpec("b", (1, 1), "float32", None)
    ]  # fmt: skip
    many, one = explain(
        [np.full((1, 30), -118, np.int8), np.array([[np.nan]], np.float32)], specs, manifest, limit=3
    )
    assert (many["role"], many["order"], [each["index"][1] for each in many["values"]]) == (
        "values", "first", [0, 1, 2, 20]
    )  # fmt: skip
    assert many["values"][2] == {"index": [0, 2], "stored": -118, "value": 0.5}
    assert many["values"][3] == {
        "index": [0, 20], "stored": -118, "value": 0.5, "name": "pressure", "scaled": 5.0, "unit": "bar"
    }  # fmt: skip
    [level] = one["values"]
    assert (level["name"], level["value"], level["scaled"]) == ("level", "nan", "nan")
    assert json.loads(json.dumps([many, one], allow_nan=False)) == [many, one]


def test_text_shows_the_best_class_of_each_step() -> None:
    """Steps come in order, each with the softmax over its own classes where the model gives logits."""
    tensor = np.array([[[0, 2, 0], [3, 1, 3]]], np.int8)
    spec = TensorSpec("steps", (1, 2, 3), "int8", Quantization(0.5, 1))
    [view] = explain([tensor], [spec], text("softmax"))
    assert (view["role"], view["order"]) == ("scores", "steps")
    assert [(each["index"], each["stored"], each["value"]) for each in view["values"]] == [
        ([0, 0, 1], 2, 0.5), ([0, 1, 0], 3, 1.0)
    ]  # fmt: skip
    wanted = [1 / (1 + 2 / math.e), 1 / (2 + 1 / math.e)]
    assert [each["softmax"] for each in view["values"]] == pytest.approx(wanted)
    [view] = explain([tensor], [spec], text())
    assert "softmax" not in view["values"][0]


def test_steps_without_a_number_are_shown_too() -> None:
    """A step of NaN is there with its first class, and everything stays JSON."""
    tensor = np.full((1, 2, 3), np.nan, np.float32)
    [view] = explain([tensor], [TensorSpec("s", (1, 2, 3), "float32", None)], text("softmax"))
    assert [(each["index"], each["value"], each["softmax"]) for each in view["values"]] == [
        ([0, 0, 0], "nan", "nan"), ([0, 1, 0], "nan", "nan")
    ]  # fmt: skip


def view_of(tensor: Any) -> dict[str, Any]:
    spec = TensorSpec("s", tensor.shape, tensor.dtype.name, None)
    [view] = explain([tensor], [spec], text())
    return view


def test_a_large_tensor_is_summed_up() -> None:
    """Beyond 1,000 elements the ends, the mean and the number of NaN are told; of the steps the first hundred."""
    tensor = np.zeros((1, 300, 5), np.float32)
    tensor[0, 7, 1], tensor[0, 8, 1], tensor[0, 9] = 3, -2, np.nan
    view = view_of(tensor)
    assert len(view["values"]) == 100
    mean = pytest.approx(1 / 1495)
    assert view["summary"] == {"count": 1500, "nan": 5, "lowest": -2.0, "highest": 3.0, "mean": mean}
    assert view_of(np.full((1, 300, 5), np.nan, np.float32))["summary"] == {"count": 1500, "nan": 1500}
    assert "summary" not in view_of(np.zeros((1, 200, 5), np.uint8))
