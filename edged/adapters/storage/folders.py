"""Folders that are written to: as a power cut leaves them, and with errors that say what to do."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edged.domain.errors import EdgedError, PermissionDeniedError, StorageError

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder outlast a power cut. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def written_to(folder: Path, another: str) -> Iterator[None]:
    """Turns what the file system says into our errors; `another` is how one names another folder."""
    try:
        yield
    except EdgedError:
        raise
    except PermissionError as error:
        raise PermissionDeniedError(
            f"{error.filename or folder} may not be read or written by this user",
            f"{another} that is yours, or call it with sudo",
        ) from error
    except (OSError, ValueError) as error:
        no_room = getattr(error, "errno", None) in _NO_ROOM
        raise StorageError(
            f"{folder} cannot be written to: {getattr(error, 'strerror', None) or error}",
            f"make room, or {another}" if no_room else "check the path and the disk",
        ) from error
