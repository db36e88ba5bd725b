"""Reads flatbuffers without trusting one byte of them: no offset is followed before it is checked.

Format: https://flatbuffers.dev/internals/ ; only forward references exist, and the reader knows the schema,
so nothing recurses. A budget of reads bounds the time that a hostile file can take.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from edged.domain.errors import ModelError

READS = 1_000_000
"""Scalars read at most: a model of 250 operators needs 25,000. So much takes a few seconds."""
TEXT_LIMIT = 65_536
COPY_AGAIN = "copy the file again"

_SCALARS = {code: struct.Struct("<" + code) for code in "bBHiIqQf"}


class Reader:
    """The bytes of one file, and how far into them the parts that were looked at reach."""

    def __init__(self, data: bytes, where: str, *, reads: int = READS) -> None:
        self.data = data
        self.where = where
        self.end = 0
        """The first byte after everything of the flatbuffer that was looked at."""
        self.file_end = 0
        """The same, with the parts that lie behind the flatbuffer."""
        self._reads = reads

    def span(self, start: int, size: int, what: str) -> None:
        """Refuses a part of the flatbuffer that isn't wholly inside the file."""
        self.outer_span(start, size, what)
        self.end = max(self.end, start + size)

    def outer_span(self, start: int, size: int, what: str) -> None:
        """The same for a part that may lie behind the flatbuffer."""
        end = start + size
        if start < 0:
            raise self.damaged(f"{what} begins before the file does")
        if end > len(self.data):
            raise self.cut_off(f"{what} ends at byte {end} but the file has {len(self.data)}")
        self.file_end = max(self.file_end, end)

    def spend(self, reads: int) -> None:
        """Counts work done; refuses a file that asks for too much of it."""
        self._reads -= reads
        if self._reads < 0:
            raise self.damaged("its tables refer to each other without end")

    def scalar(self, code: str, at: int, what: str) -> int | float:
        """One little-endian number; `code` as in the struct module."""
        self.spend(1)
        scalar = _SCALARS[code]
        self.span(at, scalar.size, what)
        value: int | float = scalar.unpack_from(self.data, at)[0]
        return value

    def integer(self, code: str, at: int, what: str) -> int:
        """One little-endian whole number."""
        return int(self.scalar(code, at, what))

    def table(self, at: int, what: str) -> "Table":
        """The table that the reference at `at` points to."""
        start = at + self.integer("I", at, what)
        vtable = start - self.integer("i", start, what)
        fields = self.integer("H", vtable, what)
        size = self.integer("H", vtable + 2, what)
        if fields < 4 or fields % 2 or size < 4:  # noqa: PLR2004  two 16-bit sizes and one 32-bit offset
            raise self.damaged(f"{what} at byte {start} has no sensible layout")
        self.span(vtable, fields, what)
        self.span(start, size, what)
        return Table(self, start, vtable, fields, size, what)

    def cut_off(self, why: str) -> ModelError:
        """The error for a file that ends too early."""
        return ModelError(f"model {self.where} is cut off: {why}", COPY_AGAIN)

    def damaged(self, why: str) -> ModelError:
        """The error for a file whose content contradicts itself."""
        return ModelError(f"model {self.where} is damaged: {why}", COPY_AGAIN)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a flatbuffer; fields are named by their number in the schema."""

    reader: Reader
    start: int
    vtable: int
    fields: int
    size: int
    what: str

    def place(self, field: int) -> int | None:
        """Byte where a field's value lies; None where the table leaves it out."""
        entry = 4 + 2 * field
        if entry >= self.fields:
            return None
        offset = self.reader.integer("H", self.vtable + entry, self.what)
        if offset >= self.size:
            raise self.reader.damaged(f"{self.what} at byte {self.start} has a field outside itself")
        return self.start + offset if offset else None

    def integer(self, field: int, code: str, default: int = 0) -> int:
        """A whole number, or its default."""
        at = self.place(field)
        return default if at is None else self.reader.integer(code, at, self.what)

    def table(self, field: int, what: str) -> "Table | None":
        """A table that this one refers to, if it does."""
        at = self.place(field)
        return None if at is None else self.reader.table(at, what)

    def vector(self, field: int, item_bytes: int, what: str) -> tuple[int, int]:
        """First byte and count of a vector's items, all inside the file; count 0 where there is none."""
        at = self.place(field)
        if at is None:
            return 0, 0
        start = at + self.reader.integer("I", at, what)
        count = self.reader.integer("I", start, what)
        self.reader.span(start + 4, count * item_bytes, what)
        return start + 4, count

    def tables(self, field: int, what: str) -> Iterator["Table"]:
        """The tables of a vector of tables, one by one."""
        start, count = self.vector(field, 4, f"the list of {what}")
        for at in range(start, start + 4 * count, 4):
            yield self.reader.table(at, what)

    def numbers(self, field: int, code: str, what: str) -> tuple[int | float, ...]:
        """The items of a vector of numbers."""
        item_bytes = _SCALARS[code].size
        start, count = self.vector(field, item_bytes, what)
        self.reader.spend(count)
        return struct.unpack_from(f"<{count}{code}", self.reader.data, start)

    def integers(self, field: int, what: str) -> tuple[int, ...]:
        """The items of a vector of 32-bit whole numbers."""
        return tuple(int(item) for item in self.numbers(field, "i", what))

    def string(self, field: int, what: str) -> tuple[int, int]:
        """First byte and length of a string whose closing zero byte is inside the file, too."""
        start, count = self.vector(field, 1, what)
        if start:
            self.reader.span(start, count + 1, what)
        return start, count

    def text(self, field: int, what: str) -> str:
        """A string, empty where there is none; bytes that aren't UTF-8 become U+FFFD."""
        start, count = self.string(field, what)
        if count > TEXT_LIMIT:
            raise self.reader.damaged(f"{what} is {count} bytes long")
        self.reader.spend(count // 8)
        return self.reader.data[start : start + count].decode("utf-8", "replace")
