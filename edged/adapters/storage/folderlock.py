"""One daemon per state folder: two would clear each other's topics and number their events alike."""

import fcntl
import os
from pathlib import Path

from edged.domain.errors import DeviceUnavailableError

_NAME = "edged.lock"


class FolderLock:
    """Held from `acquire` until `release` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fd: int | None = None

    def acquire(self) -> None:
        """Takes the lock; raises DeviceUnavailableError with the owner's process number where it is taken.

        A folder that cannot be written to is no reason not to run: the outbox says so.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self._folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(fd, 32).decode("ascii", "replace").strip()
            os.close(fd)
            raise DeviceUnavailableError(
                f"process {owner or '?'} of edged already uses {self._folder}",
                "stop it first (systemctl stop edged), or give this one a state_dir of its own",
            ) from error
        os.ftruncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
        self._fd = fd

    def release(self) -> None:
        """Lets others have it; may be called twice."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
