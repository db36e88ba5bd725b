"""Reads YAML with the place of every value; the only module that knows PyYAML."""

import re
import stat
import unicodedata
from collections.abc import Mapping
from pathlib import Path as FilesystemPath

import yaml

from edged.config.document import Document, Key, Node, Path
from edged.config.findings import Finding, InvalidConfiguration, Place
from edged.config.hidden import is_secret, masked
from edged.config.syntax import NOT_PLAIN, Complaint, explain
from edged.domain.errors import PermissionDeniedError

__all__ = ["Document", "Finding", "InvalidConfiguration", "Place", "dump", "parse", "parse_value", "read"]

MAX_BYTES = 1_000_000
MAX_NODES = 10_000
MAX_DEPTH = 20
_MAX_NUMBER_LENGTH = 100
_TAG = "tag:yaml.org,2002:"
_CONSTRUCTOR = yaml.constructor.SafeConstructor()


def read(path: FilesystemPath, *, example: str = "", may_be_empty: bool = False) -> Document:
    """The document in a file; `example` is shown when the file is empty and may not be.

    Raises InvalidConfiguration, or PermissionDeniedError.
    """
    try:
        raw = _read_bytes(path)
    except PermissionError as error:
        raise PermissionDeniedError(
            f"{path}: may not be read by this user", f"sudo chmod o+r {path}, or run as the user edged"
        ) from error
    except InvalidConfiguration:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _invalid(Place(str(path)), f"cannot be read: {reason}") from error
    return parse(raw, str(path), example=example, may_be_empty=may_be_empty)


def _read_bytes(path: FilesystemPath) -> bytes:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        message = "there is no such file"
        raise _invalid(Place(str(path)), message, "check the path, or create the file") from error
    if stat.S_ISDIR(mode):
        raise _invalid(Place(str(path)), "is a directory", "name the file inside it")
    if not stat.S_ISREG(mode):
        raise _invalid(Place(str(path)), "is not a regular file")
    with path.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


def parse(raw: bytes, file: str, *, example: str = "", may_be_empty: bool = False) -> Document:
    """The document in these bytes; `file` is the name that findings carry. Raises InvalidConfiguration."""
    text = _decode(raw, file)
    top = _compose(text, file)
    if top is None or (isinstance(top, yaml.ScalarNode) and not top.value and not top.style):
        if may_be_empty:
            return Document(Node("mapping", Place(file, 1, 1), Place(file, 1, 1)))
        hint = f"for example: {example}" if example else ""
        raise _invalid(Place(file, 1, 1), "the file is empty", hint)
    if not isinstance(top, yaml.MappingNode):
        raise _invalid(_place(file, top), "the file must hold `key: value` lines at its top level")
    builder = _Builder(file)
    root = builder.build(top, _place(file, top), 0)
    if builder.findings:
        raise InvalidConfiguration(builder.findings)
    return Document(root)


def parse_value(text: str, file: str) -> Node | None:
    """The value that a text means to YAML; None where it means nothing. Raises InvalidConfiguration."""
    top = _compose(_decode(text.encode("utf-8", "surrogateescape"), file), file)
    if top is None:
        return None
    builder = _Builder(file)
    node = builder.build(top, Place(file), 0)
    if builder.findings:
        raise InvalidConfiguration(builder.findings)
    return node


def dump(data: Mapping[str, object]) -> str:
    """Plain values as YAML text, in their order."""
    text: str = yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True)
    return text


def _invalid(place: Place, message: str, suggestion: str = "", key: str = "") -> InvalidConfiguration:
    return InvalidConfiguration([Finding.at(place, key, message, suggestion)])


def _place(file: str, node: yaml.Node) -> Place:
    return Place(file, node.start_mark.line + 1, node.start_mark.column + 1)


def _decode(raw: bytes, file: str) -> str:
    if len(raw) > MAX_BYTES:
        raise _invalid(Place(file), f"is larger than {MAX_BYTES} bytes", "is this a configuration file?")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _invalid(Place(file, 1, 1), "the file is saved as UTF-16", "save it as UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8-sig", "replace")
        message = f"the byte 0x{error.object[error.start]:02x} is not UTF-8 text"
        raise _invalid(_end_of(before, file), message, "save the file as UTF-8") from error


def _end_of(before: str, file: str) -> Place:
    lines = re.split(r"\r\n|[\r\n\x85\u2028\u2029]", before)
    return Place(file, len(lines), len(lines[-1]) + 1)


class _TooDeepError(Exception):
    """Nesting beyond what a person writes."""


