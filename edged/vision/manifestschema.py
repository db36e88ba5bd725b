"""`model.yaml` as JSON Schema, made from the tables that it is read by.

What a schema cannot say is left to the reader: that two parts are the same output, that levels and strides belong
together, that text can be printed. 1.0 counts as a whole number here, and null as a key that was left out.
"""

from collections.abc import Mapping
from typing import get_args

from edged.vision.document import INPUT_KEYS, KEYS, MAX_OUTPUT, TASKS, WITHOUT_BACKGROUND
from edged.vision.manifest import (
    ACTIVATIONS,
    OWN_KEYS,
    PARTS,
    Activation,
    Background,
    Colour,
    DecoderName,
    InputRule,
    OwnKey,
    Place,
    Resize,
    Task,
)
from edged.vision.ownschema import BLANK_OR_PLAIN, OWN, REQUIRED_OWN, Schema, section, words
from edged.vision.section import MAX_TEXT

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_FILE_NAME: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_TEXT,
    "pattern": r"^(?!\.{1,2}$)[^/\\]*[^\s/\\][^/\\]*$",
}
_PLAIN = InputRule()


def _text() -> Schema:
    return {"type": ["string", "null"], "maxLength": MAX_TEXT, "pattern": r"\S"}


def _file(what: str) -> Schema:
    sha256 = {
        "type": ["string", "null"],
        "pattern": "^[0-9a-fA-F]{64}$",
        "description": "Of the file; another one is refused.",
    }
    path = {**_FILE_NAME, "description": "Its name in the bundle's folder."}
    long = {
        "type": "object",
        "properties": {"path": path, "sha256": sha256},
        "required": ["path"],
        "additionalProperties": False,
    }
    return {"description": what, "anyOf": [_FILE_NAME, long, {"type": "null"}]}


INPUT: Mapping[str, Schema] = {
    "resize": words(get_args(Resize), _PLAIN.resize)
    | {"description": "Sides independently; whole frame, padded; centre part that fills the input."},
    "place": words(get_args(Place), _PLAIN.place)
    | {"description": "Where a letterboxed frame lies; corner is top left."},
    "fill": {
        "type": "integer",
        "minimum": 0,
        "maximum": 255,
        "default": _PLAIN.fill,
        "description": "Grey of the padding.",
    },
    "colour": words(get_args(Colour), _PLAIN.colour) | {"description": "Order of the input's channels."},
    "mean": {"type": ["number", "null"], "description": "Real value = (pixel - mean) / std; with std."},
    "std": {
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "description": "Real value = (pixel - mean) / std; with mean.",
    },
}
GENERAL: Mapping[str, Schema] = {
    "name": {**_text(), "type": "string", "description": "The model's name in events."},
    "task": {"enum": [*get_args(Task), None], "description": "What it is for; follows from the decoder."},
    "decoder": words(TASKS) | {"description": "How the outputs are read."},
    "input": section({key: INPUT.get(key, {}) for key in INPUT_KEYS})
    | {"description": "How a frame becomes the input: a property of the training."},
    "roles": {"description": "Which output, counted from 0, plays which part for the decoder."},
    "activation": words(get_args(Activation), "none")
    | {"description": "What the scores still need to become 0..1."},
    "background": words(get_args(Background), "none")
    | {"description": "Where the class axis has an entry that is no answer."},
    "cpu": _file("The model for the CPU."),
    "edgetpu": _file("The same model, compiled for the Edge TPU."),
    "labels": _file("Names of the classes, one a line."),
    "source": _text() | {"description": "Where the model is from, for people."},
    "licence": _text() | {"description": "What may be done with it, for people."},
}


def manifest_schema() -> Schema:
    """Draft 2020-12 of a bundle's `model.yaml`, for a `# yaml-language-server` line."""
    known: dict[str, Schema] = {**GENERAL, **{str(key): node for key, node in OWN.items()}}
    return {
        "$schema": DIALECT,
        "title": "edged model",
        "description": "model.yaml of a bundle: what a model is, and how it is used.",
        "type": "object",
        "properties": {key: dict(known.get(key, {})) for key in KEYS},
        "required": ["name", "decoder"],
        "additionalProperties": False,
        "dependentSchemas": {"input": {"properties": {"input": _mean_and_std()}}},
        "allOf": [_for_decoder(decoder) for decoder in TASKS],
    }


def _mean_and_std() -> Schema:
    """Both, or none."""
    there = [{"required": [key], "properties": {key: {"type": "number"}}} for key in ("mean", "std")]
    return {"anyOf": [{"type": "null"}, {"allOf": there}, {"not": {"anyOf": there}}]}


def _for_decoder(decoder: DecoderName) -> Schema:
    """What holds for one decoder alone."""
    own = OWN_KEYS[decoder]
    properties: Schema = {
        "task": {"enum": [TASKS[decoder], None]},
        "activation": {"enum": [*ACTIVATIONS[decoder], None]},
        "roles": _roles(decoder),
        **{key: False for key in get_args(OwnKey) if key not in own},
    }
    if decoder in WITHOUT_BACKGROUND:
        properties["background"] = {"enum": ["none", None]}
    required: list[str] = [key for key in own if key in REQUIRED_OWN]
    if len(PARTS[decoder]) > 1:
        required.append("roles")
    then: Schema = {"properties": properties, **({"required": required} if required else {})}
    if "blank" in own:
        then["anyOf"] = BLANK_OR_PLAIN
    return {
        "if": {"properties": {"decoder": {"const": decoder}}, "required": ["decoder"]},
        "then": then,
    }


def _roles(decoder: DecoderName) -> Schema:
    """The parts of a decoder; a yolov9 may have them for each level."""
    output = {"type": "integer", "minimum": 0, "maximum": MAX_OUTPUT}
    parts = PARTS[decoder]
    if not parts:
        return {"type": ["object", "null"], "maxProperties": 0}
    whole: Schema = {
        "type": "object",
        "properties": dict.fromkeys(parts, output),
        "required": list(parts),
        "additionalProperties": False,
    }
    if decoder != "yolov9":
        return whole
    levels = {"type": "object", "patternProperties": {r"^(boxes|scores)_[0-9]+$": output}, "minProperties": 2}
    return {"anyOf": [whole, {**levels, "additionalProperties": False}]}
