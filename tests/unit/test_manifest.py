"""`model.yaml` as values: there and back again, with every mistake at its place."""

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.domain.errors import ConfigurationError
from edged.vision.document import manifest_from_mapping, manifest_to_mapping
from edged.vision.manifest import PARTS, DecoderName, FileEntry, InputRule, Manifest

MINIMAL = {"name": "birds", "decoder": "classification", "cpu": "birds.tflite"}


def where(path: tuple[str | int, ...]) -> str:
    return "model.yaml:" + "/".join(str(key) if str(key).isprintable() else "?" for key in path)


def mistakes(data: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        manifest_from_mapping(data, where)
    return caught.value.what.splitlines()


names = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
entries = st.none() | st.builds(
    FileEntry,
    path=names.filter(lambda name: name not in {".", ".."} and not set(name) & set("/\\")),
    sha256=st.just("") | st.text("0123456789abcdef", min_size=64, max_size=64),
)


@st.composite
def rules(draw: st.DrawFn) -> InputRule:
    scaled = draw(st.booleans())
    return InputRule(
        resize=draw(st.sampled_from(("stretch", "letterbox", "crop"))),
        place=draw(st.sampled_from(("centre", "corner"))),
        fill=draw(st.integers(0, 255)),
        colour=draw(st.sampled_from(("rgb", "bgr"))),
        mean=draw(numbers) if scaled else None,
        std=draw(numbers.filter(lambda value: value > 0)) if scaled else None,
    )


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    decoder: DecoderName = draw(st.sampled_from(get_args(DecoderName)))
    ssd = decoder == "ssd"
    places = draw(st.lists(st.integers(0, 20), unique=True, min_size=4, max_size=4))
    return Manifest(
        name=draw(names),
        task="detection" if ssd else "classification",
        decoder=decoder,
        input=draw(rules()),
        roles=tuple(zip(PARTS[decoder], places, strict=False)),
        activation="none" if ssd else draw(st.sampled_from(("none", "softmax"))),
        background="none" if ssd else draw(st.sampled_from(("none", "first", "last"))),
        cpu=draw(entries),
        edgetpu=draw(entries),
        labels=draw(entries),
        source=draw(st.just("") | names),
        licence=draw(st.just("") | names),
    )


@settings(deadline=None)
@given(manifests())
def test_manifest_survives_the_round_trip(manifest: Manifest) -> None:
    """A manifest that is written and read again is the same."""
    assert manifest_from_mapping(manifest_to_mapping(manifest), where) == manifest


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from((*MINIMAL, "input", "roles", "labels", "task", "x")), json_values))
def test_any_values_are_a_manifest_or_mistakes(data: Any) -> None:
    """Whatever a manifest holds, the answer is a manifest or a list of mistakes, each with its place."""
    said = ""
    try:
        manifest_from_mapping(data, where)
    except ConfigurationError as error:
        said = error.what
    assert all(line.startswith("model.yaml:") for line in said.splitlines())


def test_minimal_manifest_has_defaults() -> None:
    """Three lines are a manifest: the task follows from the decoder, and a classifier has one output."""
    manifest = manifest_from_mapping(MINIMAL, where)
    assert manifest.task == "classification"
    assert manifest.roles == (("scores", 0),)
    assert manifest.input == InputRule()
    assert manifest.cpu == FileEntry("birds.tflite", "")


def test_all_mistakes_are_reported_together() -> None:
    """Every mistake has its own line, with place, key and what would be right."""
    found = mistakes(
        {
            "nmae": "birds",
            "decoder": "sdd",
            "input": {"resize": "letter-box", "fill": 256, "mean": 1.0, "colour": True},
            "roles": [1],
            "cpu": {"path": "../x.tflite", "sha256": "123"},
        }
    )
    text = "\n".join(found)
    assert "model.yaml:nmae: nmae: is not known (did you mean name?)" in found
    assert "(did you mean ssd?)" in text
    assert "model.yaml:input/resize: input.resize: is 'letter-box'" in text
    assert "(did you mean letterbox?)" in text
    assert "input.fill: must be a whole number from 0 to 255" in text
    assert "mean and std go together" in text
    assert "input.colour: is True" in text
    assert "roles: must be a section" in text
    assert "cpu.path: must be the name of a file in the bundle's folder" in text
    assert "cpu.sha256: must be 64 hexadecimal digits" in text
    assert "name: is missing" in text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"task": "detection"}, "task: is detection but the decoder classification is for classification"),
        ({"decoder": None}, "decoder: is missing: it must be one of ssd, classification"),
        ({"decoder": "ssd", "roles": {"boxes": 0}}, "must say which output holds classes, scores, count"),
        (
            {"decoder": "ssd", "roles": {"boxes": 0, "classes": 0, "scores": 1, "count": 2}},
            "two parts cannot be the same output",
        ),
        ({"roles": {"scores": True}}, "roles.scores: must be a whole number"),
        ({"roles": {"scores": 0, "boxes": 1}}, "roles.boxes: is not known"),
        ({"input": {"mean": 0.0, "std": 0.0}}, "input.std: must be above 0"),
        ({"input": {"mean": float("nan"), "std": 1.0}}, "input.mean: must be a number"),
        ({"input": {"mean": 10**400, "std": 1.0}}, "input.mean: must be a number"),
        ({"name": "two\nlines"}, "name: must be one line"),
        ({"name": 7}, "name: must be text, not 7"),
        ({"labels": {"sha256": "0" * 64}}, "labels.path: is missing"),
        ({"cpu": "models/x.tflite"}, "cpu: must be the name of a file"),
    ],
)
def test_mistakes_are_named(change: dict[str, object], why: str) -> None:
    """Each kind of mistake is reported with the key and the reason."""
    assert why in "\n".join(mistakes(MINIMAL | change))


def test_background_and_activation_are_no_business_of_ssd() -> None:
    """SSD outputs are scores without a background already."""
    roles = {"boxes": 0, "classes": 1, "scores": 2, "count": 3}
    found = mistakes(
        {"name": "x", "decoder": "ssd", "roles": roles, "background": "first", "activation": "softmax"}
    )
    assert [line.split(": ")[1] for line in found] == ["activation", "background"]
