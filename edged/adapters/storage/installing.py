"""Puts a model of the catalogue into a folder as a bundle: all of it at once, or nothing."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edged.adapters.storage.bundles import MANIFEST, load_bundle
from edged.adapters.storage.download import Download, InterruptedDownloadError, fault, part_of
from edged.adapters.storage.exchanging import put_in_place, remove
from edged.adapters.storage.folders import sync_folder, written_to
from edged.adapters.storage.reading import UnfitFileError
from edged.config import yamlfile
from edged.domain.errors import ModelError
from edged.vision.bundle import Bundle
from edged.vision.catalogue import Catalogue, Entry
from edged.vision.document import manifest_to_mapping


@dataclass(frozen=True, slots=True)
class Installed:
    """A bundle that is in place, and whether it was put there just now."""

    path: Path
    bundle: Bundle
    fresh: bool


def install(
    catalogue: Catalogue, entry: Entry, folder: Path, download: Download, *, replaces: bool = False
) -> Installed:
    """The bundle `folder/NAME`, fetched where it is not there; one that is there is checked and left alone.

    Files grow in `folder/.NAME.part`, which becomes the bundle's folder. With `replaces` they do so too where a bundle
    is there, whatever is in it; it stays until the new one is whole and has been loaded. Raises EdgedErrors.
    """
    target = folder / entry.name
    with written_to(folder, "give another folder with --into"):
        if os.path.lexists(target) and not replaces:
            check_installed(entry, target)
            return Installed(target, load_bundle(target), fresh=False)
        staging = folder / f".{entry.name}.part"
        _make(folder)
        _make(staging)
        with _alone(staging):
            _fill(entry, staging, download)
            _write_manifest(catalogue, entry, staging)
            sync_folder(staging)
            load_bundle(staging)  # one that would not load is never put in place
            put_in_place(staging, target)
    return Installed(target, load_bundle(target), fresh=True)


def check_installed(entry: Entry, path: Path) -> None:
    """Holds an installed bundle's files against the catalogue. Raises UnfitFileError, or OSError."""
    for name, file in entry.files.items():
        try:
            wrong = fault(path / name, file)
        except (FileNotFoundError, NotADirectoryError):
            wrong = "is missing"
        if wrong:
            raise UnfitFileError(
                f"{path / name} {wrong}: this is not the {entry.name} of the catalogue",
                f"`edged model pull {entry.name} --force` replaces it; or give another folder with --into",
            )


def is_installed(entry: Entry, folder: Path) -> bool | None:
    """Whether all files are there, unchecked; None where this user may not look."""
    try:
        return all((folder / entry.name / name).stat() for name in entry.files)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return None


def _fill(entry: Entry, staging: Path, download: Download) -> None:
    """Fetches what is missing, and removes what does not belong there."""
    ours = set(entry.files) | {part_of(staging / name, file).name for name, file in entry.files.items()}
    for stray in [path for path in staging.iterdir() if path.name not in ours]:
        remove(stray)
    for name, file in entry.files.items():
        path = staging / name
        if path.is_symlink() or not path.exists() or fault(path, file):
            path.unlink(missing_ok=True)
            download.fetch(file, path)
            sync_folder(staging)


def _write_manifest(catalogue: Catalogue, entry: Entry, staging: Path) -> None:
    """Writes what the files say of themselves, with the checksum of each and the catalogue's rule for frames."""
    inferred = load_bundle(staging)
    if inferred.undecided or inferred.manifest.decoder != entry.decoder:
        raise ModelError(
            f"the files of {entry.name} do not say how they are decoded",
            "fetch another model; `edged model list` names them",
        )
    manifest = replace(
        inferred.manifest,
        name=entry.name,
        input=replace(entry.input, mean=inferred.manifest.input.mean, std=inferred.manifest.input.std),
        source=f"{catalogue.url}{entry.cpu.path}",
        licence=entry.licence,
    )
    path = staging / MANIFEST
    with path.open("w", encoding="utf-8") as stream:
        stream.write(yamlfile.dump(manifest_to_mapping(manifest)))
        stream.flush()
        os.fsync(stream.fileno())
    path.chmod(0o644)


def _make(folder: Path) -> None:
    """A folder that the service's user can read, whoever makes it."""
    if folder.is_symlink() and folder.name.startswith("."):
        raise ModelError(f"{folder} is a link, and was not made by edged", "remove it")
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps a second call for the same model out. Raises InterruptedDownloadError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InterruptedDownloadError(
                f"another edged is filling {folder}", "wait for it, then call again"
            ) from error
        yield
    finally:
        os.close(fd)
