"""Which checksum each file of a bundle has, and who says so."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edged.adapters.storage.bundles import MANIFEST
from edged.adapters.storage.installing import check_installed
from edged.adapters.storage.reading import translated
from edged.domain.errors import ModelError
from edged.vision.bundle import Bundle
from edged.vision.catalogue import Entry
from edged.vision.manifest import FileEntry

Authority = Literal["catalogue", "manifest", ""]


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that is the one it should be, as far as anybody says."""

    path: Path
    sha256: str
    by: Authority
    """Who names this checksum; nobody where it is empty."""


def check_entry(entry: Entry, path: Path) -> None:
    """Holds the installed files against the catalogue. Raises UnfitFileError, ModelError or PermissionDeniedError."""
    with translated(path, "model"):
        if not path.exists():
            raise ModelError(
                f"{entry.name} is not installed: no {path}", f"`edged model pull {entry.name}` fetches it"
            )
        check_installed(entry, path)


def checksums(bundle: Bundle, *, by_catalogue: bool) -> list[Checked]:
    """The files of a bundle that was loaded, so that those of a manifest with checksums are known to agree."""
    files = ((bundle.cpu, bundle.manifest.cpu), (bundle.edgetpu, bundle.manifest.edgetpu))
    return [_checked(path, entry, by_catalogue=by_catalogue) for path, entry in files if path]


def _checked(path: Path, entry: FileEntry | None, *, by_catalogue: bool) -> Checked:
    with translated(path, "model"):
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    said = bool(entry and entry.sha256) and (path.parent / MANIFEST).exists()
    return Checked(path, sha256, "catalogue" if by_catalogue else "manifest" if said else "")
