"""Writes a bundle's folder: all of it at once, or nothing."""

import hashlib
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from edged.adapters.storage.bundles import MANIFEST, load_bundle
from edged.adapters.storage.folders import sync_folder, written_to
from edged.adapters.storage.manifesttext import manifest_text
from edged.domain.errors import EdgedError, ExitCode, ModelError, StorageError
from edged.vision.bundle import Bundle
from edged.vision.labels import PLACEHOLDERS, Labels
from edged.vision.manifest import FileEntry, Manifest

LABELS = "labels.txt"
_SHOWABLE = "rename the model's files: letters, digits, dots and dashes will do"


class FolderTakenError(StorageError):
    """The folder to write is there already: another name is wanted."""

    exit_code = ExitCode.USAGE


def write_bundle(bundle: Bundle, folder: Path) -> Bundle:
    """Copies a model's files into a folder of their own with a `model.yaml`, and loads it from there.

    The folder must not be there, or be empty; it appears when all of it is written. The label file is copied as it
    is, labels inside the model are written out by their indices. Raises EdgedErrors.
    """
    if bundle.undecided:
        raise ModelError(
            f"model {bundle.edgetpu or bundle.cpu}: only running it shows which output is what",
            "call this where it can run: with its Edge TPU, or with the CPU twin beside it",
        )
    with written_to(folder, "name another folder"):
        _refuse_what_is_there(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name[:64]}.", dir=folder.parent))
        try:
            _fill(bundle, staging)
            _check(bundle, staging)
            staging.chmod(0o755)
            sync_folder(staging)
            staging.rename(folder)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        sync_folder(folder.parent)
    return load_bundle(folder)


def _refuse_what_is_there(folder: Path) -> None:
    """An empty folder may be replaced, nothing else."""
    if not folder.name or folder.name == "..":
        raise FolderTakenError(f"{folder} is no name for a new folder", "name a folder that is not there yet")
    if os.path.lexists(folder) and (folder.is_symlink() or not folder.is_dir() or any(folder.iterdir())):
        what = "is not empty" if folder.is_dir() else "is there, and is no folder"
        raise FolderTakenError(
            f"{folder} {what}: nothing is written over", "name a folder that is not there yet"
        )


def _fill(bundle: Bundle, staging: Path) -> None:
    cpu = _copied(bundle.cpu, bundle.cpu_sha256, staging)
    edgetpu = _copied(bundle.edgetpu, bundle.edgetpu_sha256, staging)
    manifest = replace(bundle.manifest, cpu=cpu, edgetpu=edgetpu, labels=_labels(bundle, staging))
    _put(staging / MANIFEST, manifest_text(bundle, manifest).encode())


def _copied(source: Path | None, sha256: str, staging: Path) -> FileEntry | None:
    """A model's file, if it is still the one that was examined."""
    if source is None:
        return None
    data = source.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelError(f"model {source} was changed while it was examined", "call again")
    _put(staging / source.name, data)
    return FileEntry(source.name, sha256)


def _labels(bundle: Bundle, staging: Path) -> FileEntry | None:
    data = bundle.labels_file.read_bytes() if bundle.labels_file else _numbered(bundle.labels).encode()
    if not data:
        return None
    _put(staging / LABELS, data)
    return FileEntry(LABELS, hashlib.sha256(data).hexdigest())


def _numbered(labels: Labels) -> str:
    """An index and a name a line, without the classes that have no name."""
    named = sorted((index, name) for index, name in labels.names.items() if name not in PLACEHOLDERS)
    return "".join(f"{index}: {name}\n" for index, name in named)


def _put(path: Path, data: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    path.chmod(0o644)


def _check(bundle: Bundle, staging: Path) -> None:
    """What was written must be read as it was meant, before anybody sees it."""
    try:
        again = load_bundle(staging)
    except EdgedError as error:
        what = error.what.replace(f"{staging}{os.sep}", "").splitlines()[0]
        raise ModelError(f"the bundle would not load again: {what}", _SHOWABLE) from error
    if _essence(again.manifest) != _essence(bundle.manifest):
        raise ModelError(f"the manifest of {bundle.manifest.name!r} would be read as another one", _SHOWABLE)


def _essence(manifest: Manifest) -> Manifest:
    """A manifest without its files; the order in which roles are listed means nothing."""
    return replace(manifest, cpu=None, edgetpu=None, labels=None, roles=tuple(sorted(manifest.roles)))
