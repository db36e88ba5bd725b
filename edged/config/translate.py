"""What the validation complains about becomes findings: where it is, in a technician's words."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path as FilesystemPath
from typing import Any, TypeAlias

from pydantic import ValidationError

from edged.config import crosscheck
from edged.config.document import Document, Key, Node, Path
from edged.config.fields import ID_PATTERN
from edged.config.findings import Finding
from edged.config.hidden import is_secret, masked
from edged.config.schema import Schema, at, choose, json_schema, sections_with
from edged.config.settings import Settings
from edged.config.settings_sources import LATER_SOURCE_TYPES, SOURCE_TYPES
from edged.config.wording import expected, near, shown, suggestion

Error: TypeAlias = Any
"""One entry of pydantic's `ValidationError.errors()`."""
_BRANCHES = frozenset({"<one>", "<many>", "<section>", "<list>", *(f"<{name}>" for name in SOURCE_TYPES)})
_OWN_ERRORS = frozenset({"reserved", "n_of_m", "region"})


def validate(
    document: Document, context: dict[str, FilesystemPath]
) -> tuple[Settings | None, tuple[Finding, ...]]:
    """The settings, and everything that is wrong with them; None where something is."""
    errors: list[Error] = []
    settings = None
    try:
        settings = Settings.model_validate_json(json.dumps(document.data), context=context)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=True)
    findings = list(_Translation(document).findings(errors))
    findings += [
        Finding.at(document.place(each.path), key_name(each.path), each.message, each.suggestion)
        for each in crosscheck.check(document.data)
    ]
    ordered = sorted(findings, key=lambda finding: (finding.file, finding.line, finding.column))
    return (None if findings else settings), tuple(ordered)


