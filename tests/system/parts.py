"""Pieces of configuration."""

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.system.machine import COLOURS


def pattern(*, fps: float = 30, size: tuple[int, int] = (160, 120), **more: Any) -> dict[str, Any]:
    """A source that draws a scene."""
    return {"type": "pattern", "scene": "colours", "size": list(size), "fps": fps, **more}


def colours(folder: Path, names: Iterable[str] = ("red", "green"), *, fps: float = 20) -> dict[str, Any]:
    """A source that shows pictures of one colour each, over and over: an event at each change."""
    folder.mkdir()
    for number, name in enumerate(names):
        bgr = bytes({"blue": (230, 20, 20), "green": (20, 230, 20), "red": (20, 20, 230)}[name])
        header = struct.pack(
            "<2sIHHIIiiHHIIiiII", b"BM", 54 + 3072, 0, 0, 54, 40, 32, 32, 1, 24, 0, 3072, 0, 0, 0, 0
        )
        (folder / f"{number:03}.bmp").write_bytes(header + bgr * 1024)
    return {"type": "images", "path": str(folder), "loop": True, "fps": fps}


def camera(source: dict[str, Any], *, model: str = "main", **more: Any) -> dict[str, Any]:
    """A camera that publishes every frame."""
    return {"source": source, "model": model, "publish": {"frame": True, "frame_max_fps": 240}, **more}


def on_cpu(*, model: Path = COLOURS, **cameras: dict[str, Any]) -> dict[str, Any]:
    """A daemon that has no Edge TPU."""
    return {
        "models": {"main": {"path": str(model)}},
        "accelerators": {"main": {"use": "cpu", "deadline_s": 2}},
        "cameras": cameras or {"front": camera(pattern())},
    }


def on_edgetpu(model: Path, library: Path, **accelerator: Any) -> dict[str, Any]:
    """A daemon with an Edge TPU that is made of software; it tries again after two seconds."""
    options = {"use": "auto", "library": str(library), "deadline_s": 1, "retry_s": 2, **accelerator}
    return {
        "models": {"main": {"path": str(model)}},
        "accelerators": {"main": options},
        "cameras": {"front": camera(pattern(), threshold=0.01)},
    }
