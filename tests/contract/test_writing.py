"""A bundle's folder is written whole or not at all, and holds what the model was when it was looked at."""

import errno
import json
import re
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it ships no type information
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.adapters.storage.bundles import load_bundle
from edged.adapters.storage.folders import written_to
from edged.adapters.storage.writing import write_bundle
from edged.cli import outcome
from edged.config.yamlfile import read
from edged.domain.errors import EdgedError, ModelError, PermissionDeniedError, StorageError
from edged.vision.manifestschema import manifest_schema
from tests.fakes.tflite import CONV, Tensor, model

CPU = model()
TPU = model(op="edgetpu-custom-op")
NAMES = "background\ncat\ndog\nbird\nfish\n"
SSD = tuple(
    Tensor(name, shape, "float32")
    for name, shape in (("a", (1, 10, 4)), ("b", (1, 10)), ("c", (1, 10)), ("d", (1,)))
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A model with its twin and its labels."""
    folder = tmp_path / "source"
    folder.mkdir()
    for name, content in (("pets.tflite", CPU), ("pets_edgetpu.tflite", TPU), ("pets.txt", NAMES.encode())):
        (folder / name).write_bytes(content)
    return folder


def text_of(folder: Path) -> str:
    return (folder / "model.yaml").read_text("utf-8")


def test_a_bundle_has_all_files(source: Path, tmp_path: Path) -> None:
    """The twin found beside the model and the label file are copied, each with its checksum."""
    bare = load_bundle(source / "pets.tflite")
    written = write_bundle(bare, tmp_path / "models" / "pets")
    folder = tmp_path / "models" / "pets"
    assert sorted(path.name for path in folder.iterdir()) == [
        "labels.txt", "model.yaml", "pets.tflite", "pets_edgetpu.tflite"
    ]  # fmt: skip
    assert (folder / "labels.txt").read_text() == NAMES
    assert written.labels.names == bare.labels.names
    assert written.manifest.background == "first"
    assert (written.cpu_sha256, written.edgetpu_sha256) == (bare.cpu_sha256, bare.edgetpu_sha256)
    jsonschema.validate(read(folder / "model.yaml").data, manifest_schema())
    assert len(re.findall(r"sha256: [0-9a-f]{64}\n", text_of(folder))) == 3


def test_everybody_may_read_it(source: Path, tmp_path: Path) -> None:
    """The service's user can read what root has written."""
    write_bundle(load_bundle(source / "pets.tflite"), tmp_path / "pets")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "pets").iterdir()}
    assert set(modes.values()) == {0o644}
    assert (tmp_path / "pets").stat().st_mode & 0o777 == 0o755


def test_what_is_not_known_has_its_comment(tmp_path: Path) -> None:
    """A comment stands at the fit, at the labels that are missing, at logits, and at what is only for people."""
    logits = Tensor("logits", (1, 5), "int8", 0.1, 0)
    (tmp_path / "x.tflite").write_bytes(model(outputs=(logits,), op=CONV))
    write_bundle(load_bundle(tmp_path / "x.tflite"), tmp_path / "b")
    lines = text_of(tmp_path / "b").splitlines()

    def above(start: str) -> str:
        return lines[next(at for at, line in enumerate(lines) if line.startswith(start)) - 1]

    assert "keep the proportions" in above("input:")
    assert "softmax is applied" in above("activation: softmax")
    assert "no labels" in above("#labels: labels.txt")
    assert "background" in above("background: none")
    assert "multilabel" in above("decoder: classification")
    assert "#edgetpu: x_edgetpu.tflite" in lines
    assert {"#source: where it is from", "#licence: what may be done with it"} <= set(lines)


def test_a_manifest_that_was_given_is_kept_without_doubts(source: Path, tmp_path: Path) -> None:
    """What a person has written is complemented with names and checksums, and not doubted."""
    manifest = "name: my pets\ndecoder: multilabel\nactivation: none\nlicence: mine\ncpu: pets.tflite\n"
    (source / "model.yaml").write_text(manifest)
    written = write_bundle(load_bundle(source, labels_file=source / "pets.txt"), tmp_path / "b")
    assert (written.manifest.name, written.manifest.decoder, written.manifest.licence) == (
        "my pets", "multilabel", "mine"
    )  # fmt: skip
    assert written.edgetpu is None
    assert "not in the file" not in text_of(tmp_path / "b")


def test_embedded_labels_become_a_file(tmp_path: Path) -> None:
    """Names inside the model are written by their indices; a class without a name has no line."""
    description = {"names": {0: "cat", 1: "", 2: " : dog ", 3: "fish"}, "task": "detect", "stride": 32}
    data = model(files={"metadata.json": json.dumps(description).encode()})
    (tmp_path / "x.tflite").write_bytes(data)
    bare = load_bundle(tmp_path / "x.tflite")
    written = write_bundle(bare, tmp_path / "b")
    assert (tmp_path / "b" / "labels.txt").read_text() == "0: cat\n2: : dog\n3: fish\n"
    assert [written.labels.name(i) for i in range(5)] == [bare.labels.name(i) for i in range(5)]


