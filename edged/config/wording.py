"""What a place expects and what to write instead, in a technician's words; taken from the schema."""

import difflib
import json
import re
from collections.abc import Iterable
from typing import Any

from edged.config.document import Node
from edged.config.fields import ID_PATTERN, legal_id
from edged.config.hidden import masked
from edged.config.schema import Schema

_NUMBER = re.compile(r"([-+]?\d+(?:[.,]\d+)?)(.*)", re.DOTALL)
_SHOWN = 40
_TELLING = 3
"""A part of a word says which one is meant from this length on: `tpu` is `edgetpu`."""


def near(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or nothing."""
    by_form = {_plain(each): each for each in known}
    holders = [each for each in by_form if _plain(word) in each]
    if len(word) >= _TELLING and len(holders) == 1:
        return by_form[holders[0]]
    match = difflib.get_close_matches(_plain(word), by_form, n=1)
    return by_form[match[0]] if match else ""


def _plain(word: str) -> str:
    return word.lower().replace("-", "_").replace(" ", "_")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean x?`, or the list of what there is."""
    names = list(known)
    guess = near(word, names)
    if guess:
        return f"did you mean {guess}?"
    return f"there is {', '.join(names)}" if names else ""


def shown(node: Node, *, secret: bool = False) -> str:
    """A value as the reader wrote it, on one line and not too long."""
    if node.kind != "scalar":
        return "a section of keys" if node.kind == "mapping" else "a list"
    if secret:
        return "something else"
    text = masked(" ".join(node.text.split()))
    text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    quoted = isinstance(node.value, str)
    return f"'{text}'" if quoted or not text else text


def expected(schema: Schema) -> str:
    """`a number between 0 and 1` and the like."""
    choices = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    if choices:
        return f"one of {', '.join(map(str, choices))}" if len(choices) > 1 else str(choices[0])
    if "anyOf" in schema or "oneOf" in schema:
        branches = schema.get("anyOf") or schema["oneOf"]
        return " or ".join(dict.fromkeys(expected(each) for each in branches))
    words = {"integer": _number, "number": _number, "string": _text, "array": _list, "object": _section}
    kind = schema.get("type", "object")
    return "true or false" if kind == "boolean" else words[kind](schema)


def _number(schema: Schema) -> str:
    even = "an even " if schema.get("multipleOf") else "a "
    noun = f"{even}whole number" if schema["type"] == "integer" else "a number"
    low, above, high = (schema.get(key) for key in ("minimum", "exclusiveMinimum", "maximum"))
    if high is None:
        return noun
    if above is not None:
        return f"{noun} above {above} and up to {high}"
    return f"{noun} between {low} and {high}"


def _text(schema: Schema) -> str:
    if schema.get("pattern") == ID_PATTERN:
        return "a name of 1 to 32 of the characters a-z, 0-9, _ and -"
    if schema.get("format") == "path":
        return "a path"
    length = f" of at most {schema['maxLength']} characters" if "maxLength" in schema else ""
    return f"text{length}{_such_as(schema)}" if "pattern" in schema else "text"


def _list(schema: Schema) -> str:
    if "prefixItems" in schema:
        return f"a list of {len(schema['prefixItems'])} numbers{_such_as(schema)}"
    least = f" of at least {schema['minItems']} items" if "minItems" in schema else ""
    return f"a list{least}{_such_as(schema)}"


def _section(schema: Schema) -> str:
    keys = ", ".join(list(schema.get("properties", {}))[:4])
    return f"a section with keys such as {keys}" if keys else "a section with a name for each entry"


def _such_as(schema: Schema) -> str:
    examples = schema.get("examples")
    return f" such as {json.dumps(examples[0])}" if examples else ""


def suggestion(schema: Schema, node: Node) -> str:
    """What to write instead of this value, where that can be told."""
    choices = schema.get("enum")
    if choices:
        guess = near(node.text, map(str, choices)) if isinstance(node.value, str) else ""
        return f"did you mean {guess}?" if guess else ""
    kind = schema.get("type", "object")
    if kind == "object":
        return _for_section(node)
    if node.kind != "scalar":
        return "write it without '-' and brackets" if node.kind == "list" and kind != "array" else ""
    if node.text == "":
        return "give it a value, or remove the line"
    rules = {"string": _for_text, "array": _for_list, "integer": _for_number, "number": _for_number}
    return rules[kind](schema, node) if kind in rules else _for_switch(node)


def _for_section(node: Node) -> str:
    missing_space = re.match(r"([\w-]+):(\S+)$", node.text)
    if missing_space:
        return masked(f"put a space after the colon: {missing_space[1]}: {missing_space[2]}")
    if node.kind == "list":
        return "write `name:` instead of '-', and its keys indented below it"
    return "put its keys on the lines below, indented by two spaces"


def _for_text(schema: Schema, node: Node) -> str:
    if not isinstance(node.value, str):
        reason = ": without them YAML reads true or false" if isinstance(node.value, bool) else ""
        return f'write "{node.text}" in quotes{reason}'
    if schema.get("pattern") == ID_PATTERN and legal_id(node.text) != node.text:
        return f"write {legal_id(masked(node.text))}"
    return ""


def _for_list(schema: Schema, node: Node) -> str:
    parts = re.findall(r"\d+(?:\.\d+)?", node.text)
    if parts and len(parts) == len(schema.get("prefixItems", ())):
        return f"write [{', '.join(parts)}]"
    return (
        masked(f"write [{node.text}]")
        if isinstance(node.value, str) and not schema.get("prefixItems")
        else ""
    )


def _for_number(schema: Schema, node: Node) -> str:
    match = _NUMBER.match(node.text.strip())
    if not match or isinstance(node.value, bool):
        return ""
    number = float(match[1].replace(",", "."))
    whole = schema["type"] == "integer"
    if schema.get("maximum") == 1 and 1 < number <= 100:  # noqa: PLR2004  a percentage
        return f"did you mean {number / 100:g}?"
    if not _allowed(schema, number) or (whole and number != int(number)):
        return ""
    if isinstance(node.value, str) and not match[2]:
        return f"write {_digits(number)}" + ("" if "," in match[1] else " without quotes")
    return f"write {_digits(number)}" if match[2] or whole else ""


def _digits(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def _allowed(schema: Schema, number: float) -> bool:
    low: Any = schema.get("minimum", schema.get("exclusiveMinimum", number))
    return bool(low <= number <= schema.get("maximum", number))


def _for_switch(node: Node) -> str:
    if node.text.lower() in {"yes", "on", "true", "1"}:
        return "write true"
    return "write false" if node.text.lower() in {"no", "off", "false", "0"} else ""
