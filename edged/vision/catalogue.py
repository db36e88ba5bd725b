"""Which public models are known by name: their files, how each file is recognised, and how they are used."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from edged.vision.manifest import Background, DecoderName, InputRule, Task

MAX_BYTES = 100_000_000
"""Of a file whose size the catalogue does not know: the repository's host takes none above that."""
_NAME = re.compile(r"[a-z0-9_]{1,32}")
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the repository, and what makes sure that it is this one."""

    path: str
    """In the repository, with slashes."""
    blob: str
    """Git's id of the contents: the SHA-1 of `blob LENGTH`, a zero byte and the contents."""
    size: int | None
    """In bytes; None where it is not known."""
    sha256: str
    """Empty where it is not known."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self.path).name

    @property
    def most(self) -> int:
        """How many bytes to take at most."""
        return MAX_BYTES if self.size is None else self.size


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of the catalogue."""

    name: str
    task: Task
    decoder: DecoderName
    side: int
    """Width and height of the input in pixels."""
    input: InputRule
    classes: int
    """How many names the label file has, without the background; without one, how many the decoder knows."""
    background: Background
    """Where the label file has the background."""
    cpu: SourceFile
    edgetpu: SourceFile
    labels: SourceFile | None
    """None where the decoder needs no names: a pose is that of a person."""
    licence: str

    @property
    def files(self) -> Mapping[str, SourceFile]:
        """The files by the names that they have in the bundle's folder."""
        labels = {"labels.txt": self.labels} if self.labels else {}
        return {self.cpu.name: self.cpu, self.edgetpu.name: self.edgetpu, **labels}

    @property
    def size(self) -> int | None:
        """Bytes of all files; None where one is not known."""
        sizes = [file.size for file in self.files.values()]
        return None if None in sizes else sum(size or 0 for size in sizes)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All entries, and the one state of the repository that their files are taken from."""

    repository: str
    commit: str
    url: str
    """What a path is appended to."""
    entries: tuple[Entry, ...]

    def find(self, name: str) -> Entry | None:
        """The entry of that name."""
        return next((entry for entry in self.entries if entry.name == name), None)

    def near(self, name: str) -> list[str]:
        """Names that come close, best first."""
        return difflib.get_close_matches(name.lower(), [entry.name for entry in self.entries], n=3)


def catalogue_from_mapping(data: Mapping[str, Any]) -> Catalogue:
    """The catalogue that ships with us. Raises KeyError or ValueError where it is broken."""
    entries = tuple(_entry(each, data["licence"]) for each in data["models"])
    return Catalogue(data["repository"], data["commit"], data["url"], entries)


def _entry(data: Mapping[str, Any], licence: str) -> Entry:
    if not _NAME.fullmatch(data["name"]):
        raise ValueError(f"not a name: {data['name']!r}")
    return Entry(
        name=data["name"],
        task=data["task"],
        decoder=data["decoder"],
        side=data["side"],
        input=InputRule(**data["input"]),
        classes=data["classes"],
        background=data["background"],
        cpu=_file(data["cpu"]),
        edgetpu=_file(data["edgetpu"]),
        labels=_file(data["labels"]) if data["labels"] else None,
        licence=licence,
    )


def _file(data: Mapping[str, Any]) -> SourceFile:
    if not _PATH.fullmatch(data["path"]):
        raise ValueError(f"not a path: {data['path']!r}")
    return SourceFile(data["path"], data["blob"], data.get("bytes"), data.get("sha256", ""))
