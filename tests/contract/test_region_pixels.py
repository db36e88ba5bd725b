"""Regions of a frame reach their places in the input as frames of their own would."""

import tracemalloc

import numpy as np
import pytest

from edged.adapters.pixels.opencv import Fitter, prepare
from edged.adapters.pixels.regions import RegionFitter
from edged.domain.frame import FrameShape, PixelFormat
from edged.domain.geometry import Box
from edged.domain.tensors import DType, TensorSpec
from edged.ports import Pixels
from edged.vision.fit import Rect, region_pixels
from edged.vision.manifest import InputRule

RGB, BGR, GRAY, I420 = PixelFormat.RGB, PixelFormat.BGR, PixelFormat.GRAY, PixelFormat.I420
RULES = [
    InputRule(),
    InputRule(resize="letterbox", fill=114),
    InputRule(resize="letterbox", place="corner"),
    InputRule(resize="crop"),
]
WIDTH, HEIGHT = 320, 200
REGIONS = (
    Box(0.1, 0.2, 0.3, 0.4),
    Box(0.0, 0.0, 1.0, 1.0),
    Box(0.71, 0.5, 0.29, 0.1),
    Box(0.5, 0.5, 1e-6, 1e-6),
)


@pytest.fixture(autouse=True, scope="module")
def _prepared() -> None:
    prepare()


def spec(places: int, dtype: DType = "uint8", channels: int = 3) -> TensorSpec:
    return TensorSpec("image", (places, 60, 50, channels), dtype, None)


def noise(shape: FrameShape) -> Pixels:
    return np.random.default_rng(3).integers(0, 256, shape.array_shape, np.uint8)


def cut_out(pixels: Pixels, shape: FrameShape, at: Rect) -> tuple[Pixels, FrameShape]:
    """A copy of the region's pixels as a frame of its own."""
    own = FrameShape(shape.format, at.w, at.h)
    if shape.format is not I420:
        return pixels[at.window].copy(), own
    half = Rect(at.x // 2, at.y // 2, at.w // 2, at.h // 2)
    chroma = pixels[shape.height :].reshape(2, shape.height // 2, shape.width // 2)
    parts = [pixels[: shape.height][at.window], chroma[0][half.window], chroma[1][half.window]]
    return np.concatenate([part.ravel() for part in parts]).reshape(own.array_shape), own


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("pixel_format", [RGB, BGR, GRAY, I420])
def test_a_region_is_fitted_as_a_frame_of_its_own(
    pixel_format: PixelFormat, channels: int, rule: InputRule
) -> None:
    """Bit for bit what a frame gives that holds the region's pixels and no others."""
    shape, to = FrameShape(pixel_format, WIDTH, HEIGHT), spec(len(REGIONS), channels=channels)
    pixels, out = noise(shape), np.full(to.shape, 77, np.uint8)
    fitter = Fitter(to, rule)
    RegionFitter(fitter, REGIONS, out).fit(pixels, shape, 0)
    for region, place in zip(REGIONS, out, strict=True):
        at = region_pixels(region, WIDTH, HEIGHT, even=pixel_format is I420)
        wanted = np.zeros(to.shape, np.uint8)
        fitter.fit(*cut_out(pixels, shape, at), wanted)
        assert np.array_equal(place, wanted[0]), region


@pytest.mark.parametrize(("places", "runs"), [(1, 4), (2, 2), (3, 2), (4, 1), (5, 1)])
def test_regions_fill_the_places_run_by_run(places: int, runs: int) -> None:
    """However many places there are, each region is in one of them once, in order; the frame is not changed."""
    shape, all_at_once = FrameShape(RGB, WIDTH, HEIGHT), np.zeros(spec(4).shape, np.uint8)
    pixels = noise(shape)
    before = pixels.copy()
    RegionFitter(Fitter(spec(4), InputRule()), REGIONS, all_at_once).fit(pixels, shape, 0)
    out = np.zeros(spec(places).shape, np.uint8)
    fitter = RegionFitter(Fitter(spec(places), InputRule()), REGIONS, out)
    assert fitter.runs == runs
    seen = []
    for run in range(runs):
        fitter.fit(pixels, shape, run)
        seen.append(out.copy())
    assert np.array_equal(np.concatenate(seen)[:4], all_at_once)
    assert np.array_equal(pixels, before)


@pytest.mark.parametrize("pixel_format", [RGB, GRAY, I420])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_no_region_is_copied_out_of_the_frame(pixel_format: PixelFormat, dtype: DType) -> None:
    """After the first frame of a shape nothing of a picture's size is allocated."""
    shape, to = FrameShape(pixel_format, 1280, 720), spec(2, dtype)
    pixels, out = np.zeros(shape.array_shape, np.uint8), np.empty(to.shape, dtype)
    fitter = RegionFitter(Fitter(to, InputRule(resize="letterbox")), REGIONS, out)
    for run in range(2):
        fitter.fit(pixels, shape, run)
    tracemalloc.start()
    for run in range(2):
        fitter.fit(pixels, shape, run)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000
