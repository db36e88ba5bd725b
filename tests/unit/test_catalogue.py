"""The catalogue of public models that ships with the package."""

import csv
import re
from pathlib import Path

import pytest

from edged.adapters.storage.catalogue import load_catalogue
from edged.delivery.topics import ID
from edged.vision.catalogue import MAX_BYTES, Entry, catalogue_from_mapping
from edged.vision.manifest import PARTS

CATALOGUE = load_catalogue()
FILE = {"path": "a.tflite", "blob": "0" * 40}
MODEL = {
    "name": "a",
    "task": "classification",
    "decoder": "classification",
    "side": 8,
    "input": {"resize": "stretch"},
    "classes": 2,
    "background": "none",
    "cpu": FILE,
    "edgetpu": {**FILE, "path": "a_edgetpu.tflite", "bytes": 5},
    "labels": {**FILE, "bytes": 7},
}
HEAD = {"repository": "r", "commit": "c", "url": "u/", "licence": "l"}
each = pytest.mark.parametrize("entry", CATALOGUE.entries, ids=lambda entry: entry.name)


def test_names_are_unique() -> None:
    """A name means one model, and a file is in one model."""
    names = [entry.name for entry in CATALOGUE.entries]
    models = [file.path for entry in CATALOGUE.entries for file in (entry.cpu, entry.edgetpu)]
    assert len(set(names)) == len(names)
    assert len(set(models)) == len(models)


def test_the_source_is_one_state_of_one_repository() -> None:
    """The address holds the repository and the commit: what is there cannot change."""
    assert re.fullmatch("[0-9a-f]{40}", CATALOGUE.commit)
    assert CATALOGUE.url.startswith("https://")
    assert CATALOGUE.url.endswith(f"/{CATALOGUE.repository}/{CATALOGUE.commit}/")


@each
def test_an_entry_is_usable(entry: Entry) -> None:
    """The name is a legal id, the twin is the CPU file's, each file has its checksum, and a decoder exists."""
    assert re.fullmatch(ID, entry.name)
    assert entry.edgetpu.path == entry.cpu.path.replace(".tflite", "_edgetpu.tflite")
    assert entry.labels.path.endswith("_labels.txt") if entry.labels else entry.task == "pose"
    assert entry.decoder in PARTS
    assert entry.classes > 0
    for file in entry.files.values():
        assert re.fullmatch("[0-9a-f]{40}", file.blob)
        assert re.fullmatch("([0-9a-f]{64})?", file.sha256)
        assert 0 < file.most <= MAX_BYTES
    numbers = {int(number) for number in re.findall(r"[_]([0-9]{3})(?=[_x])", entry.cpu.path)}
    assert not numbers or entry.side in numbers


def test_every_file_is_in_the_table_that_it_was_made_from(test_data: Path) -> None:
    """Paths, sizes and checksums are those of the repository at that commit."""
    with (test_data / "models" / "CORAL_CATALOG.tsv").open(newline="") as stream:
        rows = {row[0]: tuple(row[1:]) for row in csv.reader(stream, delimiter="\t")}
    for entry in CATALOGUE.entries:
        for file in entry.files.values():
            assert rows[file.path] == (file.blob, str(file.size or ""), file.sha256), file.path


def test_a_wrong_name_has_near_ones() -> None:
    """Who mistypes a name is shown the right one; who asks for anything else is shown nothing."""
    assert CATALOGUE.find("mobilenet_v2")
    assert CATALOGUE.find("Mobilenet-V2") is None
    assert CATALOGUE.near("Mobilenet-V2")[0] == "mobilenet_v2"
    assert CATALOGUE.near("q") == []


def test_the_size_is_known_only_if_all_files_are() -> None:
    """One file of unknown size makes the sum unknown."""
    known = {**MODEL, "cpu": {**FILE, "bytes": 3}}
    first, second = catalogue_from_mapping({**HEAD, "models": [MODEL, known]}).entries
    assert (first.size, second.size) == (None, 15)


@pytest.mark.parametrize("path", ["../a.tflite", "/a.tflite", "a/../b", ".git/config", "a//b", "a\nb", ""])
def test_a_path_cannot_leave_the_folder(path: str) -> None:
    """A catalogue with such a path is refused as a whole."""
    with pytest.raises(ValueError, match="not a path"):
        catalogue_from_mapping({**HEAD, "models": [{**MODEL, "cpu": {**FILE, "path": path}}]})


@pytest.mark.parametrize("name", ["../a", ".a", "A", "", "a" * 33])
def test_a_name_is_a_folder_and_an_id(name: str) -> None:
    """A catalogue with another name is refused as a whole."""
    with pytest.raises(ValueError, match="not a name"):
        catalogue_from_mapping({**HEAD, "models": [{**MODEL, "name": name}]})
