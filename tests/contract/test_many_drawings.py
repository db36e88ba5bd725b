"""Many pictures drawn by one process."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edged.compose.drawing import Drawing, draw_pictures
from edged.vision.overlay import Overlay

pytestmark = pytest.mark.runtime
PICTURES = 1500
"""What is said of so many is more than a pipe holds."""


def test_a_library_that_complains_of_each_picture_holds_nobody_up(tmp_path: Path) -> None:
    """Of bytes that belong to nothing the JPEG library writes a line each time; the pictures are drawn all the same."""
    _, data = cv2.imencode(".jpg", np.full((16, 16, 3), 90, np.uint8))
    whole = bytes(data)
    source, target = tmp_path / "odd.jpg", tmp_path / "drawn.jpg"
    at = whole.rindex(b"\xff\xd9")
    source.write_bytes(whole[:at] + b"\x01\x02\x03" + whole[at:])
    told: list[str] = []
    assert draw_pictures([Drawing.of(source, target, Overlay())] * PICTURES, told.append) == 0
    assert (told, target.is_file()) == ([], True)
