"""Picture files as bytes, refused early where they cannot be a picture we want."""

from pathlib import Path

from edged.adapters.pixels.headers import Header, read_header
from edged.domain.errors import BadPictureError

LARGEST_PICTURE = 50_000_000
"""Pixels; beyond that a picture is refused before it is decoded."""
LARGEST_FILE = 256 << 20
"""Bytes; more than the largest picture takes uncompressed."""


def read_picture_file(path: Path) -> tuple[Header, bytes]:
    """What kind of picture it is, and the whole file; raises BadPictureError."""
    data = _read(path)
    header = read_header(data)
    if header is None:
        what = "an empty file" if not data else "not a picture that can be read"
        raise BadPictureError(f"{path}: {what}", "use a whole JPEG, PNG, BMP or WebP file")
    if header.width < 1 or header.height < 1:
        raise BadPictureError(f"{path}: the {header.kind} picture has no pixels", "use another picture")
    if header.width * header.height > LARGEST_PICTURE:
        raise BadPictureError(
            f"{path}: {header.width} x {header.height} pixels are more than {LARGEST_PICTURE // 10**6} megapixels",
            "use a smaller picture",
        )
    return header, data


def _read(path: Path) -> bytes:
    """A device or a pipe is not opened: reading it might never end."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise BadPictureError(f"{path}: not a file", "name a picture file")
        if size > LARGEST_FILE:
            raise BadPictureError(f"{path}: larger than {LARGEST_FILE >> 20} MB", "use a smaller picture")
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BadPictureError(f"{path}: {reason}", "check the path and its permissions") from error
