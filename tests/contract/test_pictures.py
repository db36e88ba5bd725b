"""Picture files are read upright and red first, or refused with the reason."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from edged.adapters.pixels.headers import Header, read_header
from edged.adapters.pixels.opencv import encode_jpeg, prepare, read_picture
from edged.domain.errors import BadPictureError
from edged.ports import Pixels


@pytest.fixture(autouse=True, scope="module")
def _prepared() -> None:
    prepare()


def gradient(width: int, height: int) -> Pixels:
    """Red grows to the right, green downwards, blue along the diagonal."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    picture: Pixels = np.rint(np.stack((x, y, (x + y) / 2), axis=2)).astype(np.uint8)
    return picture


def jpeg(path: Path, width: int = 64, height: int = 48) -> bytes:
    """A small JPEG, also written to the path."""
    data = encode_jpeg(gradient(width, height), 95)
    path.write_bytes(data)
    return data


def png(width: int, height: int, rows: bytes) -> bytes:
    """A PNG file by hand."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def bmp(width: int, height: int, rows: bytes) -> bytes:
    """A BMP file by hand."""
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(rows), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(rows), 0, 0, 54) + head + rows


def test_jpeg_there_and_back(tmp_path: Path) -> None:
    """A picture that was written as JPEG reads back nearly the same, red first."""
    jpeg(tmp_path / "a.jpg")
    picture = read_picture(tmp_path / "a.jpg")
    assert picture.shape == (48, 64, 3)
    assert picture.dtype == np.uint8
    assert np.abs(picture.astype(int) - gradient(64, 48).astype(int)).mean() < 3


def test_lossless_kinds(tmp_path: Path) -> None:
    """PNG and BMP read back exactly, red first."""
    (tmp_path / "a.png").write_bytes(png(2, 1, b"\0\1\2\3\4\5\6"))
    assert read_picture(tmp_path / "a.png").tolist() == [[[1, 2, 3], [4, 5, 6]]]
    (tmp_path / "a.bmp").write_bytes(bmp(1, -2, b"\3\2\1\0\6\5\4\0"))
    assert read_picture(tmp_path / "a.bmp").tolist() == [[[1, 2, 3]], [[4, 5, 6]]]


def test_sizes_of_webp() -> None:
    """The size of a WebP picture is known before it is decoded, in each of its three layouts."""
    riff = b"RIFF\0\0\0\0WEBP"
    lossy = riff + b"VP8 " + bytes(7) + b"\x9d\x01\x2a" + struct.pack("<HH", 640 | 0x4000, 480)
    lossless = riff + b"VP8L" + bytes(4) + b"\x2f" + struct.pack("<I", 639 | 479 << 14)
    extended = riff + b"VP8X" + bytes(8) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little")
    for data in (lossy, lossless, extended):
        assert read_header(data + bytes(16)) == Header("WebP", 640, 480)
    assert read_header(riff + b"????" + bytes(16)) is None


def test_exif_orientation_is_honoured(tmp_path: Path) -> None:
    """A picture from a phone held upright is read upright."""
    data = jpeg(tmp_path / "a.jpg")
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    exif = b"Exif\0\0" + tiff
    (tmp_path / "b.jpg").write_bytes(
        data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    )
    assert np.array_equal(read_picture(tmp_path / "b.jpg"), np.rot90(read_picture(tmp_path / "a.jpg"), -1))


def test_bad_pictures_are_refused_with_the_reason(tmp_path: Path) -> None:
    """Each unreadable picture is refused with its path and what is wrong with it."""
    whole = jpeg(tmp_path / "whole.jpg")
    image = png(9, 9, bytes(9 * 28))
    files = {
        "text.jpg": (b"hello world" * 100, "not a picture"),
        "empty.jpg": (b"", "an empty file"),
        "cut.jpg": (whole[: len(whole) * 2 // 3], "JPEG picture is cut off or damaged"),
        "head.jpg": (whole[:60], "not a picture"),
        "cut.png": (image[:-8], "PNG picture is cut off or damaged"),
        "bits.png": (image[:50] + b"?" + image[51:], "PNG picture is cut off or damaged"),
        "cut.bmp": (bmp(100, 100, bytes(900)), "BMP picture is cut off or damaged"),
        "none.png": (png(0, 4, b""), "PNG picture has no pixels"),
        "huge.png": (png(10_000, 5_001, b""), "10000 x 5001 pixels are more than 50 megapixels"),
        "huge.bmp": (bmp(30_000, -30_000, b""), "30000 x 30000 pixels"),
    }
    for name, (data, what) in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BadPictureError, match=what) as refusal:
            read_picture(tmp_path / name)
        assert refusal.value.what.startswith(str(tmp_path / name))
        assert refusal.value.fix


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A missing file, a folder and a device are refused without being opened."""
    for path, what in (
        (tmp_path / "no.jpg", "no such file"),
        (tmp_path, "not a file"),
        (Path("/dev/zero"), "not a file"),
    ):
        with pytest.raises(BadPictureError, match=what):
            read_picture(path)


def test_forbidden_file_is_refused(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A file that we may not read is refused with the system's reason."""
    jpeg(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").chmod(0)
    request.getfixturevalue("as_nobody")
    with pytest.raises(BadPictureError, match="permission denied"):
        read_picture(tmp_path / "a.jpg")


def test_opencv_prints_nothing(tmp_path: Path) -> None:
    """Broken pictures leave no line of OpenCV's or its libraries' on standard error."""
    whole = jpeg(tmp_path / "a.jpg")
    for name, data in {
        "b.bmp": bmp(100, 100, bytes(9)),
        "c.png": png(9, 9, bytes(9 * 28))[:-20],
        "d.jpg": whole[:-99],
    }.items():
        (tmp_path / name).write_bytes(data)
    script = """
import pathlib, sys
from edged.adapters.pixels.opencv import prepare, read_picture
prepare()
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        print(path.name, read_picture(path).shape)
    except ValueError as error:
        print(path.name, 'refused')
"""
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == [
        "a.jpg (48, 64, 3)",
        "b.bmp refused",
        "c.png refused",
        "d.jpg refused",
    ]
    assert done.stderr == ""
