"""Where the files of the catalogue are taken from: a web server, or a folder with the same paths."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import unquote, urlsplit

from edged.adapters.storage.web import CHUNK, Opened, WebMirror
from edged.domain.errors import DeviceUnavailableError, PermissionDeniedError

TIMEOUT_S = 30.0


class Mirror(Protocol):
    """A source of files by their path in the repository."""

    def open(self, path: str, offset: int) -> Opened:
        """The file from `offset` on. Raises BrokenOffError where asking again may help, or an EdgedError."""


class FolderMirror:
    """A folder, as copied from another machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, path: str, offset: int) -> Opened:
        """The file from `offset` on. Raises DeviceUnavailableError or PermissionDeniedError."""
        file = self._folder / path
        try:
            size = file.stat().st_size
            stream = file.open("rb")
        except PermissionError as error:
            raise PermissionDeniedError(f"{file} may not be read by this user", "chmod o+r it") from error
        except OSError as error:
            raise DeviceUnavailableError(
                f"{file} cannot be read: {error.strerror}",
                "--from takes a folder that has the files at their paths in the repository",
            ) from error
        start = offset if offset <= size else 0
        stream.seek(start)
        return Opened(_chunks(stream, file), stream.close, start, size)


def mirror_at(source: str, *, timeout_s: float = TIMEOUT_S) -> Mirror:
    """The source behind an address (http, https, file) or a folder's path. Raises ValueError for others."""
    parts = urlsplit(source)
    if "://" not in source:
        return FolderMirror(Path(source).expanduser())
    if parts.scheme == "file" and parts.hostname in {None, "localhost"}:
        return FolderMirror(Path(unquote(parts.path)))
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("takes a folder, or an address of http, https or file")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("takes an address without a user, a password, ? and #")
    return WebMirror(source, timeout_s=timeout_s)


def _chunks(stream: IO[bytes], file: Path) -> Iterator[bytes]:
    try:
        while chunk := stream.read(CHUNK):
            yield chunk
    except OSError as error:
        raise DeviceUnavailableError(f"{file} cannot be read: {error.strerror}", "check the disk") from error
