"""What every outbox keeps, and what the one on disk survives."""

import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.adapters.storage.outbox import SqliteOutbox, new_epoch
from edged.delivery.spare import SpareOutbox
from edged.domain.errors import StorageError
from edged.domain.messages import StoredEvent
from edged.ports import Outbox


def event(seq: int) -> StoredEvent:
    return StoredEvent(seq, "t/event", b'{"seq":%d}' % seq, 60)


def fill(outbox: Outbox) -> None:
    """Stores a hundred events."""
    for _ in range(100):
        outbox.append(event)


@pytest.fixture(params=["disk", "memory", "spare"])
def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outbox]:
    """Each kind of outbox."""
    made: Outbox = SpareOutbox("abc123")
    if request.param != "spare":
        made = SqliteOutbox(tmp_path / "outbox.db" if request.param == "disk" else None)
    yield made
    made.close()
    made.close()


def test_keeps_events_in_order_until_they_are_deleted(outbox: Outbox) -> None:
    """Events come back as stored, oldest first, above any number, until they are deleted."""
    stored = [outbox.append(event) for _ in range(5)]
    assert [one.seq for one in stored] == [1, 2, 3, 4, 5]
    assert list(outbox.after(0, 10)) == stored
    assert list(outbox.after(2, 2)) == stored[2:4]
    outbox.delete([1, 3, 99])
    assert [one.seq for one in outbox.after(0, 10)] == [2, 4, 5]
    assert outbox.pending() == 3
    assert re.fullmatch("[a-z0-9]{6}", outbox.epoch)


