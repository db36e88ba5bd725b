"""Pictures as files: PNG by zlib alone, JPEG by OpenCV."""

import struct
from zlib import compress, crc32

import numpy as np

from edged.adapters.pixels.opencv import encode_jpeg, halved
from edged.ports import Pixels

QUALITY = 92
"""Of a JPEG that people look at."""
QUALITIES = (85, 70, 50, 30)
"""Of a JPEG that may not be large, in the order in which they are tried."""
_LEAST_SIDE = 32
"""The longer one of a picture that still shows something; a frame may be a line."""
_RGB = 2
_EFFORT = 6


def encode_picture(pixels: Pixels, suffix: str) -> bytes:
    """An RGB picture [height, width, 3] as a file: PNG for the suffix `.png`, else JPEG."""
    return encode_png(pixels) if suffix == ".png" else encode_jpeg(pixels, QUALITY)


def encode_within(pixels: Pixels, most_bytes: int) -> bytes:
    """The best JPEG of at most so many bytes: of less quality, then smaller; empty where nothing would be seen."""
    while True:
        for quality in QUALITIES:
            data = encode_jpeg(pixels, quality)
            if len(data) <= most_bytes:
                return data
        if max(pixels.shape[:2]) < 2 * _LEAST_SIDE:
            return b""
        pixels = halved(pixels)


def encode_png(pixels: Pixels) -> bytes:
    """The same, of 8 bits a colour, as a PNG whose rows are stored as differences to the pixel on the left."""
    height, width = pixels.shape[:2]
    rows = np.empty((height, 1 + width * 3), np.uint8)
    rows[:, 0] = 1
    rows[:, 1:4] = pixels[:, 0]
    rows[:, 4:] = (pixels[:, 1:] - pixels[:, :-1]).reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, _RGB, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", compress(rows.tobytes(), _EFFORT)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))
