"""Drawing child: reads pictures, draws over them and writes them elsewhere, one after another."""

from pathlib import Path
from typing import Any

from edged.adapters.pixels.drawing import draw
from edged.adapters.pixels.encoding import encode_picture
from edged.adapters.pixels.opencv import prepare, read_picture
from edged.children.start import run_child
from edged.domain.errors import BadPictureError, EdgedError, StorageError
from edged.transport.control import Control
from edged.transport.drawings import overlay_from_wire


def draw_file(source: Path, target: Path, overlay: dict[str, Any]) -> None:
    """Draws over the picture in one file and writes it to another. Raises BadPictureError or StorageError."""
    pixels, marks = read_picture(source), overlay_from_wire(overlay)
    if marks.mask is not None and marks.mask.shape != pixels.shape[:2]:
        raise BadPictureError(f"{source}: it has another size than before", "do not change it meanwhile")
    draw(pixels, marks)
    try:
        target.write_bytes(encode_picture(pixels, target.suffix.lower()))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(
            f"{target}: cannot be written: {reason}", "make room, or draw elsewhere"
        ) from error


def work(control: Control, spec: dict[str, Any]) -> None:
    """Draws each picture and tells of it."""
    prepare()
    for job in spec["jobs"]:
        try:
            draw_file(Path(job["source"]), Path(job["target"]), job["overlay"])
        except EdgedError as error:
            control.send({"event": "failed", "what": error.what, "fix": error.fix})
        else:
            control.send({"event": "drawn"})


if __name__ == "__main__":
    run_child(work)
