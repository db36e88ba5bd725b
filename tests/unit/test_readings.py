"""What a configuration says of values and texts, held against the models."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from edged.compose.models import examine_models
from edged.compose.readings import text_rule, value_rules
from edged.compose.translate import watch_plan
from edged.config.load import load
from edged.policy.rules import LabelRule, ValueRule
from edged.vision.manifest import InputRule, Manifest
from tests.fakes.tflite import LOGISTIC, Tensor, model

MANIFESTS: dict[str, dict[str, Any]] = {
    "gauge": {
        "name": "gauge",
        "decoder": "linear",
        "values": [{"name": "pressure", "unit": "bar", "range": [-2, 8]}, {"name": "level", "range": [0, 1]}],
    },
    "joined": {
        "name": "joined",
        "decoder": "linear",
        "values": [{"name": "oil_level", "range": [0, 1]}, {"name": "level", "range": [0, 1]}],
    },
    "plate": {"name": "plate", "decoder": "sequence", "blank": "last", "labels": "labels.txt"},
    "tints": {"name": "tints", "decoder": "multilabel", "labels": "labels.txt"},
    "cars": {"name": "cars", "decoder": "yolov8", "labels": "labels.txt"},
}
SHAPES = {"gauge": (1, 2), "joined": (1, 2), "plate": (1, 8, 3), "tints": (1, 2), "cars": (1, 6, 21)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle of each kind."""
    for name, manifest in MANIFESTS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.yaml").write_text(yaml.safe_dump(manifest))
        (tmp_path / name / "labels.txt").write_text("a\nb\n")
        output = Tensor("out", SHAPES[name], "float32")
        (tmp_path / name / "m.tflite").write_bytes(model(outputs=(output,), op=LOGISTIC))
    return tmp_path


def findings(folder: Path, name: str, **camera: Any) -> list[str]:
    """What is wrong with a camera of this model."""
    config = {
        "models": {name: {"path": name}},
        "cameras": {"front": {"source": {"type": "pattern"}, "model": name, **camera}},
    }
    (folder / "edged.yaml").write_text(yaml.safe_dump(config))
    _, found = examine_models(load(folder / "edged.yaml", {}))
    return [f"{each.key}: {each.message} ({each.suggestion})" for each in found]


def test_rules_that_fit_are_accepted(folder: Path) -> None:
    """Names of the manifest and rules of the right kind are no mistake; what is left at its default is none."""
    assert findings(folder, "gauge", values={"pressure": {"change": 0.05, "smooth": 5}}) == []
    assert findings(folder, "plate", text={"confirm": [3, 5], "hold_s": 2}, threshold=0.9) == []
    assert findings(folder, "tints", labels=["a"], text={}, event_interval_s=9) == []


@pytest.mark.parametrize(
    ("name", "camera", "line"),
    [
        (
            "gauge",
            {"values": {"presure": {}}},
            "cameras.front.values.presure: model gauge has no such value (did you mean pressure?)",
        ),
        (
            "gauge",
            {"values": {"x": {}}},
            "cameras.front.values.x: model gauge has no such value (there is pressure, level)",
        ),
        (
            "plate",
            {"values": {"text": {}}},
            "cameras.front.values.text: model plate gives no values (remove it)",
        ),
        ("gauge", {"text": {"hold_s": 1}}, "cameras.front.text: model gauge reads no text (remove it)"),
        (
            "gauge",
            {"labels": ["a"]},
            "cameras.front.labels: model gauge gives values and no labels (remove it)",
        ),
        (
            "plate",
            {"labels": ["a"]},
            "cameras.front.labels: model plate gives a text and no labels (remove it)",
        ),
        ("tints", {"text": {"confirm": [1, 2]}}, "cameras.front.text: model tints reads no text (remove it)"),
        (
            "cars",
            {"event_interval_s": 0},
            "cameras.front.event_interval_s: model cars gives objects, each of which starts and ends (use hold_s)",
        ),
    ],
)
def test_rules_that_could_never_hold_are_refused(
    folder: Path, name: str, camera: dict[str, Any], line: str
) -> None:
    """A rule for what the model never gives would be waited for in silence, for ever."""
    assert findings(folder, name, **camera) == [line]


WALL = [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("name", "regions", "lines"),
    [
        (
            "gauge",
            ["d" * 24, "d" * 31, "e" * 32],
            [
                (
                    f"cameras.front.regions.{'d' * 31}: its level would have the topic of the pressure of "
                    f"{'d' * 31}, reading/{'d' * 31}_ (call it otherwise)"
                ),
                (
                    f"cameras.front.regions.{'e' * 32}: its level would have the topic of the pressure of "
                    f"{'e' * 32}, reading/{'e' * 32} (call it otherwise)"
                ),
            ],
        ),
        (
            "joined",
            ["dial", "dial_oil"],
            [
                (
                    "cameras.front.regions.dial_oil: its level would have the topic of the oil_level of dial, "
                    "reading/dial_oil_level (call it otherwise)"
                )
            ],
        ),
        ("plate", ["dial", "dial_text", "text"], []),
        ("tints", ["d" * 32], []),
    ],
)
def test_no_two_readings_have_one_topic(
    folder: Path, name: str, regions: list[str], lines: list[str]
) -> None:
    """Names of regions and values that are the same once joined, or cut to 32 letters, are refused."""
    assert findings(folder, name, regions=dict.fromkeys(regions, WALL)) == lines


def loaded_rules(folder: Path, name: str, **camera: Any) -> Any:
    findings(folder, name, **camera)
    loaded = load(folder / "edged.yaml", {})
    bundles, _ = examine_models(loaded)
    return watch_plan("front", loaded.settings.cameras["front"], bundles[name].manifest).rules


def test_every_value_has_a_rule(folder: Path) -> None:
    """Without one of its own a value is told when it changed by a hundredth of its range, smoothed over three."""
    rules = loaded_rules(folder, "gauge", values={"level": {"change": 0.2, "smooth": 1}})
    assert rules.values == {"pressure": ValueRule(0.1, 3, "bar"), "level": ValueRule(0.2, 1, "")}
    assert (rules.text, rules.readings) == (None, ("pressure", "level"))


def test_a_text_has_the_cameras_threshold(folder: Path) -> None:
    """Confirmation and hold are its own."""
    rules = loaded_rules(folder, "plate", threshold=0.7, text={"confirm": [2, 3], "hold_s": 1.5})
    assert rules.text == LabelRule(0.7, confirm=(2, 3), hold_s=1.5)
    assert (dict(rules.values), rules.readings) == ({}, ("text",))


def test_the_interval_is_the_cameras(folder: Path) -> None:
    """It holds for whatever its model tells; without it values wait for five seconds and other answers for nothing."""
    said = [loaded_rules(folder, name, event_interval_s=60).event_interval_ns for name in ("gauge", "plate")]
    assert said == [60 * 10**9] * 2
    plain = [loaded_rules(folder, name).event_interval_s for name in ("gauge", "plate", "tints", "cars")]
    assert plain == [5, 0, 0, 0]
    assert loaded_rules(folder, "gauge", event_interval_s=0).event_interval_s == 0


def test_other_models_have_no_readings(folder: Path) -> None:
    """A camera of labels publishes no reading."""
    assert loaded_rules(folder, "tints").readings == ()
    camera, manifest = (
        load(folder / "edged.yaml", {}).settings.cameras["front"],
        Manifest("m", "labels", "multilabel", InputRule(), ()),
    )
    assert (value_rules(camera, manifest), text_rule(camera, manifest)) == ({}, None)
