"""`edged model pull --force`: a bundle that is there is replaced by a whole one, or stays as it was."""

import shutil
import threading
from pathlib import Path

import pytest

from edged.adapters.storage.bundles import MANIFEST, load_bundle
from edged.adapters.storage.exchanging import _exchanged, _renamed_twice, put_in_place
from edged.domain.errors import EdgedError, ModelError
from tests.contract.test_pull import CPU, ENTRY, NAME, Pull, copy, edged, pull, server
from tests.fakes.mirror import MirrorServer

__all__ = ["copy", "pull", "server"]
WHOLE = {*ENTRY.files, MANIFEST}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def damage(bundle: Path) -> None:
    """What a failing card, a careless hand and another program may do to a bundle."""
    (bundle / "labels.txt").write_text("mine\n")
    (bundle / MANIFEST).write_text("decoder: [")
    (bundle / "notes" / "old").mkdir(parents=True)
    (bundle / ENTRY.edgetpu.name).unlink()


def test_a_damaged_bundle_is_replaced(pull: Pull, copy: Path) -> None:
    """Whatever is wrong with it, the one that is there afterwards is the catalogue's, and nothing else is left."""
    path = pull().path
    damage(path)
    with pytest.raises(ModelError, match="--force"):
        pull()
    done = edged("model", "pull", NAME, "--into", pull.folder, "--from", copy, "--force")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{NAME}: classification, 128x128")
    assert (names(path), names(pull.folder)) == (WHOLE, {NAME})
    assert not pull().fresh


def test_a_bundle_that_is_right_is_fetched_anew_too(pull: Pull, server: MirrorServer) -> None:
    """A model.yaml that was changed on purpose is the catalogue's again; without a bundle it is a plain pull."""
    path = pull(replaces=True).path
    with (path / MANIFEST).open("a") as stream:
        stream.write("licence: mine\n")
    server.faults.asked.clear()
    assert pull(replaces=True).bundle.manifest.licence == ENTRY.licence
    assert len(server.faults.asked) == len(ENTRY.files)


def test_the_old_bundle_stays_until_the_new_one_is_whole(pull: Pull, server: MirrorServer) -> None:
    """A wrong byte, or a server that goes away, leaves what was there as it was; the next call goes on."""
    path = pull().path
    (path / "labels.txt").write_text("mine\n")
    server.faults.flip = CPU
    with pytest.raises(ModelError, match="has sha256"):
        pull(replaces=True)
    server.faults.flip, server.faults.statuses = "", [404]
    with pytest.raises(EdgedError, match="404"):
        pull(replaces=True)
    assert (names(path), (path / "labels.txt").read_text()) == (WHOLE, "mine\n")
    assert load_bundle(path.parent / NAME / CPU).cpu == path / CPU
    server.faults.statuses = []
    assert pull(replaces=True).fresh
    assert not pull().fresh


def test_a_link_is_replaced_and_what_it_leads_to_stays(
    pull: Pull, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A bundle that lies elsewhere keeps its files; a file in the place of the bundle goes."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "labels.txt").write_text("mine\n")
    target = pull.folder / NAME
    target.symlink_to(elsewhere)
    assert pull(replaces=True).fresh
    assert (target.is_symlink(), names(elsewhere)) == (False, {"labels.txt"})
    shutil.rmtree(target)
    target.write_text("a file")
    assert pull(replaces=True).fresh
    assert names(pull.folder) == {NAME}


def test_who_looks_always_sees_a_whole_bundle(tmp_path: Path) -> None:
    """While folders take each other's place a hundred times, none is ever missing or half there."""
    target, looks, over = tmp_path / "b", list[int](), threading.Event()

    def folder(number: int) -> Path:
        new = tmp_path / ".new"
        new.mkdir()
        for name in ("one", "two"):
            (new / name).write_text(str(number))
        return new

    put_in_place(folder(0), target)
    probe = folder(-1)
    if not _exchanged(probe, target):
        pytest.skip("this file system cannot exchange two names")
    put_in_place(probe, target)

    def look() -> None:
        while not over.is_set():
            looks.append(target.exists())

    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(1, 101):
        put_in_place(folder(number), target)
        assert (target / "two").read_text() == str(number)
    over.set()
    watcher.join()
    assert looks
    assert all(looks)
    assert names(tmp_path) == {"b"}


def test_where_names_cannot_be_exchanged_the_old_one_comes_back(tmp_path: Path) -> None:
    """Two renames do the same; when the second one fails the first is undone."""
    new, target, old = tmp_path / "new", tmp_path / "b", tmp_path / ".b.old"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(FileNotFoundError):
        _renamed_twice(new, target, old)
    assert names(target) == {"old"}
    new.mkdir()
    old.mkdir()
    (old / "left by a crash").touch()
    _renamed_twice(new, target, old)
    assert (names(target), names(old)) == (set(), {"old"})
