"""Labels that a model carries in itself."""

import ast
import json
import re
from collections.abc import Mapping

from edged.vision.labels import Labels, parse_labels
from edged.vision.printable import printable

_LITERAL_LIMIT = 200_000
_INDEX = re.compile(r"\d{1,6}")


def embedded_labels(files: Mapping[str, bytes]) -> Labels | None:
    """The labels among a model's appended files; None where there are none.

    TFLite's metadata appends a text file, Ultralytics a dictionary with `names`, as JSON or as a Python literal.
    """
    for name in sorted(files):
        if name.lower().endswith(".txt") and "label" in name.lower():
            return parse_labels(files[name].decode("utf-8", "replace"), f"embedded {name}")
    for name in sorted(files):
        names = _names_of(files[name])
        if names:
            return Labels(names, f"embedded {name}", numbered=True)
    return None


def _names_of(content: bytes) -> dict[int, str]:
    """The `names` of an Ultralytics description; empty where the content is something else."""
    text = content[:_LITERAL_LIMIT].decode("utf-8", "replace").strip()
    if not text.startswith("{"):
        return {}
    found = _parsed(text)
    names = found.get("names") if isinstance(found, dict) else None
    if not isinstance(names, dict):
        return {}
    try:
        texts = {str(index): str(name) for index, name in names.items()}
    except (ValueError, RecursionError):  # a number too long to be written out, or lists in lists
        return {}
    if not all(_INDEX.fullmatch(index) for index in texts):
        return {}
    return {int(index): printable(name) for index, name in texts.items()}


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
