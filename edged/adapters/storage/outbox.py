"""The outbox on disk, in SQLite: what `append` has returned survives a power cut."""

import errno
import logging
import secrets
import sqlite3
import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edged.adapters.storage.folders import sync_folder
from edged.domain.errors import StorageError
from edged.domain.messages import StoredEvent

_LOG = logging.getLogger(__name__)
_ALPHABET = string.ascii_lowercase + string.digits
_BUSY_S = 0.5
"""No longer, since delivery stands still meanwhile."""
_NOT_A_DATABASE = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
_FIXES = {
    "SQLITE_FULL": "free some space on this disk",
    "SQLITE_READONLY": "make the folder and the file writable for this user",
    "SQLITE_CANTOPEN": "make the folder writable for this user, or name another one",
    "SQLITE_BUSY": "stop the other process that uses this file",
    "SQLITE_IOERR": "check the disk",
}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (epoch TEXT NOT NULL, last_seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS events (
  seq INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL, expiry_s INTEGER);
CREATE TABLE IF NOT EXISTS open_tracks (
  track TEXT PRIMARY KEY, seq INTEGER NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL, expiry_s INTEGER);
CREATE TABLE IF NOT EXISTS retained (topic TEXT PRIMARY KEY);
"""
_SOUND_META = """
SELECT count(*) FROM meta WHERE typeof(last_seq) = 'integer' AND typeof(epoch) = 'text'
  AND length(epoch) = 6 AND epoch NOT GLOB '*[^a-z0-9]*'
"""


def new_epoch() -> str:
    """Six random characters that tell one outbox from another."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(6))


class SqliteOutbox:
    """An outbox in one file, `:memory:` for one that is gone with the process; for the thread that made it.

    A file that is no database, or a damaged one, is moved aside as `<name>.broken-<n>` and a new one
    started; `recovered` then says so in one line. Raises StorageError with the path and what to do.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._name = str(path or ":memory:")
        self.recovered = ""
        with self._translated("opened"):
            self._database = self._opened_or_replaced()
            self.epoch, self._seq = self._read_meta()
            self._pending = int(self._database.execute("SELECT count(*) FROM events").fetchone()[0])

    def append(
        self, build: Callable[[int], StoredEvent], *, opens: str = "", closes: str = ""
    ) -> StoredEvent:
        """Stores an event in a transaction of its own; where `build` raises, no number is used up."""
        event = build(self._seq + 1)
        row = (event.seq, event.topic, event.payload, event.expiry_s)
        with self._translated("written"), self._transaction() as database:
            database.execute("INSERT INTO events VALUES (?, ?, ?, ?)", row)
            database.execute("UPDATE meta SET last_seq = ?", (event.seq,))
            if opens:
                database.execute("INSERT OR REPLACE INTO open_tracks VALUES (?, ?, ?, ?, ?)", (opens, *row))
            if closes:
                database.execute("DELETE FROM open_tracks WHERE track = ?", (closes,))
        self._seq = event.seq
        self._pending += 1
        return event

    def after(self, seq: int, limit: int) -> Sequence[StoredEvent]:
        """The oldest stored events above `seq`."""
        query = "SELECT seq, topic, payload, expiry_s FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
        with self._translated("read"):
            return [StoredEvent(*row) for row in self._database.execute(query, (seq, limit))]

    def delete(self, seqs: Iterable[int]) -> None:
        """Forgets events, in one transaction."""
        with self._translated("written"), self._transaction() as database:
            cursor = database.executemany("DELETE FROM events WHERE seq = ?", [(seq,) for seq in seqs])
            deleted = max(0, cursor.rowcount)
        self._pending -= deleted

    def pending(self) -> int:
        """How many events are stored; asks no disk."""
        return self._pending

    def open_tracks(self) -> Sequence[tuple[str, StoredEvent]]:
        """The tracks that have started and not ended, oldest first."""
        query = "SELECT track, seq, topic, payload, expiry_s FROM open_tracks ORDER BY seq"
        with self._translated("read"):
            return [(track, StoredEvent(*row)) for track, *row in self._database.execute(query)]

    def retained_topics(self) -> frozenset[str]:
        """Topics under which retained messages were published."""
        with self._translated("read"):
            return frozenset(topic for (topic,) in self._database.execute("SELECT topic FROM retained"))

    def remember_retained(self, topics: Iterable[str]) -> None:
        """Notes topics, in one transaction."""
        rows = [(topic,) for topic in topics]
        with self._translated("written"), self._transaction() as database:
            database.executemany("INSERT OR IGNORE INTO retained VALUES (?)", rows)

    def forget_retained(self, topics: Iterable[str]) -> None:
        """Forgets topics, in one transaction."""
        rows = [(topic,) for topic in topics]
        with self._translated("written"), self._transaction() as database:
            database.executemany("DELETE FROM retained WHERE topic = ?", rows)

    def close(self) -> None:
        """Lets go of the file."""
        with self._translated("closed"):
            self._database.close()

    def _opened_or_replaced(self) -> sqlite3.Connection:
        try:
            return self._opened()
        except sqlite3.DatabaseError as error:
            if self._path is None or getattr(error, "sqlite_errorname", "") not in _NOT_A_DATABASE:
                raise
            aside = _moved_aside(self._path)
            self.recovered = f"{self._name} was not a usable database ({error}); it is now {aside}"
            _LOG.error("%s", self.recovered)
            return self._opened()

    def _opened(self) -> sqlite3.Connection:
        if self._path is not None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600)  # SQLite gives its companions the same mode
        database = sqlite3.connect(self._name, timeout=_BUSY_S, isolation_level=None)
        try:
            database.execute("PRAGMA page_size = 1024")
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.executescript(_SCHEMA)
            if database.execute("SELECT count(*) FROM meta").fetchone()[0] == 0:
                database.execute("INSERT INTO meta VALUES (?, 0)", (new_epoch(),))
            if self._path is not None:
                _check_sound(database)
                sync_folder(self._path.parent)
        except BaseException:
            database.close()
            raise
        return database

    def _read_meta(self) -> tuple[str, int]:
        epoch, last_seq = self._database.execute("SELECT epoch, last_seq FROM meta").fetchone()
        return str(epoch), int(last_seq)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    @contextmanager
    def _translated(self, verb: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "") or type(error).__name__
            fix = next((fix for code, fix in _FIXES.items() if name.startswith(code)), "check the disk")
            raise StorageError(f"{self._name} cannot be {verb}: {error}", fix) from error
        except OSError as error:
            fix = _FIXES["SQLITE_FULL" if error.errno == errno.ENOSPC else "SQLITE_CANTOPEN"]
            raise StorageError(f"{self._name} cannot be {verb}: {error.strerror}", fix) from error


def _check_sound(database: sqlite3.Connection) -> None:
    """Raises DatabaseError for damaged pages or a senseless `meta`; reads the whole file, which is small."""
    verdict = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict == "ok" and not database.execute(_SOUND_META).fetchone()[0]:
        verdict = "its table meta makes no sense"
    if verdict != "ok":
        error = sqlite3.DatabaseError(verdict)
        error.sqlite_errorname = "SQLITE_CORRUPT"
        raise error


def _moved_aside(path: Path) -> Path:
    """Renames a broken file and its companions to the first free `<name>.broken-<n>`."""
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + suffix))
    sync_folder(path.parent)
    return aside