class _Loader(yaml.SafeLoader):
    """A composer that refuses deep nesting before the stack does."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _TooDeepError
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _compose(text: str, file: str) -> yaml.Node | None:
    """The nodes of the one document in a text."""
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        message = f"the control character U+{ord(text[error.position]):04X} is not allowed"
        raise _invalid(_end_of(text[: error.position], file), message, "remove it") from error
    try:
        return loader.get_single_node()
    except _TooDeepError as error:
        place = Place(file, loader.line + 1, loader.column + 1)
        raise _invalid(place, f"sections are nested more than {MAX_DEPTH} deep") from error
    except yaml.MarkedYAMLError as error:
        raise InvalidConfiguration([explain(_complaint(error, text, file))]) from error
    finally:
        loader.dispose()


def _complaint(error: yaml.MarkedYAMLError, text: str, file: str) -> Complaint:
    mark = error.problem_mark or error.context_mark
    opened = error.context_mark or mark
    return Complaint(
        problem=error.problem or "",
        context=error.context or "",
        place=Place(file, mark.line + 1, mark.column + 1) if mark else Place(file),
        opened=Place(file, opened.line + 1, opened.column + 1) if opened else Place(file),
        lines=tuple(re.split(r"\r\n|[\r\n\x85\u2028\u2029]", text)),
    )


class _Builder:
    """Turns parser nodes into ours, aliases written out; notes mistakes and goes on."""

    def __init__(self, file: str) -> None:
        self.findings: list[Finding] = []
        self._file = file
        self._count = 0
        self._path: Path = ()

    def build(self, node: yaml.Node, key: Place, depth: int) -> Node:
        self._count += 1
        place = _place(self._file, node)
        if self._count > MAX_NODES or depth > MAX_DEPTH:
            raise _invalid(place, f"more than {MAX_NODES} values, or nested more than {MAX_DEPTH} deep")
        if isinstance(node, yaml.MappingNode):
            self._check_tag(node, "map")
            return Node("mapping", place, key, children=self._children(node, depth))
        if isinstance(node, yaml.SequenceNode):
            self._check_tag(node, "seq")
            items = ((item, _place(self._file, item)) for item in node.value)
            children: dict[Key, Node] = {
                i: self.build(item, at, depth + 1) for i, (item, at) in enumerate(items)
            }
            return Node("list", place, key, children=children)
        assert isinstance(node, yaml.ScalarNode)  # noqa: S101  a parser knows three kinds of node
        return Node("scalar", place, key, value=self._scalar(node), text=str(node.value))

    def _complain(self, node: yaml.Node, key: str, message: str, suggestion: str = "") -> None:
        self.findings.append(Finding.at(_place(self._file, node), masked(key), message, suggestion))

    def _check_tag(self, node: yaml.Node, *known: str) -> None:
        if node.tag not in {_TAG + name for name in known}:
            self._complain(node, "", f"the tag {node.tag.replace(_TAG, '!!')} is not supported", "remove it")

    def _children(self, node: yaml.MappingNode, depth: int) -> dict[Key, Node]:
        """The entries of a mapping; its own keys win over merged ones (`<<`)."""
        merged: dict[Key, Node] = {}
        own: dict[Key, Node] = {}
        for key_node, value in node.value:
            place = _place(self._file, key_node)
            if key_node.tag == _TAG + "merge":
                merged = self._merge_key(value, depth) | merged
            elif not isinstance(key_node, yaml.ScalarNode):
                self._complain(key_node, "", "a key must be plain text", "put text with { or [ in quotes")
            elif not key_node.value:
                self._complain(key_node, "", "the name before the colon is missing")
            elif key_node.value in own:
                first = own[key_node.value].key
                self._complain(
                    key_node,
                    key_node.value,
                    f"is given twice, first in line {first.line}",
                    f"remove line {first.line} or line {place.line}",
                )
            else:
                self._check_characters(key_node)
                own[key_node.value] = self._value(key_node.value, value, place, depth)
        return merged | own

    def _value(self, key: str, node: yaml.Node, place: Place, depth: int) -> Node:
        """The value of a key; of what is wrong inside a secret nothing is said but that it is."""
        before = len(self.findings)
        self._path = (*self._path, key)
        value = self.build(node, place, depth + 1)
        if is_secret(self._path) and len(self.findings) > before:
            self.findings[before:] = [Finding.at(_place(self._file, node), masked(key), *NOT_PLAIN)]
        self._path = self._path[:-1]
        return value

    def _merge_key(self, value: yaml.Node, depth: int) -> dict[Key, Node]:
        sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
        merged: dict[Key, Node] = {}
        for source in reversed(sources):
            if isinstance(source, yaml.MappingNode):
                merged |= self.build(source, _place(self._file, source), depth + 1).children
            else:
                self._complain(source, "<<", "must refer to a section, as in `<<: *name`")
        return merged

    def _scalar(self, node: yaml.ScalarNode) -> object:
        """The value of a scalar; what only YAML 1.1 takes for dates or base-60 numbers stays text."""
        text = str(node.value)
        self._check_characters(node)
        self._check_tag(node, "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
        try:
            if node.tag == _TAG + "null":
                return None
            if node.tag == _TAG + "bool":
                return yaml.constructor.SafeConstructor.bool_values[text.lower()]
            if node.tag == _TAG + "int" and ":" not in text and len(text) <= _MAX_NUMBER_LENGTH:
                return _CONSTRUCTOR.construct_yaml_int(node)
            if node.tag == _TAG + "float" and ":" not in text:
                return _CONSTRUCTOR.construct_yaml_float(node)
        except (ValueError, KeyError, IndexError):
            self._complain(node, "", f"{text!r} is not of the kind that its tag says", "put text in quotes")
        return text

    def _check_characters(self, node: yaml.Node) -> None:
        for character in str(node.value):
            if unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t":
                message = f"the control character U+{ord(character):04X} is not allowed"
                self._complain(node, "", message, "remove it")
                return
