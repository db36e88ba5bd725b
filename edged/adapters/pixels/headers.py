"""How large a picture file says its picture is, read before anything is decoded."""

from dataclasses import dataclass
from zlib import crc32

START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that are followed by the size; the three others are tables and reserved."""
BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers without a length."""
SHORTEST = 32
"""Bytes; no picture of the known kinds is shorter, and their fixed fields lie within."""


@dataclass(frozen=True, slots=True)
class Header:
    """Kind and size in pixels of a picture file."""

    kind: str
    width: int
    height: int


def read_header(data: bytes) -> Header | None:
    """The header of a JPEG, PNG, BMP or WebP file; None for anything else, or if the file ends within it."""
    if len(data) < SHORTEST:
        return None
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return Header("PNG", _big(data[16:20]), _big(data[20:24]))
    if data.startswith(b"BM"):
        return _bmp(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp(data)
    return None


def png_is_whole(data: bytes) -> bool:
    """Whether each chunk up to the last is there and has its checksum; libpng would print where one has not."""
    at = 8
    while at + 12 <= len(data):
        end = at + 8 + _big(data[at : at + 4])
        if end + 4 > len(data) or crc32(data[at + 4 : end]) != _big(data[end : end + 4]):
            return False
        if data[at + 4 : at + 8] == b"IEND":
            return True
        at = end + 4
    return False


def _jpeg(data: bytes) -> Header | None:
    """Walks the segments up to the one with the size."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004  each marker begins so
        marker = data[at + 1]
        if marker in START_OF_FRAME:
            return Header("JPEG", _big(data[at + 7 : at + 9]), _big(data[at + 5 : at + 7]))
        if marker == 0xFF:  # noqa: PLR2004  a fill byte
            at += 1
        else:
            at += 2 if marker in BARE_MARKERS else 2 + _big(data[at + 2 : at + 4])
    return None


def _bmp(data: bytes) -> Header:
    """A height below zero means rows from the top; the oldest headers have two bytes a side."""
    if _little(data[14:18]) == 12:  # noqa: PLR2004  size of BITMAPCOREHEADER
        return Header("BMP", _little(data[18:20]), _little(data[20:22]))
    return Header("BMP", _signed(data[18:22]), abs(_signed(data[22:26])))


def _webp(data: bytes) -> Header | None:
    """Lossy, lossless and extended files keep the size in three different ways."""
    match data[12:16]:
        case b"VP8 ":
            return Header("WebP", _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF)
        case b"VP8L":
            bits = _little(data[21:25])
            return Header("WebP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"VP8X":
            return Header("WebP", _little(data[24:27]) + 1, _little(data[27:30]) + 1)
    return None


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)
