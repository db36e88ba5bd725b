"""Which changes of a configuration are rules, and which need another machine."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from edged.adapters.storage.bundles import bundled
from edged.adapters.system.tpulock import TpuLock
from edged.compose.blueprint import Blueprint, draw
from edged.compose.models import load_models
from edged.config.load import load

Change = Callable[[dict[str, Any]], None]


def configuration() -> dict[str, Any]:
    """Two cameras on one model, with something of each kind."""
    front = {
        "source": {"type": "pattern", "fps": 15},
        "model": "main",
        "threshold": 0.5,
        "labels": {"red": {"threshold": 0.6}, "green": {}},
        "zones": {"left": {"polygon": [[0, 0], [0.5, 0], [0.5, 1]]}},
    }
    back = {"source": {"type": "pattern"}, "model": "main"}
    return {
        "device": "rig",
        "mqtt": {"host": "broker.lan", "tls": {}},
        "models": {"main": {"path": str(bundled("colours"))}},
        "cameras": {"front": front, "back": back},
    }


def blueprint(folder: Path, config: dict[str, Any]) -> Blueprint:
    file = folder / "edged.yaml"
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    loaded = load(file, {"HOME": str(folder)})
    lock = TpuLock(f"\0edged-test-{os.getpid()}")
    return draw(loaded, load_models(loaded), {}, lock, to_broker=True)


def put(*keys: str | int, value: Any) -> Change:
    """A change of one key."""

    def change(config: dict[str, Any]) -> None:
        section: Any = config
        for key in keys[:-1]:
            section = section.setdefault(key, {})
        section[keys[-1]] = value

    return change


FRONT = ("cameras", "front")
RULES = {
    "threshold": put(*FRONT, "threshold", value=0.1),
    "label's threshold": put(*FRONT, "labels", "red", "threshold", value=0.2),
    "smallest area": put(*FRONT, "labels", "red", "min_area", value=0.2),
    "confirm": put(*FRONT, "labels", "red", "confirm", value=[2, 3]),
    "hold": put(*FRONT, "labels", "red", "hold_s", value=2),
    "labels": put(*FRONT, "labels", value={"blue": {}}),
    "every label": put(*FRONT, "labels", value={}),
    "zones": put(*FRONT, "zones", value={}),
    "top_k": put(*FRONT, "top_k", value=5),
    "frame messages": put(*FRONT, "publish", value={"frame": True, "frame_max_fps": 3}),
    "log level": put("log_level", value="debug"),
    "statistics": put("stats_interval_s", value=5),
}
MACHINE = {
    "source": put(*FRONT, "source", "fps", value=14),
    "camera's deadline": put(*FRONT, "deadline_s", value=3),
    "regions": put(*FRONT, "regions", value={"dial": [0, 0, 0.5, 0.5]}),
    "another camera": put("cameras", "side", value={"source": {"type": "pattern"}, "model": "main"}),
    "a camera less": lambda config: config["cameras"].pop("back"),
    "accelerator": put("accelerators", "main", "cpu_threads", value=2),
    "its deadline": put("accelerators", "main", "deadline_s", value=3),
    "device": put("device", value="shed"),
    "base": put("base", value="acme/edged"),
    "broker": put("mqtt", "host", value="other.lan"),
    "login": put("mqtt", "username", value="rig"),
    "TLS": put("mqtt", "tls", "insecure", value=True),
}


@pytest.mark.parametrize("change", RULES.values(), ids=RULES.keys())
def test_rules_leave_the_machine(tmp_path: Path, change: Change) -> None:
    """What counts and what is told of it changes on the same processes and connection."""
    config = configuration()
    before = blueprint(tmp_path, config)
    change(config)
    after = blueprint(tmp_path, config)
    assert after != before
    assert after.runs_on_the_same(before)


@pytest.mark.parametrize("change", MACHINE.values(), ids=MACHINE.keys())
def test_everything_else_is_another_machine(tmp_path: Path, change: Change) -> None:
    """A source, a model, an accelerator, names in topics and the connection need a start."""
    config = configuration()
    before = blueprint(tmp_path, config)
    change(config)
    assert not blueprint(tmp_path, config).runs_on_the_same(before)


def test_the_same_file_is_the_same(tmp_path: Path) -> None:
    """Read twice, nothing has changed; nor has it with the sections in another order."""
    config = configuration()
    before = blueprint(tmp_path, config)
    assert blueprint(tmp_path, config) == before
    config["cameras"]["front"]["labels"] = dict(reversed(config["cameras"]["front"]["labels"].items()))
    assert blueprint(tmp_path, config).runs_on_the_same(before)


def test_labels_that_were_replaced_in_their_place_are_others(tmp_path: Path) -> None:
    """The same path with another file in it or beside it: the contents decide."""
    model = tmp_path / "model.tflite"
    model.write_bytes((bundled("colours") / "colours.tflite").read_bytes())
    config = configuration()
    config["models"]["main"]["path"] = str(model)
    config["cameras"]["front"] |= {"labels": {}, "zones": {}}
    before = blueprint(tmp_path, config)
    assert blueprint(tmp_path, config).runs_on_the_same(before)
    (tmp_path / "labels.txt").write_text("a\nb\nc\nd\ne\n")
    after = blueprint(tmp_path, config)
    assert not after.runs_on_the_same(before)


def test_a_certificate_that_was_renewed_is_another(tmp_path: Path) -> None:
    """Files for TLS are read when a connection is made, so a renewed one needs a new connection."""
    authority = tmp_path / "ca.pem"
    authority.write_text("old")
    config = configuration()
    config["mqtt"]["tls"]["ca_file"] = str(authority)
    before = blueprint(tmp_path, config)
    assert blueprint(tmp_path, config).runs_on_the_same(before)
    authority.write_text("renewed")
    assert not blueprint(tmp_path, config).runs_on_the_same(before)
