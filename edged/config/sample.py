"""The sample file with every key, its default and its description; made from the settings."""

import json
import re
from collections.abc import Iterator
from typing import Any

from edged.config.schema import Schema, resolve
from edged.config.settings import Settings
from edged.config.wording import expected

HEAD = """\
# Every key of edged, with its default. Made by tools/generate.py: do not edit, copy what you need.
# A line that starts with # and a letter is switched off: it shows a value that you may give.
# yaml-language-server: $schema=edged.schema.json
"""
_NAMES = {
    "models": "objects",
    "accelerators": "main",
    "cameras": "front",
    "labels": "person",
    "zones": "drive",
    "values": "pressure",
}


def sample() -> str:
    """The full configuration as YAML text, valid as it is."""
    root = Settings.model_json_schema()
    return HEAD + "".join(f"{line}\n".lstrip("\n") for line in _section(root, root))


def _section(root: Schema, section: Schema) -> Iterator[str]:
    """The lines of a section's keys, not indented."""
    for key, raw in section["properties"].items():
        node, optional = unwrap(root, raw)
        yield f"# {raw.get('description', '')}{_limits(root, node)}"
        lines = list(_entry(root, key, node))
        off = optional or (_is_value(root, node) and not _has_value(section, key, node))
        yield from (f"#{line}" for line in lines) if off else lines


def unwrap(root: Schema, node: Schema) -> tuple[Schema, bool]:
    """A key's schema without its null branch, and whether the key is switched off by default."""
    rest = [branch for branch in node.get("anyOf", []) if branch != {"type": "null"}]
    if len(rest) == 1:
        own = {key: value for key, value in node.items() if key not in {"anyOf", "default"}}
        return {**resolve(root, rest[0]), **own}, True
    return resolve(root, node), False


def _limits(root: Schema, node: Schema) -> str:
    """What the key takes, where that is not plain from its value."""
    telling = _is_value(root, node) and node.get("type") != "array" and "const" not in node
    takes = expected(node) if telling else "text"
    return "" if takes in {"text", "a path", "true or false"} else f" [{takes}]"


def _is_value(root: Schema, node: Schema) -> bool:
    return not branches(root, node)


def branches(root: Schema, node: Schema) -> list[Schema]:
    """The sections that a key may hold: none for a value or for named values, several for a union."""
    each = [resolve(root, branch) for branch in node.get("oneOf", [node])]
    return [branch for branch in each if branch.get("type") == "object" and not _of_values(root, branch)]


def _of_values(root: Schema, section: Schema) -> bool:
    """Whether a mapping of names holds a plain value under each name."""
    entry = entry_of(root, section)
    return entry is not None and entry.get("type") != "object"


def entry_of(root: Schema, node: Schema) -> Schema | None:
    """The section that a mapping of names holds under each name."""
    pattern = next(iter(node.get("patternProperties", {}).values()), None)
    entry = node.get("additionalProperties") or pattern
    return unwrap(root, entry)[0] if isinstance(entry, dict) else None


def _has_value(section: Schema, key: str, node: Schema) -> bool:
    return key in section.get("required", ()) or "default" in node


def _entry(root: Schema, key: str, node: Schema) -> Iterator[str]:
    """`key: value`, or `key:` with what is under it."""
    sections = branches(root, node)
    if not sections:
        yield f"{key}: {_value(node)}"
        return
    yield f"{key}:"
    for number, section in enumerate(sections):
        lines = _body(root, key, section)
        if number:
            yield f"  # or: {section.get('description', '')}"
        yield from (f"  #{line}" for line in lines) if number else (f"  {line}" for line in lines)


def _body(root: Schema, key: str, section: Schema) -> Iterator[str]:
    if "properties" in section:
        yield from _section(root, section)
        return
    entry = entry_of(root, section) or {}
    yield f"{_NAMES[key]}:"
    yield from (f"  {line}" for line in _section(root, entry))


def _value(node: Schema) -> str:
    value: Any = node.get("const", node.get("default", node.get("examples", [""])[0]))
    return json.dumps(value) if not _is_plain(value) else str(value)


def _is_plain(value: object) -> bool:
    """A word that YAML takes for text without quotes."""
    words = {"yes", "no", "on", "off", "true", "false", "null"}
    return isinstance(value, str) and bool(re.match(r"[A-Za-z/][\w./-]*$", value)) and value not in words
