"""Labels and a description that a model carries in itself."""

import ast
import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from edged.vision.labels import Labels, parse_labels
from edged.vision.printable import printable

_LITERAL_LIMIT = 200_000
_INDEX = re.compile(r"\d{1,6}")
_SIDES = 2


@dataclass(frozen=True, slots=True)
class Description:
    """What an export by Ultralytics says of itself."""

    task: str
    """Such as detect, segment or pose; empty where it does not say, as YOLOv5's exports."""
    size: tuple[int, int] | None
    """Height and width of the input that it was exported for."""
    points: tuple[int, int] | None = None
    """How many key points a pose has, and numbers for each (`kpt_shape`)."""


def embedded_description(files: Mapping[str, bytes]) -> Description | None:
    """Ultralytics' description among a model's appended files; None where there is none."""
    for name in sorted(files):
        found = _dictionary(files[name])
        if "names" in found and ("stride" in found or "task" in found):
            points = _points(found.get("kpt_shape"))
            return Description(printable(_text(found.get("task"))), _size(found.get("imgsz")), points)
    return None


def _text(value: object) -> str:
    return value[:40] if isinstance(value, str) else ""


def _size(value: object) -> tuple[int, int] | None:
    """Two sides in pixels."""
    if not isinstance(value, list | tuple) or len(value) != _SIDES:
        return None
    height, width = value
    return (height, width) if type(height) is int and type(width) is int else None


def _points(value: object) -> tuple[int, int] | None:
    """A number of points, and 2 or 3 numbers for each."""
    count, numbers = _size(value) or (0, 0)
    return (count, numbers) if count > 0 and numbers in {2, 3} else None


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
    names = _dictionary(content).get("names")
    if not isinstance(names, dict):
        return {}
    try:
        texts = {str(index): str(name) for index, name in names.items()}
    except (ValueError, RecursionError):  # a number too long to be written out, or lists in lists
        return {}
    if not all(_INDEX.fullmatch(index) for index in texts):
        return {}
    return {int(index): printable(name).strip() for index, name in texts.items()}


def _dictionary(content: bytes) -> dict[object, object]:
    """A dictionary written as JSON or as a Python literal; empty where the content is something else."""
    text = content[:_LITERAL_LIMIT].decode("utf-8", "replace").strip()
    found = _parsed(text) if text.startswith("{") else None
    return found if isinstance(found, dict) else {}


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python thinks of the text's style is nobody's business
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
