"""`model.yaml` as values: there and back again, with every mistake at its place."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.domain.errors import ConfigurationError
from edged.vision.document import manifest_from_mapping, manifest_to_mapping
from edged.vision.keypoints import COCO
from edged.vision.manifest import (
    ACTIVATIONS,
    OWN_KEYS,
    PARTS,
    Background,
    DecoderName,
    FileEntry,
    InputRule,
    Manifest,
    NmsRule,
    Task,
    level_parts,
)
from edged.vision.quantity import Quantity

MINIMAL = {"name": "birds", "decoder": "classification", "cpu": "birds.tflite"}
CELLS = {"name": "cards", "decoder": "fcos", "roles": {"boxes": 1, "scores": 0}, "strides": [8, 16]}
YOLO = {"name": "street", "decoder": "yolov8"}
BACKGROUNDS: dict[DecoderName, tuple[Background, ...]] = {
    "classification": ("none", "first", "last"),
    "classmap": ("none", "first", "last"),
}


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


points = st.lists(st.text("abc_-09", min_size=1, max_size=32), min_size=1, max_size=24, unique=True)
TASKS: dict[DecoderName, Task] = {
    "classification": "classification",
    "binary": "classification",
    "multilabel": "labels",
    "linear": "value",
    "sequence": "text",
    "movenet": "pose",
    "yolov8pose": "pose",
    "classmap": "areas",
}
limits = st.tuples(numbers, numbers).filter(lambda ends: ends[0] != ends[1]).map(sorted)
places = st.none() | st.integers(0, 1000)


@st.composite
def quantities(draw: st.DrawFn, name: str) -> Quantity:
    low, high = draw(limits)
    return Quantity(
        name=name,
        low=low,
        high=high,
        unit=draw(st.sampled_from(["", "bar", "°C"])),
        scale=draw(numbers.filter(bool)),
        offset=draw(numbers),
        output=draw(places),
        index=draw(places),
    )


ids = st.from_regex("[a-z0-9_-]{1,32}", fullmatch=True)
value_lists = st.lists(ids, min_size=1, max_size=4, unique=True).flatmap(
    lambda names: st.tuples(*[quantities(name) for name in names])
)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    decoder: DecoderName = draw(st.sampled_from(get_args(DecoderName)))
    own = OWN_KEYS[decoder]
    strides = tuple(draw(st.lists(st.integers(1, 1024), min_size=1, max_size=4, unique=True)))
    levels = decoder == "yolov9" and draw(st.booleans())
    parts = level_parts(strides) if levels else PARTS[decoder]
    indices = draw(st.lists(st.integers(0, 20), unique=True, min_size=8, max_size=8))
    return Manifest(
        name=draw(names),
        task=TASKS.get(decoder, "detection"),
        decoder=decoder,
        input=draw(rules()),
        roles=tuple(zip(parts, indices, strict=False)),
        activation=draw(st.sampled_from(ACTIVATIONS[decoder])),
        background=draw(st.sampled_from(BACKGROUNDS.get(decoder, ("none",)))),
        strides=strides if "strides" in own else (),
        coordinates=draw(st.sampled_from(("fractions", "pixels"))) if "coordinates" in own else "fractions",
        nms=NmsRule(draw(st.floats(0, 1)), draw(st.booleans())) if "nms" in own else NmsRule(),
        values=draw(value_lists) if "values" in own else (),
        collapse=draw(st.sampled_from(("ctc", "none"))) if "collapse" in own else "ctc",
        blank=draw(st.sampled_from(("none", "first", "last"))) if "blank" in own else "none",
        keypoints=tuple(draw(points)) if "keypoints" in own else (),
        cpu=draw(entries),
        edgetpu=draw(entries),
        labels=draw(entries),
        source=draw(st.just("") | names),
        licence=draw(st.just("") | names),
    )


@given(manifests())
def test_manifest_survives_the_round_trip(manifest: Manifest) -> None:
    """A manifest that is written and read again is the same."""
    assert manifest_from_mapping(manifest_to_mapping(manifest), where) == manifest


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


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


def test_detector_of_cells_needs_its_strides() -> None:
    """For fcos the strides say where the rows are; suppression is at 0.5 within a class unless it is said."""
    manifest = manifest_from_mapping(CELLS, where)
    assert (manifest.task, manifest.strides, manifest.nms) == (
        "detection",
        (8, 16),
        NmsRule(0.5, per_class=True),
    )
    given_nms = manifest_from_mapping(CELLS | {"nms": {"iou": 1, "per_class": False}}, where)
    assert given_nms.nms == NmsRule(1.0, per_class=False)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"strides": None}, "strides: is missing: fcos needs the pixels per cell, such as [8]"),
        (
            {"strides": 8},
            "model.yaml:strides: strides: must be a list of whole numbers from 1 to 1024, not 8",
        ),
        ({"strides": []}, "strides: must be a list"),
        ({"strides": [8, 0]}, "strides: must be a list"),
        ({"strides": [True]}, "strides: must be a list"),
        ({"strides": [8, "x"]}, "strides: must be a list"),
        ({"strides": "888"}, "strides: must be a list"),
        ({"strides": [8, 8]}, "strides: must not hold a number twice"),
        ({"nms": {"iou": 1.5}}, "nms.iou: must be from 0 to 1, not 1.5"),
        ({"nms": {"per_class": "yes"}}, "nms.per_class: must be true or false, not 'yes'"),
        ({"nms": {"iuo": 0.5}}, "nms.iuo: is not known (did you mean iou?)"),
        ({"nms": 0.5}, "nms: must be a section"),
        ({"activation": "softmax"}, "activation: must be none or sigmoid for fcos, not softmax"),
        ({"background": "first"}, "background: must be none for fcos, which has a score of its own"),
        ({"roles": {"boxes": 0}}, "must say which output holds scores"),
        ({"task": "classification"}, "task: is classification but the decoder fcos is for detection"),
    ],
)
def test_mistakes_about_cells_are_named(change: dict[str, object], why: str) -> None:
    """What fcos needs is checked, each mistake at its place, and only once."""
    (found,) = mistakes({key: value for key, value in (CELLS | change).items() if value is not None})
    assert why in found


def test_a_misspelt_decoder_is_one_mistake() -> None:
    """Strides are no mistake where it is the decoder's name that is wrong."""
    text = "\n".join(mistakes(CELLS | {"decoder": "fcso"}))
    assert "(did you mean fcos?)" in text
    assert "strides" not in text


