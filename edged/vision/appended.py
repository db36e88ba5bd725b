"""Files that a TFLite model carries as a zip behind its flatbuffer, such as its labels."""

import io
import struct
import zipfile
from collections.abc import Mapping

from edged.domain.errors import ModelError
from edged.vision.flatbuffer import COPY_AGAIN

MAX_FILES = 32
MAX_FILE_BYTES = 4_000_000
MAX_TOTAL_BYTES = 8_000_000
MAX_DIRECTORY_BYTES = 65_536
"""Some 2,000 bytes for each file: so much is parsed before the files can be counted."""

_PACKED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""What packers of models write; an LZMA file says itself how much memory it takes."""
_LOCAL_HEADER = b"PK\x03\x04"
_END_RECORD = struct.Struct("<4s8xI6x")
"""Signature, and size of the directory, in bytes; as in PKWARE's APPNOTE, 4.3.16."""
_END, _ZIP64_LOCATOR = b"PK\x05\x06", b"PK\x06\x07"
_LOCATOR_BYTES = 20
_LONGEST_COMMENT = 1 << 16


def appended_files(data: bytes, end: int, where: str, expected: frozenset[str]) -> Mapping[str, bytes]:
    """Name and content of each file behind byte `end`, where the flatbuffer ends; none where nothing is there.

    `expected` are the names that the model's own metadata mentions. Names with a folder in them are skipped.
    Raises ModelError where the zip is cut off, damaged or too large.
    """
    _check_size(data, end, where)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _contents(archive, where)
    except ModelError:
        raise
    except Exception as error:  # noqa: BLE001  zipfile lets struct, zlib, lzma and seek errors of a bad zip through
        return _nothing(data, end, where, expected, error)


def _check_size(data: bytes, end: int, where: str) -> None:
    """Refuses a zip that would take long to open: zipfile parses the whole directory before it gives one name."""
    at = _end_record(data)
    if at < 0:
        return
    if len(data) - end > MAX_TOTAL_BYTES + MAX_DIRECTORY_BYTES:
        raise _too_large(where, f"{len(data) - end} bytes of files", f"{MAX_TOTAL_BYTES} bytes")
    _, directory_bytes = _END_RECORD.unpack_from(data, at)
    is_zip64 = data[max(at - _LOCATOR_BYTES, 0) : at].startswith(_ZIP64_LOCATOR)
    if directory_bytes > MAX_DIRECTORY_BYTES or is_zip64:
        raise _too_large(where, "a list of files that is too long", f"{MAX_FILES} files")


def _end_record(data: bytes) -> int:
    """Where the record is that ends a zip, by the rules of zipfile; -1 where there is none."""
    last = len(data) - _END_RECORD.size
    if data[max(last, 0) :].startswith(_END) and data.endswith(b"\0\0"):
        return last
    at = data.rfind(_END, max(last - _LONGEST_COMMENT, 0))
    return at if at <= last else -1


def _nothing(
    data: bytes, end: int, where: str, expected: frozenset[str], error: Exception
) -> Mapping[str, bytes]:
    """No files, unless there are signs that there should be some."""
    tail = data[end : end + 64].lstrip(b"\0")
    if tail.startswith(_LOCAL_HEADER) or (tail and _LOCAL_HEADER.startswith(tail)):
        why = f"the files appended to it cannot be read, and it ends at byte {len(data)}"
    elif expected:
        names = ", ".join(sorted(expected))
        why = f"it should carry {names}, but nothing readable follows byte {end} of {len(data)}"
    else:
        return {}
    raise ModelError(f"model {where} is cut off or damaged: {why}", COPY_AGAIN) from error


def _contents(archive: zipfile.ZipFile, where: str) -> dict[str, bytes]:
    """The members that may be taken, within the limits."""
    members = archive.infolist()
    if len(members) > MAX_FILES:
        raise _too_large(where, f"{len(members)} files", f"{MAX_FILES}")
    files: dict[str, bytes] = {}
    left = MAX_TOTAL_BYTES
    for member in members:
        if not _is_plain_name(member.filename):
            continue
        if member.compress_type not in _PACKED:
            raise ModelError(
                f"model {where} carries a file {member.filename!r} that is packed by method {member.compress_type}",
                "use a model whose files are stored or deflated",
            )
        limit = min(left, MAX_FILE_BYTES)
        with archive.open(member) as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise _too_large(where, f"a file {member.filename!r} above {limit} bytes", f"{limit} bytes")
        files[member.filename] = content
        left -= len(content)
    return files


def _is_plain_name(name: str) -> bool:
    """Whether a member's name is a file name and nothing else."""
    return bool(name) and name.isprintable() and name not in {".", ".."} and not set(name) & set("/\\:")


def _too_large(where: str, what: str, limit: str) -> ModelError:
    return ModelError(
        f"model {where} carries {what}, more than the {limit} allowed", "use a model without these files"
    )
