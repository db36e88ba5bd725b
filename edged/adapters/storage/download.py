"""Brings one file of the catalogue here: in parts if need be, and in place only when it is the right one."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edged.adapters.storage.mirror import Mirror
from edged.adapters.storage.web import BrokenOffError
from edged.domain.errors import DeviceUnavailableError, EdgedError, ExitCode, ModelError
from edged.vision.catalogue import SourceFile

Progress = Callable[[str, int, int | None], None]
"""Is told a file's name, the bytes that are here, and those of the whole where known."""
Notice = Callable[[str], None]
"""Is told what a person should know while it goes on."""
PART = ".part"
_BLOCK = 1 << 20
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class InterruptedDownloadError(EdgedError, OSError):
    """A part is here and the rest did not come; calling again goes on from there."""

    exit_code = ExitCode.TRY_AGAIN


@dataclass(frozen=True, slots=True)
class Patience:
    """When to ask again, and when to give up."""

    tries: int = 5
    pause_s: float = 0.5
    """Before the second try; doubled before each further one."""
    grace_s: float = 30.0
    slowest: int = 1000
    """A server that has sent fewer bytes per second than this is hung up on after `grace_s`."""


class Download:
    """Fetches files from one mirror."""

    def __init__(self, mirror: Mirror, patience: Patience, progress: Progress, notice: Notice) -> None:
        self._mirror = mirror
        self._patience = patience
        self._progress = progress
        self._notice = notice

    def fetch(self, file: SourceFile, target: Path) -> None:
        """The file, checked, at `target`; what is there of it already, beside it, is not asked for again.

        Raises ModelError for a wrong file, which is removed, InterruptedDownloadError where a part was kept,
        DeviceUnavailableError where there is none, and OSError for the disk here.
        """
        part = part_of(target, file)
        before = part.exists() and part.stat().st_size > 0
        self._fill(file, part)
        wrong = fault(part, file)
        if wrong and before:
            self._notice(f"what was here of {file.name} does not fit: it is fetched from its start")
            part.unlink()
            self._fill(file, part)
            wrong = fault(part, file)
        if wrong:
            part.unlink()
            raise _refused(file, wrong)
        part.chmod(0o644)
        part.replace(target)

    def _fill(self, file: SourceFile, part: Path) -> None:
        """Asks until all of the file is in the part, or patience ends."""
        reason = ""
        with os.fdopen(os.open(part, _FLAGS, 0o644), "r+b") as stream:
            for attempt in range(self._patience.tries):
                time.sleep(self._patience.pause_s * 2 ** (attempt - 1) if attempt else 0)
                try:
                    self._receive(file, stream)
                except BrokenOffError as error:
                    reason = str(error)
                    self._notice(f"{file.name}: {reason}")
                else:
                    return
                finally:
                    stream.flush()
                    os.fsync(stream.fileno())
            have = stream.tell()
        if have:
            raise InterruptedDownloadError(
                f"{file.name} broke off after {have} bytes: {reason}",
                "call again: it goes on from there",
            )
        part.unlink()
        raise DeviceUnavailableError(
            f"{file.name} could not be fetched: {reason}",
            "check the network, or give another source with --from",
        )

    def _receive(self, file: SourceFile, stream: IO[bytes]) -> None:
        """Asks once for what is missing, and appends it."""
        have = stream.seek(0, os.SEEK_END)
        if have == file.size:
            return
        if have > file.most:
            have = _cut(stream, 0)
        opened = self._mirror.open(file.path, have)
        with closing(opened):
            total = _whole(file, opened.total)
            if opened.start != have:
                have = _cut(stream, opened.start)
            self._append(file, stream, opened.chunks, total)

    def _append(
        self, file: SourceFile, stream: IO[bytes], chunks: Iterator[bytes], total: int | None
    ) -> None:
        arrived = 0
        began = time.monotonic()
        for chunk in chunks:
            have = stream.tell() + len(chunk)
            arrived += len(chunk)
            if have > file.most:
                _cut(stream, 0)
                raise _refused(file, f"has more than {file.most} bytes")
            stream.write(chunk)
            self._progress(file.name, have, total)
            late = time.monotonic() - began - self._patience.grace_s
            if late > 0 and arrived < late * self._patience.slowest:
                raise BrokenOffError(f"only {arrived} bytes came in {late + self._patience.grace_s:.0f} s")
        have = stream.tell()
        if total is not None and have < total:
            raise BrokenOffError(f"the connection broke off at byte {have} of {total}")


def part_of(target: Path, file: SourceFile) -> Path:
    """Where a file grows: its name says which contents are meant."""
    return target.with_name(f"{target.name}.{file.blob[:12]}{PART}")


def fault(path: Path, file: SourceFile) -> str:
    """What shows that this is not the file; empty where it is. Raises OSError."""
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        return f"has {size} bytes, not {file.size}"
    blob, sha256 = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            blob.update(block)
            sha256.update(block)
    if file.sha256 and sha256.hexdigest() != file.sha256:
        return f"has sha256 {sha256.hexdigest()}, not {file.sha256}"
    if blob.hexdigest() != file.blob:
        return f"has git blob id {blob.hexdigest()}, not {file.blob}"
    return ""


def _whole(file: SourceFile, total: int | None) -> int | None:
    """Length of the whole, as far as it is known. Raises ModelError where the source has another file."""
    if total is None:
        return file.size
    if total > file.most or file.size not in {None, total}:
        raise _refused(file, f"has {total} bytes, not {'at most ' if file.size is None else ''}{file.most}")
    return total


def _cut(stream: IO[bytes], length: int) -> int:
    stream.seek(length)
    stream.truncate()
    return length


def _refused(file: SourceFile, wrong: str) -> ModelError:
    return ModelError(
        f"the source's {file.path} {wrong}: it is not the file of the catalogue and was not kept",
        "fetch it from another source with --from, or try again later",
    )
