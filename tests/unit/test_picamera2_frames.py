"""What the Raspberry Pi camera adapter does with bytes and rates; the camera itself needs the device."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.adapters.cameras.picamera2 import FORMATS, SLOWEST_FPS, Picamera2Camera, decimation, packed_rows
from edged.domain.errors import ConfigurationError
from edged.domain.frame import FrameShape, PixelFormat

PADDING = 0xEE


def padded(planes: list[NDArray[np.uint8]], strides: list[int], tail: int) -> NDArray[np.uint8]:
    """Planes (rows x bytes) laid out as a camera buffer: each row to its stride, rubbish in between."""
    rows = [
        np.pad(p, ((0, 0), (0, s - p.shape[1])), constant_values=PADDING)
        for p, s in zip(planes, strides, strict=True)
    ]
    return np.concatenate([*(r.reshape(-1) for r in rows), np.full(tail, PADDING, np.uint8)])


@given(
    width=st.integers(1, 40).map(lambda half: 2 * half),
    height=st.integers(1, 20).map(lambda half: 2 * half),
    extra=st.integers(0, 32).map(lambda half: 2 * half),
    tail=st.integers(0, 100),
)
def test_padding_of_rows_is_removed(width: int, height: int, extra: int, tail: int) -> None:
    """Whatever the stride, a packed frame holds the picture's bytes and none of the padding, in both formats."""
    noise = np.random.default_rng(width * height)
    rgb = noise.integers(0, PADDING, (height, width * 3), np.uint8)
    shape = FrameShape(PixelFormat.RGB, width, height)
    target = np.zeros(shape.array_shape, np.uint8)
    packed_rows(padded([rgb], [width * 3 + extra], tail), shape, width * 3 + extra, target)
    assert (target.reshape(height, -1) == rgb).all()

    luma = noise.integers(0, PADDING, (height, width), np.uint8)
    chroma = noise.integers(0, PADDING, (2, height // 2, width // 2), np.uint8)
    shape, stride = FrameShape(PixelFormat.I420, width, height), width + extra
    target = np.zeros(shape.array_shape, np.uint8)
    buffer = padded([luma, *chroma], [stride, stride // 2, stride // 2], tail)
    packed_rows(buffer, shape, stride, target)
    assert (target.reshape(-1) == np.concatenate([luma.reshape(-1), chroma.reshape(-1)])).all()


def test_names_of_formats_are_those_of_memory() -> None:
    """Red-first frames are asked for as BGR888, because picamera2 counts from the other end."""
    assert FORMATS == {"rgb": ("BGR888", PixelFormat.RGB), "i420": ("YUV420", PixelFormat.I420)}


@given(fps=st.floats(0.01, 240))
def test_slow_rates_leave_frames_out(fps: float) -> None:
    """The sensor never runs below 5 fps; what is taken of it is the rate that was asked for."""
    every, sensor_fps = decimation(fps)
    assert sensor_fps / every == pytest.approx(fps)
    assert sensor_fps >= SLOWEST_FPS * 0.999
    assert every == 1 or fps < SLOWEST_FPS


def test_a_rate_of_nothing_is_refused() -> None:
    """A camera at 0 fps is a mistake in the configuration."""
    with pytest.raises(ConfigurationError, match="0 fps"):
        Picamera2Camera(fps=0)