def test_cells_are_for_fcos_alone() -> None:
    """A classifier has no strides and no suppression, and sigmoid is none of its activations."""
    found = mistakes(MINIMAL | {"strides": [8], "nms": {}, "activation": "sigmoid"})
    assert [line.split(": ")[1] for line in found] == ["strides", "nms", "activation"]


def test_background_and_activation_are_no_business_of_ssd() -> None:
    """SSD outputs are scores without a background already."""
    roles = {"boxes": 0, "classes": 1, "scores": 2, "count": 3}
    found = mistakes(
        {"name": "x", "decoder": "ssd", "roles": roles, "background": "first", "activation": "softmax"}
    )
    assert [line.split(": ")[1] for line in found] == ["activation", "background"]


def test_a_yolo_needs_its_name_alone() -> None:
    """One output, boxes as fractions of the input, and suppression within a class are the defaults."""
    manifest = manifest_from_mapping(YOLO, where)
    assert (manifest.task, manifest.roles, manifest.coordinates, manifest.nms) == (
        "detection",
        (("head", 0),),
        "fractions",
        NmsRule(0.5, per_class=True),
    )
    assert manifest_from_mapping(YOLO | {"coordinates": "pixels"}, where).coordinates == "pixels"


def test_levels_have_their_stride_in_their_name() -> None:
    """A yolov9 has two outputs for all levels, or two for each."""
    data = {"name": "street", "decoder": "yolov9", "strides": [8, 16]}
    levels = {"boxes_8": 3, "scores_8": 1, "boxes_16": 0, "scores_16": 2}
    assert manifest_from_mapping(data | {"roles": levels}, where).role("scores_16") == 2
    (found,) = mistakes(data | {"roles": {"boxes_8": 3, "scores_8": 1}})
    assert "must say which output holds boxes_16, scores_16" in found
    assert "roles.boxes_32: is not known" in mistakes(data | {"roles": levels | {"boxes_32": 4}})[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"coordinates": "pixel"}, "coordinates: is 'pixel' but must be one of fractions, pixels (did you mean pixels?)"),
        ({"strides": [8]}, "strides: is only for fcos, yolov9, not for yolov8"),
        ({"activation": "sigmoid"}, "activation: must be none for yolov8"),
        ({"decoder": "yolov10", "nms": {"iou": 0.5}}, "nms: is only for fcos, yolov5, yolov8, yolov9, yolov8pose, not for yolov10"),
        ({"decoder": "yolov9"}, "strides: is missing: yolov9 needs the pixels per cell"),
        ({"decoder": "yolov10", "background": "last"}, "background: must be none for yolov10, whose post-processing"),
        ({"roles": {"scores": 0}}, "roles.scores: is not known"),
    ],
)  # fmt: skip
def test_mistakes_about_yolo_are_named(change: dict[str, object], why: str) -> None:
    """What these decoders take is checked, each mistake at its place."""
    assert why in "\n".join(mistakes(YOLO | change))


@pytest.mark.parametrize(
    "value", [[], ["a", "a"], ["Nose"], ["a" * 33], "nose", [1], [f"p{n}" for n in range(25)], {}]
)
def test_key_points_are_a_few_different_names(value: object) -> None:
    """A pose has 1 to 24 points, named as topics are, and COCO's 17 where nothing is said."""
    data = {"name": "dance", "decoder": "movenet"}
    (found,) = mistakes(data | {"keypoints": value})
    assert "keypoints: must be 1 to 24 different names" in found
    assert manifest_from_mapping(data, where).keypoints == COCO
    assert manifest_from_mapping(data | {"keypoints": ["tip", "tail"]}, where).keypoints == ("tip", "tail")


def test_only_pictures_and_pixels_have_a_background() -> None:
    """A map of classes may leave its background out; key points and strides are no business of it."""
    data = {"name": "room", "decoder": "classmap"}
    assert manifest_from_mapping(data | {"background": "first"}, where).task == "areas"
    found = mistakes(data | {"keypoints": ["nose"], "activation": "softmax"})
    assert [line.split(": ")[1] for line in found] == ["keypoints", "activation"]
    (found_in_pose,) = mistakes({"name": "dance", "decoder": "movenet", "background": "first"})
    assert "background: must be none for movenet, which finds one person" in found_in_pose


@pytest.mark.parametrize("decoder", [None, "clasification", 5])
def test_an_unknown_decoder_judges_nothing_else(decoder: Any) -> None:
    """What only a decoder makes right or wrong is judged by the one that was meant, or by none; the rest is judged."""
    data: dict[str, Any] = {
        "name": "x",
        "task": "classification",
        "roles": {"scores": 0},
        "background": "first",
    }
    data["decoder"] = decoder
    (line,) = mistakes(data)
    assert "decoder" in line
    lines = mistakes({**data, "input": {"fill": 300}, "labels": "a/b", "coulour": "rgb"})
    assert [line.split(": ")[1] for line in lines] == ["coulour", "decoder", "input.fill", "labels"]
