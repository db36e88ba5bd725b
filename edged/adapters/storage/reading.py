"""Reads the files of a bundle whole, with errors that say which file and what to do."""

import difflib
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edged.domain.errors import ConfigurationError, EdgedError, ModelError, PermissionDeniedError
from edged.vision.labels import Labels, parse_labels
from edged.vision.modelfile import ModelFile, read_model

MAX_MODEL_BYTES = 512_000_000
MAX_LABELS_BYTES = 4_000_000


class UnfitFileError(ModelError):
    """A file of a bundle can be read, and is not the one that belongs there."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model file that was read and found whole."""

    path: Path
    sha256: str
    file: ModelFile


@dataclass(frozen=True, slots=True)
class LoadedLabels:
    """A label file that was read."""

    path: Path
    sha256: str
    labels: Labels


def load_model(path: Path, *, sha256: str = "") -> LoadedModel:
    """Reads a .tflite file, and looks into it once it has the sha256 that it should have, if one is known.

    Raises ModelError or PermissionDeniedError.
    """
    data = _read(path, "model", MAX_MODEL_BYTES)
    return LoadedModel(path, _verified(data, sha256, f"model {path}"), read_model(data, str(path)))


def load_labels(path: Path, *, sha256: str = "") -> LoadedLabels:
    """Reads a label file in the same way. Raises ModelError, ConfigurationError or PermissionDeniedError."""
    data = _read(path, "label file", MAX_LABELS_BYTES)
    found = _verified(data, sha256, f"label file {path}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"label file {path}: byte {error.start} is not UTF-8 text", "save it as UTF-8, one name a line"
        ) from error
    labels = parse_labels(text, f"file {path}")
    if not labels.names:
        raise ConfigurationError(f"label file {path} names no class", "write one name a line")
    return LoadedLabels(path, found, labels)


def _verified(data: bytes, wanted: str, what: str) -> str:
    """The sha256 of a file's bytes. Raises UnfitFileError where another one was wanted."""
    found = hashlib.sha256(data).hexdigest()
    if wanted and wanted != found:
        raise UnfitFileError(
            f"{what} has sha256 {found}, but its model.yaml says {wanted}",
            "copy the bundle again; if the file was changed on purpose, write its new sha256",
        )
    return found


@contextmanager
def translated(path: Path, kind: str) -> Iterator[None]:
    """Turns what the file system says into our errors."""
    try:
        yield
    except EdgedError:
        raise
    except FileNotFoundError as error:
        raise missing(path, kind) from error
    except PermissionError as error:
        raise PermissionDeniedError(
            f"{kind} {path} may not be read by this user",
            "give it (and its folders) to the user, or chmod o+r",
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ModelError(f"{kind} {path} cannot be read: {reason}", "check the path and the disk") from error


def missing(path: Path, kind: str) -> ModelError:
    """The error for a file that isn't there, with the names in its folder that come close."""
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return ModelError(f"no {kind} at {path}", f"there is no folder {path.parent} to read; check the path")
    near = difflib.get_close_matches(path.name, names, n=3)
    fix = f"did you mean {' or '.join(near)}?" if near else "check the path"
    return ModelError(f"no {kind} at {path}", fix)


def _read(path: Path, kind: str, limit: int) -> bytes:
    """A regular file's bytes; a pipe or device would block."""
    with translated(path, kind):
        size = path.stat().st_size
        if not path.is_file():
            raise ModelError(f"{kind} {path} is no file", "name the file itself")
        if size > limit:
            raise ModelError(f"{kind} {path} has {size} bytes, more than {limit}", "is it the right file?")
        return path.read_bytes()