def key_name(path: Iterable[Key]) -> str:
    """`cameras.front.confirm[1]`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{masked(key)}" for key in path)
    return text.removeprefix(".")


class _Translation:
    """The findings for one document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._data = document.data
        self._schema: Schema = {}

    def findings(self, errors: Iterable[Error]) -> Iterator[Finding]:
        """One finding for each place, in the order of the errors, then the empty values."""
        by_path: dict[Path, Error] = {}
        for error in errors:
            by_path.setdefault(self._path(error), error)
        empty = [path for path in _empty(self._document.root, ()) if path not in by_path]
        self._schema = json_schema() if by_path or empty else {}
        guessed = {
            (*path[:-1], self._guess(path)) for path, e in by_path.items() if e["type"] == "extra_forbidden"
        }
        for path, error in by_path.items():
            if error["type"] == "missing" and path in guessed:
                continue
            if error["type"] == "too_short" and any(other[: len(path)] == path != other for other in by_path):
                continue
            yield self._finding(path, error)
        for path in empty:
            yield self._wrong_value(path)

    def _path(self, error: Error) -> Path:
        """Where an error is in the document; without the names of union branches."""
        path: Path = ()
        for key in error["loc"]:
            inside = self._document.find(path)
            is_tag = key in _BRANCHES
            is_branch = inside is not None and inside.kind != "mapping" and isinstance(key, str)
            if not is_tag and not is_branch and key != "[key]":
                path = (*path, key)
        return path

    def _finding(self, path: Path, error: Error) -> Finding:
        kind = error["type"]
        if kind in _OWN_ERRORS:
            place = (
                self._document.place_key(path) if error["loc"][-1] == "[key]" else self._document.place(path)
            )
            return Finding.at(place, key_name(path), error["msg"], error["ctx"]["suggestion"])
        if error["loc"][-1:] == ("[key]",):
            return self._bad_name(path)
        if kind == "extra_forbidden":
            return self._unknown(path)
        if kind == "missing":
            return self._wrong_value(path[:-1]) if isinstance(path[-1], int) else self._missing(path)
        if kind.startswith("union_tag"):
            return self._bad_source(path)
        too_many = kind == "too_long" and isinstance(error["input"], dict)
        return self._too_many(path, error) if too_many else self._wrong_value(path)

    def _too_many(self, path: Path, error: Error) -> Finding:
        message = f"has {len(error['input'])} entries, which is more than {error['ctx']['max_length']}"
        return Finding.at(self._document.place_key(path), key_name(path), message, "remove some of them")

    def _bad_name(self, path: Path) -> Finding:
        name = str(path[-1])
        schema = {"type": "string", "pattern": ID_PATTERN}
        if path[-2:-1] == ("labels",):
            schema = {"type": "string"}
        place = self._document.place_key(path)
        node = Node("scalar", place, place, name, name)
        return Finding.at(
            place,
            key_name(path),
            f"must be {expected(schema)}, but is '{masked(name)}'",
            suggestion(schema, node),
        )

    def _guess(self, path: Path) -> str:
        """The known key that an unknown one probably means; those not yet given come first."""
        known = self._known(path[:-1])
        parent = self._document.find(path[:-1])
        given = parent.children if parent else {}
        return near(str(path[-1]), [key for key in known if key not in given]) or near(str(path[-1]), known)

    def _known(self, path: Path) -> list[str]:
        parent = self._document.find(path)
        section = choose(self._schema, at(self._schema, self._data, path), parent.data() if parent else None)
        return list(section.get("properties", {}))

    def _unknown(self, path: Path) -> Finding:
        key = str(path[-1])
        guess = self._guess(path)
        elsewhere = [name for name in sections_with(self._schema, key) if name not in path]
        if guess:
            hint = f"did you mean {guess}?"
        elif elsewhere:
            hint = f"it belongs under {' or '.join(elsewhere)}: check the indentation"
        else:
            hint = f"known here: {', '.join(self._known(path[:-1]))}"
        return Finding.at(self._document.place_key(path), key_name(path), "unknown key", hint)

    def _missing(self, path: Path) -> Finding:
        examples = at(self._schema, self._data, path).get("examples")
        hint = f"add {path[-1]}: {json.dumps(examples[0])}".replace('"', "") if examples else ""
        if path[-1] == "model":
            models = self._data.get("models")
            hint = f"add model: {next(iter(models))}" if isinstance(models, dict) and models else hint
        place = self._document.place_key(path)
        return Finding.at(place, key_name(path), "this key is missing", hint or f"add {path[-1]}:")

    def _bad_source(self, path: Path) -> Finding:
        known = ", ".join(SOURCE_TYPES)
        node = self._document.find((*path, "type"))
        source = self._document.find(path)
        if node is None and source is not None and source.kind == "mapping":
            place = self._document.place_key(path)
            return Finding.at(place, key_name((*path, "type")), "this key is missing", f"one of {known}")
        if node is None:
            known_type = source is not None and source.text in SOURCE_TYPES
            hint = f"write {{type: {source.text}}}" if source and known_type else f"the types are {known}"
            message = "must be a section with a type, such as {type: picamera2}"
            return Finding.at(self._document.place(path), key_name(path), message, hint)
        if node.text in LATER_SOURCE_TYPES:
            message = f"the source type {node.text} is not in this version"
            return Finding.at(node.place, key_name((*path, "type")), message, f"use one of {known}")
        guess = near(node.text, SOURCE_TYPES)
        message = f"must be one of {known}, but is {shown(node)}"
        return Finding.at(
            node.place, key_name((*path, "type")), message, f"did you mean {guess}?" if guess else ""
        )

    def _wrong_value(self, path: Path) -> Finding:
        schema = at(self._schema, self._data, path)
        node = self._document.deepest(path)[0]
        if "oneOf" in schema:
            schema = choose(self._schema, schema, node.data())
        message = f"must be {expected(schema)}, but is {self._but_is(path, node, schema)}"
        hint = "" if is_secret(path) else suggestion(schema, node)
        if "polygon" in path[:-1]:
            hint = "corners are fractions of the frame, not pixels: divide by its width and height"
        if "regions" in path[:-2] and isinstance(node.value, (int, float)) and node.value > 1:
            hint = "a region is in fractions of the frame, not in pixels: divide by its width and height"
        return Finding.at(node.place, key_name(path), message, hint)

    def _but_is(self, path: Path, node: Node, schema: Schema) -> str:
        if node.kind == "scalar" and node.value is None and node.text in {"", "~", "null"}:
            return "empty"
        if not node.children and node.kind != "scalar":
            return "empty"
        if node.kind == "list" and schema.get("type") == "array":
            return f"a list of {len(node.children)}"
        return shown(node, secret=is_secret(path))


def _empty(node: Node, path: Path) -> Iterator[Path]:
    """Keys with nothing after the colon, none below a secret; a label may stand alone, it has the defaults."""
    if node.kind == "scalar" and node.value is None and path[-2:-1] != ("labels",):
        yield path
    for key, child in () if is_secret(path) else node.children.items():
        yield from _empty(child, (*path, key))
