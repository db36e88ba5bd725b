"""The generated sample, reference and schema, and the configurations that ship."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no type information
import pytest

from edged.config.load import load
from edged.config.reference import reference
from edged.config.sample import sample
from edged.config.schema import json_schema
from edged.config.settings import Settings
from edged.config.yamlfile import parse, read

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SHIPPED = sorted((REPOSITORY / "configs").glob("*.yaml"))


def test_nothing_generated_is_stale() -> None:
    """Sample, reference and schema in the repository are those that the settings give."""
    command = [sys.executable, str(REPOSITORY / "tools/generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_shipped_configurations_load(file: Path) -> None:
    """Every configuration that ships is valid, without a warning, for us and for an editor."""
    assert load(file, {}).warnings == ()
    jsonschema.validate(read(file).data, json_schema())


def test_the_sample_says_the_defaults() -> None:
    """The full sample means the same as one with only the required keys, apart from its label, zone and value."""
    short = "models: {objects: {path: /var/lib/edged/models/ssd_mobilenet_v2}}\n"
    short += "cameras: {front: {source: {type: picamera2}, model: objects}}\n"
    full = _settings(sample())
    plain = _settings(short)
    assert full["cameras"]["front"].pop("labels") == {
        "person": {"min_area": 0, "confirm": [1, 1], "hold_s": 0}
    }
    assert list(full["cameras"]["front"].pop("zones")) == ["drive"]
    assert full["cameras"]["front"].pop("values") == {"pressure": {"smooth": 3}}
    plain["cameras"]["front"] = {**plain["cameras"]["front"]}
    for key in ("labels", "zones", "values"):
        del plain["cameras"]["front"][key]
    assert full == plain


def _settings(text: str) -> dict[str, Any]:
    value = Settings.model_validate_json(json.dumps(parse(text.encode(), "f").data))
    return value.model_dump(mode="json", exclude_none=True)


def _names(node: Any) -> set[str]:
    """All keys that a schema knows."""
    if isinstance(node, list):
        return {name for each in node for name in _names(each)}
    if not isinstance(node, dict):
        return set()
    own = set(node.get("properties", {}))
    return own | {name for each in node.values() for name in _names(each)}


def test_every_key_is_shown_and_described() -> None:
    """No key is missing from the sample or the reference, and none lacks its sentence."""
    shown, described = sample(), reference()
    for name in _names(json_schema()):
        assert f"{name}:" in shown
        assert f"| `{name}` |" in described
    assert "|  |\n" not in described


def test_switched_off_lines_are_valid_too() -> None:
    """Removing the # of a switched-off key gives a valid file: TLS, and a port."""
    text = sample().replace("#port: 1883", "port: 1883").replace("  #tls:\n", "  tls:\n")
    text = text.replace("  #  insecure: false", "    insecure: false").replace(
        "  #  #ca_file:", "    ca_file:"
    )
    assert _settings(text)["mqtt"]["tls"] == {"ca_file": "broker-ca.pem", "insecure": False}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("log_level: info", "log_level: loud"),
        ("  front:", "  event:"),
        ("  front:", "  Front:"),
        ("#threshold: 0.6", "threshold: 50"),
        ("#port: 1883", "port: 1883x"),
        ("base: edged", "basis: edged"),
        ("fps: 15.0", "fps:"),
    ],
)
def test_an_editor_sees_the_same_mistakes(old: str, new: str) -> None:
    """The JSON Schema refuses what the daemon refuses."""
    jsonschema.Draft202012Validator.check_schema(json_schema())
    text = sample().replace(old, new, 1)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(parse(text.encode(), "f").data, json_schema())
