"""Reads a configuration: defaults < edged.yaml < conf.d < environment, validated as a whole."""

import hashlib
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edged.config import environment
from edged.config.document import Document, merge
from edged.config.findings import Finding, InvalidConfiguration
from edged.config.settings import Settings
from edged.config.translate import validate
from edged.config.yamlfile import read
from edged.domain.errors import PermissionDeniedError

EXAMPLE = (
    "{models: {objects: {path: /var/lib/edged/models/ssd_mobilenet_v2}}, "
    "cameras: {front: {source: {type: picamera2}, model: objects}}, mqtt: {host: broker.lan}}"
)
"""On one line, as a whole configuration that can be copied."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid configuration, where it came from and what is questionable about it."""

    settings: Settings
    document: Document
    """The merged values with their places."""
    files: tuple[Path, ...]
    warnings: tuple[Finding, ...]
    sha256: str
    """Of the settings in a canonical form, without the password."""


def load(path: Path, environ: Mapping[str, str]) -> Loaded:
    """The configuration in a file, in `conf.d/*.yaml` beside it and in the environment.

    Relative paths in it start at the folder of `path`, `~/` at $HOME.
    Raises InvalidConfiguration with every finding, or PermissionDeniedError.
    """
    folder = path.absolute().parent
    files = (path, *_parts(path.parent / "conf.d"))
    document = environment.defaults(environ, socket.gethostname())
    for each in _read_all(files):
        document = merge(document, each)
    document = environment.overlay(document, environ)
    settings, findings = validate(document, {"folder": folder, "home": Path(environ.get("HOME", "/"))})
    if settings is None:
        raise InvalidConfiguration(findings)
    warnings = (*_warnings(settings, document), *environment.warnings(environ))
    return Loaded(settings, document, files, warnings, _sha256(settings))


def _parts(folder: Path) -> list[Path]:
    """The files that add to the main one; an unreadable folder is an error, not an empty one."""
    try:
        return sorted(file for file in folder.iterdir() if file.suffix == ".yaml")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError as error:
        raise PermissionDeniedError(
            f"{folder}: may not be listed by this user", f"sudo chmod o+rx {folder}, or run as the user edged"
        ) from error


def _read_all(files: tuple[Path, ...]) -> list[Document]:
    """All documents, or the findings of all that cannot be read."""
    documents: list[Document] = []
    findings: list[Finding] = []
    for number, file in enumerate(files):
        try:
            documents.append(read(file, example=EXAMPLE, may_be_empty=number > 0))
        except InvalidConfiguration as error:
            findings += error.findings
    if findings:
        raise InvalidConfiguration(findings)
    return documents


def _warnings(settings: Settings, document: Document) -> Iterator[Finding]:
    mqtt = settings.mqtt
    if mqtt.password:
        message = "can be read by whoever may read this file"
        yield _warning(document, "mqtt.password", message, "put it into a file of its own: password_file")
    if (mqtt.password or mqtt.password_file) and not mqtt.username:
        key = "mqtt.password" if mqtt.password else "mqtt.password_file"
        yield _warning(document, key, "a password without a username", "most brokers want username too")
    if mqtt.tls and mqtt.tls.insecure:
        message = "nobody checks whether this is really the broker"
        yield _warning(document, "mqtt.tls.insecure", message, "set ca_file, and insecure: false")


def _warning(document: Document, key: str, message: str, suggestion: str) -> Finding:
    return Finding.at(document.place_key(tuple(key.split("."))), key, message, suggestion)


def _sha256(settings: Settings) -> str:
    data = settings.model_dump(mode="json", exclude_none=True)
    data["mqtt"]["password"] = bool(settings.mqtt.password)
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
