"""Overlays between processes: plain values that JSON has."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any
from zlib import compress, decompress

import numpy as np
from numpy.typing import NDArray

from edged.vision.overlay import Figure, Overlay

_FAST = 1


def overlay_to_wire(overlay: Overlay) -> dict[str, Any]:
    """The overlay as a JSON object; a mask is packed."""
    figures = [
        {"text": each.text, "colour": each.colour, "box": each.box, "dots": each.dots, "lines": each.lines}
        for each in overlay.figures
    ]
    mask = None
    if overlay.mask is not None:
        packed = b64encode(compress(overlay.mask.tobytes(), _FAST)).decode()
        mask = {"shape": overlay.mask.shape, "packed": packed}
    return {"figures": figures, "words": overlay.words, "mask": mask}


def overlay_from_wire(wire: Mapping[str, Any]) -> Overlay:
    """The same as it was."""
    figures = tuple(
        Figure(
            text=each["text"],
            colour=each["colour"],
            box=tuple(each["box"]),
            dots=tuple((x, y) for x, y in each["dots"]),
            lines=tuple(((x, y), (to_x, to_y)) for (x, y), (to_x, to_y) in each["lines"]),
        )
        for each in wire["figures"]
    )
    words = tuple((text, colour) for text, colour in wire["words"])
    return Overlay(figures, words, _unpacked(wire["mask"]))


def _unpacked(mask: Mapping[str, Any] | None) -> NDArray[np.uint8] | None:
    if mask is None:
        return None
    return np.frombuffer(decompress(b64decode(mask["packed"])), np.uint8).reshape(mask["shape"])
