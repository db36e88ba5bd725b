"""Folders as a power cut leaves them."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder outlast a power cut. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
