"""The configuration as JSON Schema, for editors and for finding out what a place expects."""

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeAlias

from edged.config.document import Key, Path
from edged.config.settings import Settings
from edged.delivery.topics import RESERVED_CAMERAS

Schema: TypeAlias = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"


@cache
def json_schema() -> Schema:
    """Draft 2020-12 of the configuration, for a `# yaml-language-server` line; made once, not to be changed."""
    schema = _clean(Settings.model_json_schema())
    schema["properties"]["cameras"]["propertyNames"] = {"not": {"enum": sorted(RESERVED_CAMERAS)}}
    return {"$schema": DIALECT, "title": "edged configuration", **schema}


def _clean(node: Any, *, names: bool = False) -> Any:
    """Without generated titles, and without null: a key is left out, not emptied. `names`: keys are names."""
    if isinstance(node, list):
        return [_clean(item) for item in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _clean(value) for key, value in node.items()}
    kept = {key: value for key, value in node.items() if key != "title" and (key, value) != ("default", None)}
    branches = kept.get("anyOf", [])
    if {"type": "null"} in branches and "default" in node and len(branches) == 2:  # noqa: PLR2004  a type or null
        kept = {**branches[0], **{key: value for key, value in kept.items() if key != "anyOf"}}
    if "patternProperties" in kept:
        kept["additionalProperties"] = False
    return {
        key: value if key in {"default", "examples"} else _clean(value, names=key in {"properties", "$defs"})
        for key, value in kept.items()
    }


def resolve(root: Schema, node: Schema) -> Schema:
    """A node with its `$ref` followed; its own words win over those of the target."""
    if "$ref" not in node:
        return node
    target = root["$defs"][node["$ref"].rpartition("/")[2]]
    return {**target, **{key: value for key, value in node.items() if key != "$ref"}}


def choose(root: Schema, node: Schema, value: object) -> Schema:
    """The branch of a union that this value means; the union itself where none fits."""
    node = resolve(root, node)
    for each in [*node.get("oneOf", ()), *node.get("anyOf", ())]:
        branch = resolve(root, each)
        tag = branch.get("properties", {}).get("type", {}).get("const")
        if tag is not None and isinstance(value, dict) and value.get("type") == tag:
            return branch
        if tag is None and branch.get("type") == _type_of(value):
            return branch
    return node


def _type_of(value: object) -> str:
    if isinstance(value, dict):
        return "object"
    return "array" if isinstance(value, list) else "string"


def at(root: Schema, data: object, path: Path) -> Schema:
    """What the schema says about a path; empty where it knows nothing."""
    node = resolve(root, root)
    for key in path:
        node = resolve(root, _child(choose(root, node, data), key))
        data = _step(data, key)
    return node


def _child(node: Schema, key: Key) -> Schema:
    if isinstance(key, int):
        items: list[Schema] = node.get("prefixItems", [])
        child = items[key] if key < len(items) else node.get("items", {})
    else:
        pattern: Schema = next(iter(node.get("patternProperties", {}).values()), {})
        child = node.get("properties", {}).get(key) or node.get("additionalProperties") or pattern
    return child if isinstance(child, dict) else {}


def _step(data: object, key: Key) -> object:
    if isinstance(data, dict):
        return data.get(key)
    return data[key] if isinstance(data, list) and isinstance(key, int) and key < len(data) else None


def sections_with(root: Schema, key: str) -> Iterator[str]:
    """The top-level sections that know this key."""
    for name, node in root["properties"].items():
        section = resolve(root, node)
        entry = _child(section, "name") if "properties" not in section else {}
        if key in section.get("properties", {}) or key in resolve(root, entry).get("properties", {}):
            yield name
