"""The JSON Schema of `model.yaml` says what its reader says."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema  # type: ignore[import-untyped]  # it ships no type information
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.config.yamlfile import read
from edged.domain.errors import ConfigurationError
from edged.vision import manifestschema, ownschema
from edged.vision.document import INPUT_KEYS, KEYS, TASKS, manifest_from_mapping, manifest_to_mapping
from edged.vision.manifest import (
    ACTIVATIONS,
    OWN_KEYS,
    PARTS,
    Activation,
    Background,
    Coordinates,
    DecoderName,
    FileEntry,
    InputRule,
    Manifest,
    OwnKey,
    Task,
)
from edged.vision.manifestschema import manifest_schema
from edged.vision.quantity import Quantity
from tests.unit.test_manifest import manifests

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = sorted((REPOSITORY / "models").glob("*/model.yaml"))
VALIDATOR = jsonschema.Draft202012Validator(manifest_schema())
BEYOND_A_SCHEMA = (
    "two parts cannot be the same output",
    "printable characters",
    r"roles: must say which output holds (boxes|scores)_\d+",
    r"roles\.(boxes|scores)_\d+: is not known",
    r"must be two numbers, the lower one first, such as \[0, 10\], not \[-?[\d.e+-]+, -?[\d.e+-]+\]",
    "two of them are called",
)
"""What only the reader sees; the schema's docstring says so."""
GARBAGE: tuple[Any, ...] = (
    None, True, 0, -1, 300, 2000, 0.5, -0.5, 1.5, "", " ", "x", "a/b", "..", "none", "pixels", "sigmoid", "first",
    "0" * 64, [], [8], [8, 8], [8, 0], ["8"], {}, {"x": 1}, {"path": "x"}, {"iou": 2}, {"per_class": 1},
)  # fmt: skip
ABSENT = object()
WORDS = (
    ABSENT, *get_args(Task), *get_args(Activation), *get_args(Background), *get_args(DecoderName), *get_args(Coordinates)
)  # fmt: skip
NAMES = ("nmae", "x", "mean", "iou", "sha256", *KEYS)


def mistakes(data: Any) -> list[str]:
    """What the reader says against a document."""
    try:
        manifest_from_mapping(data, lambda path: "/".join(map(str, path)))
    except ConfigurationError as error:
        return error.what.splitlines()
    return []


def agree(data: Any) -> None:
    """Reader and schema say the same, but for what a schema cannot say."""
    said = mistakes(data)
    valid = VALIDATOR.is_valid(data)
    structural = [line for line in said if not any(re.search(each, line) for each in BEYOND_A_SCHEMA)]
    if not said:
        assert valid, [error.message for error in VALIDATOR.iter_errors(data)]
    if structural:
        assert not valid, structural


def test_the_schema_is_a_schema() -> None:
    """It is valid by the rules of draft 2020-12, and so is all that it says of defaults."""
    jsonschema.Draft202012Validator.check_schema(manifest_schema())
    for properties in (manifestschema.GENERAL, manifestschema.INPUT, ownschema.OWN):
        for node in properties.values():
            if "default" in node:
                jsonschema.validate(node["default"], node)


def test_every_key_is_described() -> None:
    """A key that the reader knows stands in a table of edged/vision/manifestschema.py with a sentence about it."""
    own = set(get_args(OwnKey))
    assert set(ownschema.OWN) == own, "extend OWN in edged/vision/ownschema.py"
    assert set(manifestschema.GENERAL) == set(KEYS) - own, "extend GENERAL in edged/vision/manifestschema.py"
    assert set(manifestschema.INPUT) == set(INPUT_KEYS), "extend INPUT in edged/vision/manifestschema.py"
    tables = (ownschema.OWN, manifestschema.GENERAL, manifestschema.INPUT)
    assert [key for table in tables for key, node in table.items() if not node.get("description")] == []


def test_every_decoder_has_its_rules() -> None:
    """Each decoder of the manifest is in all tables, and so in the schema."""
    decoders = set(get_args(DecoderName))
    assert decoders == set(PARTS) == set(ACTIVATIONS) == set(OWN_KEYS) == set(TASKS)
    rules = manifest_schema()["allOf"]
    assert {rule["if"]["properties"]["decoder"]["const"] for rule in rules} == decoders


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.parent.name)
def test_shipped_bundles_are_valid(file: Path) -> None:
    """What ships as a bundle's model.yaml shows no mistake in an editor."""
    VALIDATOR.validate(read(file).data)


