"""JSON Schema, draft 2020-12, of each payload, made from the types that build them."""

import inspect
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from edged.delivery import frame_types, payloads, pose_types, reading_types, stats_types
from edged.delivery.payloads import Limits

Schema = dict[str, Any]
PAYLOADS: dict[str, Any] = {
    "detection": payloads.DetectionEvent,
    "classification": payloads.ClassificationEvent,
    "labels": payloads.LabelsEvent,
    "value": reading_types.ValueEvent,
    "text": reading_types.TextEvent,
    "pose": pose_types.PoseEvent,
    "areas": pose_types.AreasEvent,
    "system": payloads.SystemEventPayload,
    "object": payloads.ObjectState,
    "reading": reading_types.ReadingPayload,
    "frame": frame_types.FramePayload,
    "problem": payloads.ProblemState,
    "stats": stats_types.Stats,
    "info": payloads.Info,
}
_KEYWORDS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "pattern": "pattern",
    "format": "format",
    "max_items": "maxItems",
    "max_length": "maxLength",
    "min_items": "minItems",
}
_PLAIN: dict[object, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    NoneType: "null",
}


def payload_schema(name: str, *, strict: bool = False) -> Schema:
    """The schema of one payload of the contract, one of PAYLOADS.

    Additions keep `v: 1`, so a subscriber's schema lets unknown fields pass; `strict` refuses them.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:edged:schema:v1:{name}",
        "title": name,
        **schema_of(PAYLOADS[name], strict=strict),
    }


def schema_of(kind: Any, *, strict: bool = False) -> Schema:
    """The schema of a type: a TypedDict, a Literal, a list, a dict by name, a union or a plain value."""
    if is_typeddict(kind):
        return _object(kind, strict=strict)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return {**schema_of(arguments[0], strict=strict), **_limits(arguments[1])}
    if origin is Literal:
        return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
    if origin is None:
        return {"type": _PLAIN[kind]}
    return _compound(origin, [schema_of(one, strict=strict) for one in arguments])


def _compound(origin: Any, parts: list[Schema]) -> Schema:
    if origin is list:
        return {"type": "array", "items": parts[0]}
    if origin is dict:
        return {"type": "object", "additionalProperties": parts[1]}
    if origin in (Union, UnionType):
        return {"anyOf": parts}
    raise TypeError(f"no JSON Schema for {origin}")


def _object(kind: Any, *, strict: bool) -> Schema:
    fields = {name: _required(hint) for name, hint in get_type_hints(kind, include_extras=True).items()}
    schema: Schema = {
        "type": "object",
        "description": inspect.getdoc(kind),
        "required": [name for name, (_, required) in fields.items() if required],
        "properties": {name: schema_of(hint, strict=strict) for name, (hint, _) in fields.items()},
    }
    return {**schema, "additionalProperties": False} if strict else schema


def _required(hint: Any) -> tuple[Any, bool]:
    return (get_args(hint)[0], False) if get_origin(hint) is NotRequired else (hint, True)


def _limits(limits: Limits) -> Schema:
    found = {keyword: getattr(limits, name) for name, keyword in _KEYWORDS.items()}
    return {keyword: value for keyword, value in found.items() if value is not None}