def test_a_number_is_used_only_by_an_event_that_was_stored(outbox: Outbox) -> None:
    """A builder that fails uses up no number and leaves the outbox usable."""
    with pytest.raises(ZeroDivisionError):
        outbox.append(lambda seq: event(seq // 0))
    assert outbox.append(event).seq == 1


def test_remembers_open_tracks(outbox: Outbox) -> None:
    """A track is open from the event that opens it until the one that closes it."""
    started = outbox.append(event, opens="a")
    outbox.append(event, opens="b")
    outbox.append(event, closes="b")
    outbox.delete([1, 2, 3])
    assert list(outbox.open_tracks()) == [("a", started)]


def test_remembers_retained_topics(outbox: Outbox) -> None:
    """Retained topics are known until they are forgotten."""
    outbox.remember_retained(["a", "b"])
    outbox.remember_retained(["b", "c"])
    outbox.forget_retained(["a", "x"])
    assert outbox.retained_topics() == {"b", "c"}


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    """Epoch, events, open tracks and topics are the same after the file is opened again."""
    first = SqliteOutbox(tmp_path / "new" / "outbox.db")
    stored = first.append(event, opens="a")
    first.remember_retained(["t"])
    first.close()
    again = SqliteOutbox(tmp_path / "new" / "outbox.db")
    assert again.epoch == first.epoch
    assert list(again.after(0, 9)) == [stored]
    assert (again.pending(), again.retained_topics()) == (1, frozenset({"t"}))
    assert list(again.open_tracks()) == [("a", stored)]
    again.close()


def test_numbers_go_on_after_everything_was_deleted(tmp_path: Path) -> None:
    """A sequence number is never used twice, even where no event is left."""
    first = SqliteOutbox(tmp_path / "outbox.db")
    first.delete([first.append(event).seq for _ in range(3)])
    first.close()
    again = SqliteOutbox(tmp_path / "outbox.db")
    assert again.append(event).seq == 4
    again.close()


@pytest.mark.parametrize("damage", [b"not a database at all" * 50, None])
def test_a_broken_file_is_moved_aside(tmp_path: Path, damage: bytes | None) -> None:
    """A file that is no database, or has damaged pages, makes room for a new one, and this is reported."""
    path = tmp_path / "outbox.db"
    if damage is None:
        whole = SqliteOutbox(path)
        for _ in range(200):
            whole.append(event)
        whole.close()
        content = bytearray(path.read_bytes())
        content[3000:12000] = b"\x55" * 9000
        damage = bytes(content)
    for number in (1, 2):
        path.write_bytes(damage)
        outbox = SqliteOutbox(path)
        aside = tmp_path / f"outbox.db.broken-{number}"
        assert str(aside) in outbox.recovered
        assert aside.read_bytes() == damage
        assert outbox.append(event).seq == 1
        outbox.close()


@pytest.mark.parametrize(
    ("epoch", "last_seq"), [("abcdef", "x"), ("abcdef", 1.5), (b"abcdef", 1), ("abc", 1), ("abcd/#", 1)]
)
def test_a_file_that_has_lost_its_count_is_moved_aside(
    tmp_path: Path, epoch: object, last_seq: object
) -> None:
    """A database whose epoch or last number cannot be read is a broken one."""
    path = tmp_path / "outbox.db"
    SqliteOutbox(path).close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE meta SET epoch = ?, last_seq = ?", (epoch, last_seq))
    database.close()
    outbox = SqliteOutbox(path)
    assert str(tmp_path / "outbox.db.broken-1") in outbox.recovered
    assert outbox.append(event).seq == 1
    outbox.close()


def test_nobody_else_reads_events(tmp_path: Path) -> None:
    """The folder that is made, the file and its companions are for this user only; a given folder stays as it is."""
    (tmp_path / "given").mkdir(mode=0o755)
    for folder in (tmp_path / "given", tmp_path / "made"):
        outbox = SqliteOutbox(folder / "outbox.db")
        outbox.append(event)
        modes = {path.stat().st_mode & 0o777 for path in folder.iterdir()}
        assert (len(list(folder.iterdir())), modes) == (3, {0o600})
        outbox.close()
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "given").stat().st_mode & 0o777 == 0o755


def test_a_locked_file_is_not_waited_for(tmp_path: Path) -> None:
    """Another process that locks the file costs at most about half a second, and is named."""
    outbox = SqliteOutbox(tmp_path / "outbox.db")
    other = sqlite3.connect(tmp_path / "outbox.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begin_s = time.monotonic()
    with pytest.raises(StorageError, match="locked") as refused:
        outbox.append(event)
    assert time.monotonic() - begin_s < 3
    assert "other process" in refused.value.fix
    other.close()
    assert outbox.append(event).seq == 1
    outbox.close()


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A path below a file is refused with the path and what to do."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"file/outbox\.db cannot be opened") as refused:
        SqliteOutbox(tmp_path / "file" / "outbox.db")
    assert refused.value.fix


def test_a_full_disk_is_named_and_passes(tmp_path: Path) -> None:
    """While the disk takes no more, append raises StorageError and keeps what it had; later it goes on."""
    outbox = SqliteOutbox(tmp_path / "outbox.db")
    outbox.append(event)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
        with pytest.raises(StorageError, match="cannot be written") as refused:
            fill(outbox)
        assert refused.value.fix
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    kept = outbox.pending()
    assert outbox.append(event).seq == kept + 1
    assert [one.seq for one in outbox.after(0, 200)] == list(range(1, kept + 2))
    outbox.close()


def test_what_append_returned_survives_a_kill(tmp_path: Path) -> None:
    """A process killed in the middle of appending loses nothing that append had returned."""
    script = (
        "import sys; from pathlib import Path; from edged.adapters.storage.outbox import SqliteOutbox\n"
        "from edged.domain.messages import StoredEvent\n"
        "box = SqliteOutbox(Path(sys.argv[1]))\n"
        "while True: print(box.append(lambda n: StoredEvent(n, 't', b'x', None)).seq, flush=True)\n"
    )
    path = tmp_path / "outbox.db"
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        while int(child.stdout.readline()) < 200:
            pass
        os.kill(child.pid, signal.SIGKILL)
        last = [200, *map(int, child.stdout.read().split())][-1]
    outbox = SqliteOutbox(path)
    seqs = [one.seq for one in outbox.after(0, 10**6)]
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) in (last, last + 1)
    outbox.close()


def test_epochs_differ() -> None:
    """Two outboxes have different epochs."""
    assert len({new_epoch() for _ in range(100)}) == 100
