"""Configuration from environment variables: `EDGED_MQTT__HOST` is `mqtt.host`."""

from collections.abc import Iterator, Mapping
from pathlib import Path as FilesystemPath

from edged.config.document import Document, Key, Node, Path, grow, merge, moved
from edged.config.fields import legal_id
from edged.config.findings import Finding, InvalidConfiguration, Place
from edged.config.hidden import is_secret
from edged.config.schema import Schema, at, json_schema
from edged.config.settings import Settings
from edged.config.syntax import NOT_PLAIN
from edged.config.wording import near
from edged.config.yamlfile import parse_value

PREFIX = "EDGED_"
_NOT_CONFIGURATION = frozenset({"EDGED_CONFIG", "EDGED_TEST_DATA"})
_SINGLE_VALUES = frozenset({"device", "base", "state_dir", "log_level", "stats_interval_s"})


def defaults(environ: Mapping[str, str], host_name: str) -> Document:
    """What depends on the machine: the device's name and the folder for its state."""
    state = environ.get("STATE_DIRECTORY", "").split(":")[0]
    home = FilesystemPath(environ.get("HOME", "/"))
    values = {"device": legal_id(host_name), "state_dir": state or str(home / ".local/state/edged")}
    place = Place("default")
    children: dict[Key, Node] = {
        key: Node("scalar", place, place, text, text) for key, text in values.items()
    }
    return Document(Node("mapping", place, place, children=children))


def overlay(document: Document, environ: Mapping[str, str]) -> Document:
    """The document with the values of the environment; what stands for text stays text.

    Raises InvalidConfiguration for a value that is no YAML where YAML is needed.
    """
    texts = {path: (name, environ[name]) for name, path in _named(environ)}
    for path, (name, text) in texts.items():
        document = merge(document, Document(grow(path, _text(name, text))))
    schema, data = json_schema() if texts else {}, document.data
    for path, (name, text) in texts.items():
        node = _typed(at(schema, data, path), name, text)
        document = merge(document, Document(grow(path, node)))
    return document


def warnings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Variables that look like configuration and are none."""
    used = {name for name, _ in _named(environ)}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in used | _NOT_CONFIGURATION:
            better = _better_name(name)
            if better and better != name:
                place = Place(f"environment {name}")
                yield Finding.at(
                    place, "", "is not a configuration key and is ignored", f"did you mean {better}?"
                )


def _named(environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """The variables that name a key of a known top-level section, with its path."""
    for name in sorted(environ):
        path = tuple(name.removeprefix(PREFIX).lower().split("__"))
        known = path[0] in Settings.model_fields and all(path)
        if name.startswith(PREFIX) and known and (len(path) > 1 or path[0] in _SINGLE_VALUES):
            yield name, path


def _better_name(name: str) -> str:
    """`EDGED_MQTT_HOST` and `EDGED_MQT__HOST` both mean `EDGED_MQTT__HOST`."""
    first, mark, rest = name.removeprefix(PREFIX).lower().partition("__")
    if mark:
        guess = near(first, Settings.model_fields)
        return f"{PREFIX}{guess}__{rest}".upper() if guess else ""
    for section in set(Settings.model_fields) - _SINGLE_VALUES:
        if first.startswith(f"{section}_"):
            return f"{PREFIX}{section}__{first.removeprefix(section + '_')}".upper()
        if first == section:
            return f"{PREFIX}{section}__...".upper()
    guess = near(first, _SINGLE_VALUES)
    return f"{PREFIX}{guess}".upper() if guess else ""


def _text(name: str, text: str) -> Node:
    place = Place(f"environment {name}")
    return Node("scalar", place, place, text, text)


def _typed(schema: Schema, name: str, text: str) -> Node:
    place = Place(f"environment {name}")
    if schema.get("type") == "string":
        return _text(name, text)
    try:
        node = parse_value(text, place.file)
    except InvalidConfiguration as error:
        wrong = [(each.message, each.suggestion) for each in error.findings]
        findings = [Finding.at(place, "", *each) for each in ([NOT_PLAIN] if is_secret((name,)) else wrong)]
        raise InvalidConfiguration(findings) from error
    return moved(node, place) if node else Node("scalar", place, place)
