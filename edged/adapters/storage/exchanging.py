"""Puts a folder in the place of another, which whoever looks sees as one step."""

import ctypes
import errno
import os
import shutil
from pathlib import Path

from edged.adapters.storage.folders import sync_folder

_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of renameat2(2)."""
_CANNOT = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})


def put_in_place(new: Path, target: Path) -> None:
    """Gives a folder the name of another one, or a file or a link, which goes; both are in one folder.

    Where the file system cannot exchange two names, there is a moment without either, and a crash in it leaves the
    old one beside it as `.NAME.old`. Raises OSError.
    """
    if not os.path.lexists(target):
        new.rename(target)
        sync_folder(target.parent)
        return
    old = new
    if not _exchanged(new, target):
        old = target.with_name(f".{target.name}.old")
        _renamed_twice(new, target, old)
    sync_folder(target.parent)
    remove(old)


def remove(path: Path) -> None:
    """Removes a folder and all in it, or a file; of a link only the link. Nothing need be there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchanges two names; False where the C library or the file system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(other))


def _renamed_twice(new: Path, target: Path, old: Path) -> None:
    remove(old)
    target.rename(old)
    try:
        new.rename(target)
    except OSError:
        old.rename(target)
        raise
