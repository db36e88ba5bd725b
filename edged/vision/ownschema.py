"""What a `model.yaml` says only for some decoders, as JSON Schema: strides, values, key points and such."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, get_args

from edged.vision.keypoints import MOST_KEYPOINTS
from edged.vision.manifest import Blank, Collapse, Coordinates, NmsRule, OwnKey
from edged.vision.ownkeys import MAX_STRIDE
from edged.vision.quantities import MAX_INDEX, MAX_OUTPUT, MAX_UNIT

Schema: TypeAlias = dict[str, Any]
_ID = "^[a-z0-9_-]{1,32}$"
_PLAIN_NMS = NmsRule()


def words(choices: Iterable[str], default: str | None = None) -> Schema:
    """One of a few words, or nothing where there is a default."""
    return {"enum": [*choices]} if default is None else {"enum": [*choices, None], "default": default}


def section(properties: Mapping[str, Schema]) -> Schema:
    """A mapping with these keys at most, or nothing."""
    return {"type": ["object", "null"], "properties": dict(properties), "additionalProperties": False}


_NMS = section(
    {
        "iou": {
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 1,
            "default": _PLAIN_NMS.iou,
            "description": "A box goes that overlaps a better one by more (intersection over union).",
        },
        "per_class": {
            "type": "boolean",
            "default": _PLAIN_NMS.per_class,
            "description": "Whether only boxes of the same class make each other go.",
        },
    }
)
_VALUE: Schema = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": _ID, "description": "In events and topics."},
        "unit": {
            "type": ["string", "null"],
            "maxLength": MAX_UNIT,
            "pattern": r"^$|\S",
            "description": "For people.",
        },
        "scale": {
            "type": ["number", "null"],
            "not": {"const": 0},
            "description": "value = output * scale + offset.",
        },
        "offset": {"type": ["number", "null"], "description": "value = output * scale + offset."},
        "range": {
            "type": "array",
            "items": {"type": "number"},
            "minItems": 2,
            "maxItems": 2,
            "description": "The least and the greatest value; what is beyond is taken for them.",
        },
        "output": {
            "type": ["integer", "null"],
            "minimum": 0,
            "maximum": MAX_OUTPUT,
            "description": "The output that holds it; they follow one another where nothing is said.",
        },
        "index": {
            "type": ["integer", "null"],
            "minimum": 0,
            "maximum": MAX_INDEX,
            "description": "Its place in the output.",
        },
    },
    "required": ["name", "range"],
    "additionalProperties": False,
}
OWN: Mapping[OwnKey, Schema] = {
    "strides": {
        "type": "array",
        "items": {"type": "integer", "minimum": 1, "maximum": MAX_STRIDE},
        "minItems": 1,
        "uniqueItems": True,
        "description": "Pixels per cell of each level, in the order of the outputs' rows.",
    },
    "coordinates": words(get_args(Coordinates), "fractions")
    | {"description": "Whether boxes are in fractions of the model's input or in its pixels."},
    "nms": _NMS | {"description": "Which of several boxes around one object stay."},
    "values": {
        "type": "array",
        "items": _VALUE,
        "minItems": 1,
        "description": "What the numbers of the outputs are, in their order.",
    },
    "collapse": words(get_args(Collapse), "ctc")
    | {"description": "Whether neighbouring steps of one class are one character."},
    "blank": {
        "enum": [*get_args(Blank), None],
        "description": "Which class is no character; ctc needs it.",
    },
    "keypoints": {
        "type": ["array", "null"],
        "items": {"type": "string", "pattern": _ID},
        "minItems": 1,
        "maxItems": MOST_KEYPOINTS,
        "uniqueItems": True,
        "description": "What the points are called, in the model's order; without it the 17 of COCO.",
    },
}
"""Keys for some decoders only: one entry for each OwnKey of the manifest."""
REQUIRED_OWN: frozenset[str] = frozenset({"strides", "values"})
BLANK_OR_PLAIN: list[Schema] = [
    {"required": ["blank"], "properties": {"blank": {"type": "string"}}},
    {"required": ["collapse"], "properties": {"collapse": {"const": "none"}}},
]
"""A model of steps says what its blank is, unless it has no use for one."""