@settings(max_examples=30)
@given(st.lists(st.text(max_size=12), min_size=5, max_size=5))
def test_any_embedded_names_survive(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    """Whatever an export calls its classes, the written labels say the same."""
    folder = tmp_path_factory.mktemp("names")
    description = {"names": dict(enumerate(names)), "stride": 32}
    (folder / "x.tflite").write_bytes(model(files={"metadata.json": json.dumps(description).encode()}))
    bare = load_bundle(folder / "x.tflite")
    written = write_bundle(bare, folder / "b")
    assert [written.labels.name(i) for i in range(6)] == [bare.labels.name(i) for i in range(6)]


@pytest.mark.parametrize("there", ["file", "full folder", "link", "dangling link"])
def test_nothing_is_written_over(source: Path, tmp_path: Path, there: str) -> None:
    """A folder with something in it, a file or a link is left as it is, with one line that says so."""
    target = tmp_path / "b"
    if there == "file":
        target.write_text("mine")
    elif there == "full folder":
        target.mkdir()
        (target / "mine").write_text("mine")
    else:
        target.symlink_to(source if there == "link" else tmp_path / "nowhere")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    with pytest.raises(StorageError, match="nothing is written over") as caught:
        write_bundle(load_bundle(source / "pets.tflite"), target)
    assert str(caught.value).isprintable()
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_an_empty_folder_will_do(source: Path, tmp_path: Path) -> None:
    """A folder that is there and empty becomes the bundle."""
    (tmp_path / "b").mkdir()
    assert write_bundle(load_bundle(source / "pets.tflite"), tmp_path / "b").has_manifest


@pytest.mark.parametrize("name", [".", "..", "b/.."])
def test_a_folder_needs_a_name(source: Path, name: str) -> None:
    """A path that names no new folder is refused."""
    with pytest.raises(StorageError):
        write_bundle(load_bundle(source / "pets.tflite"), source / name)


def test_nothing_is_left_of_a_bundle_that_failed(source: Path, tmp_path: Path) -> None:
    """A file that changes meanwhile ends the writing, and no half folder stays."""
    bundle = load_bundle(source / "pets.tflite")
    (source / "pets_edgetpu.tflite").write_bytes(TPU + b"\0\0\0\0")
    with pytest.raises(ModelError, match="was changed while it was examined"):
        write_bundle(bundle, tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_name_that_no_manifest_may_hold_is_refused(tmp_path: Path) -> None:
    """A file whose name drives a terminal cannot be named in a model.yaml; the line says so and shows no escape."""
    (tmp_path / "x\x1b[31m.tflite").write_bytes(CPU)
    with pytest.raises(ModelError, match="rename the model's files") as caught:
        write_bundle(load_bundle(tmp_path / "x\x1b[31m.tflite"), tmp_path / "b")
    assert str(caught.value).isprintable()
    assert not (tmp_path / "b").exists()


def test_a_model_whose_outputs_nobody_knows_is_not_written(tmp_path: Path) -> None:
    """Where only a run shows which output is what and none was possible, there is no bundle."""
    (tmp_path / "x_edgetpu.tflite").write_bytes(model(outputs=SSD, op="edgetpu-custom-op"))
    bundle = load_bundle(tmp_path / "x_edgetpu.tflite")
    assert bundle.undecided
    with pytest.raises(ModelError, match="only running it shows which output is what"):
        write_bundle(bundle, tmp_path / "b")
    roles = (("boxes", 0), ("classes", 1), ("scores", 2), ("count", 3))
    known = replace(bundle, undecided=False, manifest=replace(bundle.manifest, roles=roles))
    assert dict(write_bundle(known, tmp_path / "b").manifest.roles) == dict(roles)


def test_a_folder_without_permission_is_told(
    source: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A user who may not write there is told whose folder to name, and the exit code is that of permissions."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o755)
    for folder in (tmp_path, source):
        folder.chmod(0o755)
    for folder in tmp_path.parents[:2]:
        folder.chmod(0o755)
    bundle = load_bundle(source / "pets.tflite")
    request.getfixturevalue("as_nobody")
    with pytest.raises(PermissionDeniedError):
        write_bundle(bundle, closed / "b")


def test_a_full_disk_is_told(source: Path) -> None:
    """No room is one line with what to do."""
    with pytest.raises(EdgedError) as caught:
        write_bundle(load_bundle(source / "pets.tflite"), Path("/dev/full/b"))
    assert "cannot be written" in caught.value.what or "may not be" in caught.value.what


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "/x/b cannot be written to: No space left on device (make room, or name another)",
        ),
        (
            OSError(errno.EIO, "Input/output error"),
            "/x/b cannot be written to: Input/output error (check the path and the disk)",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "/x"),
            "/x may not be read or written by this user (name another that is yours, or call it with sudo)",
        ),
        (
            ValueError("embedded null byte"),
            "/x/b cannot be written to: embedded null byte (check the path and the disk)",
        ),
        (ModelError("it is broken", "mend it"), "it is broken (mend it)"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_folder_that_cannot_be_written_says_why(said: Exception, line: str) -> None:
    """What the file system says becomes one line with what to do; what we say ourselves stays."""
    with pytest.raises(EdgedError) as caught, written_to(Path("/x/b"), "name another"):
        raise said
    assert str(caught.value) == line


def test_a_bundle_appears_in_one_step(source: Path, tmp_path: Path) -> None:
    """Whoever looks sees no folder of that name, or one with all its files."""
    bundle, seen, over = load_bundle(source / "pets.tflite"), set[int](), threading.Event()

    def look() -> None:
        while not over.is_set():
            for number in range(20):
                with suppress(FileNotFoundError):
                    seen.add(len(list((tmp_path / str(number)).iterdir())))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for number in range(20):
            write_bundle(bundle, tmp_path / str(number))
    finally:
        over.set()
        watcher.join()
    assert seen <= {4}


@pytest.mark.runtime
def test_the_command_writes_and_says_where(
    test_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`edged model inspect FILE --write DIR` tells where the comments are; a second call ends with one line."""
    file = test_data / "models/vww_96_int8.tflite"
    assert outcome(["model", "inspect", str(file), "--write", str(tmp_path / "vww")]) == 0
    said = capsys.readouterr().out
    assert f"written: {tmp_path / 'vww'}" in said
    assert f"edged infer --model {tmp_path / 'vww'} PICTURE" in said
    assert outcome(["model", "inspect", str(file), "--write", str(tmp_path / "vww")]) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert (
        err
        == f"edged: {tmp_path / 'vww'} is not empty: nothing is written over (name a folder that is not there yet)\n"
    )
    assert outcome(["model", "inspect", "--json", str(file), "--write", str(tmp_path / "two")]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == str(tmp_path / "two")


def test_the_schema_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """`edged model schema` prints what an editor needs."""
    assert outcome(["model", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == manifest_schema()


FCOS = (
    Tensor("scores", (1, 1344, 6), "int8", 1 / 256, -128),
    Tensor("boxes", (1, 1344, 4), "int8", 0.1, -128),
)
LEVELS = tuple(
    Tensor(f"{cells}x{width}", (1, cells, cells, width), "int8", 0.1, 60)
    for cells in (20, 80, 40)
    for width in (64, 3)
)
BARE = {
    "fcos": ((Tensor("picture", (1, 256, 256, 3), "int8", 1 / 255, -128),), FCOS, "fcos"),
    "float input": ((Tensor("picture", (1, 320, 320, 3), "float32"),), (Tensor("head", (1, 6300, 8), "float32"),), "yolov5"),
    "pixels": ((Tensor("picture", (1, 320, 320, 3), "int8", 1 / 255, -128),), (Tensor("head", (1, 7, 2100), "int16", 0.02, 0),), "yolov8"),
    "levels": ((Tensor("picture", (1, 640, 640, 3), "int8", 1 / 255, -128),), LEVELS, "yolov9"),
    "end to end": ((Tensor("picture", (1, 320, 320, 3), "float32"),), (Tensor("head", (1, 300, 6), "float32"),), "yolov10"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BARE)
def test_what_was_inferred_is_written_for_every_kind_of_model(tmp_path: Path, kind: str) -> None:
    """Roles in any order, strides, coordinates, mean and std are read again as they were inferred."""
    inputs, outputs, decoder = BARE[kind]
    (tmp_path / "x.tflite").write_bytes(model(inputs, outputs, op=CONV))
    bare = load_bundle(tmp_path / "x.tflite")
    written = write_bundle(bare, tmp_path / "b")
    assert written.manifest.decoder == decoder
    assert dict(written.manifest.roles) == dict(bare.manifest.roles)
    for name in ("task", "input", "activation", "background", "strides", "coordinates", "nms"):
        assert getattr(written.manifest, name) == getattr(bare.manifest, name), name
    jsonschema.validate(read(tmp_path / "b/model.yaml").data, manifest_schema())
    doubtful = [warning for warning in bare.warnings if f"# {warning}" not in text_of(tmp_path / "b")]
    assert doubtful == []