@given(manifests())
def test_what_is_written_is_valid(manifest: Manifest) -> None:
    """Every manifest that can be written down is valid, for all decoders."""
    VALIDATOR.validate(json.loads(json.dumps(manifest_to_mapping(manifest))))


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A manifest's plain values with one to three of them replaced, removed or added, at any depth."""
    data: Any = copy.deepcopy(manifest_to_mapping(draw(manifests())))
    for _ in range(draw(st.integers(1, 3))):
        holders = [data, *(value for value in data.values() if isinstance(value, dict))]
        holder = draw(st.sampled_from(holders))
        key = draw(st.sampled_from([*holder, *NAMES]))
        if draw(st.integers(0, 4)):
            holder[key] = copy.deepcopy(draw(st.sampled_from((*GARBAGE, *TASKS))))
        else:
            holder.pop(key, None)
    return data


def full(decoder: DecoderName) -> dict[str, Any]:
    """A document that says all that it may for a decoder."""
    strides = (8, 16)
    manifest = Manifest(
        name="x",
        task=TASKS[decoder],
        decoder=decoder,
        input=InputRule("letterbox", "corner", 114, "bgr", 0.5, 1.5),
        roles=tuple((part, index) for index, part in enumerate(PARTS[decoder])),
        strides=strides if "strides" in OWN_KEYS[decoder] else (),
        values=(Quantity("x", 0.0, 10.0, "bar", 2.0, 1.0, 0, 0),) if "values" in OWN_KEYS[decoder] else (),
        blank="last" if "blank" in OWN_KEYS[decoder] else "none",
        keypoints=("nose", "tail") if "keypoints" in OWN_KEYS[decoder] else (),
        cpu=FileEntry("x.tflite", "a" * 64),
        edgetpu=FileEntry("y.tflite", "B" * 64),
        labels=FileEntry("z.txt", ""),
        source="somewhere",
        licence="mine",
    )
    return manifest_to_mapping(manifest)


def changes(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The document with one value replaced by each kind of garbage, added where it does not belong, or removed."""
    places: list[tuple[str, ...]] = [(key,) for key in data]
    places += [(key, inner) for key, value in data.items() if isinstance(value, dict) for inner in value]
    places += [(key, "more") for key, value in data.items() if isinstance(value, dict)]
    places += [(key,) for key in (*KEYS, "more") if key not in data]
    for *outer, key in places:
        for value in (*GARBAGE, *WORDS):
            changed = copy.deepcopy(data)
            holder = changed[outer[0]] if outer else changed
            if value is ABSENT:
                holder.pop(key, None)
            else:
                holder[key] = value
            yield changed


@pytest.mark.parametrize("decoder", get_args(DecoderName))
def test_each_change_is_a_mistake_for_both_or_for_none(decoder: DecoderName) -> None:
    """Any one value of a document may be another one, or be missing: reader and schema take it or refuse it both."""
    data = full(decoder)
    assert mistakes(data) == []
    for changed in changes(data):
        agree(changed)


@settings(max_examples=100)
@given(damaged())
def test_reader_and_schema_agree(data: Any) -> None:
    """What the reader accepts is valid; a wrong type, word, range or key is a mistake for both."""
    agree(data)


@pytest.mark.parametrize(
    "change",
    [
        {"nmae": "x"},
        {"decoder": "sdd"},
        {"decoder": None},
        {"task": "detection"},
        {"input": {"fill": 256}},
        {"input": {"fill": None}},
        {"input": {"mean": 1.0}},
        {"input": {"mean": 1.0, "std": 0}},
        {"input": {"resize": "letter-box"}},
        {"roles": {"scores": True}},
        {"roles": {"scores": 0, "boxes": 1}},
        {"roles": None},
        {"strides": [8]},
        {"activation": "sigmoid"},
        {"cpu": "models/x.tflite"},
        {"cpu": {"sha256": "0" * 64}},
        {"cpu": {"path": "x", "sha256": "123"}},
        {"name": 7},
    ],
)
def test_an_editor_sees_the_same_mistakes(change: Any) -> None:
    """Each kind of mistake is one for the schema, too."""
    data = {"name": "x", "decoder": "classification"}
    VALIDATOR.validate(data)
    assert mistakes(data | change)
    assert not VALIDATOR.is_valid(data | change)
