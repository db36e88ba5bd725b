"""Pictures and videos that cameras are tried on, and a way to take all frames of a camera."""

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from edged.ports import Camera, Captured, Pixels

FRAMES = 6
SIZE = (64, 48)


def paint(number: int, size: tuple[int, int] = SIZE) -> Pixels:
    """A plain picture whose grey level says its number."""
    return np.full((size[1], size[0], 3), (30 + 30 * number) % 256, np.uint8)


def make_pictures(folder: Path) -> Path:
    pictures = folder / "pictures"
    pictures.mkdir(exist_ok=True)
    for number in range(FRAMES):
        suffix = (".png", ".JPG", ".bmp")[number % 3]
        cv2.imwrite(str(pictures / f"{number}{suffix}"), paint(number))
    (pictures / "notes.txt").write_text("not a picture")
    return pictures


def make_video(
    path: Path,
    *,
    size: tuple[int, int] = SIZE,
    fps: int = 50,
    frames: int = FRAMES,
    codec: str = "ffv1",
    pix_fmt: str = "yuv444p",
) -> Path:
    """A video with one grey level a frame; lossless unless another codec is given."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(paint(number, size), format="rgb24").reformat(format=pix_fmt)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def buffer_for(camera: Camera) -> memoryview:
    """Room for the camera's largest frame, in memory that costs nothing until it is written."""
    return memoryview(np.empty(camera.open(), np.uint8))  # type: ignore[arg-type]  # mypy sees __buffer__ only from 3.12 on


def pixels(buffer: memoryview, captured: Captured) -> Pixels:
    return np.frombuffer(buffer, np.uint8, captured.shape.nbytes).reshape(captured.shape.array_shape).copy()


def all_frames(camera: Camera) -> list[tuple[Captured, Pixels]]:
    buffer, frames = buffer_for(camera), []
    while (captured := camera.read(buffer)) is not None:
        frames.append((captured, pixels(buffer, captured)))
    camera.close()
    return frames
