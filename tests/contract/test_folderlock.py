"""One daemon per state folder."""

import os
from pathlib import Path

import pytest

from edged.adapters.storage.folderlock import FolderLock
from edged.domain.errors import DeviceUnavailableError


def test_the_second_is_refused_and_told_who_is_first(tmp_path: Path) -> None:
    """A second daemon on the same folder ends with one line that names the process and a way out."""
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    first.acquire()
    with pytest.raises(
        DeviceUnavailableError, match=f"process {os.getpid()} of edged already uses"
    ) as caught:
        second.acquire()
    assert "state_dir" in caught.value.fix
    first.release()
    second.acquire()
    second.release()


def test_a_folder_that_cannot_be_written_to_is_no_reason_not_to_run(tmp_path: Path) -> None:
    """Events are then kept in memory, and the outbox says so."""
    (tmp_path / "file").touch()
    FolderLock(tmp_path / "file" / "below").acquire()
