"""Frames reach the input tensor as plain arithmetic would put them there."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from edged.adapters.pixels.opencv import Fitter, prepare
from edged.domain.errors import ModelError
from edged.domain.frame import FrameShape, PixelFormat
from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.ports import Pixels, Tensor
from edged.vision.fit import FitPlan
from edged.vision.manifest import InputRule

RGB, BGR, GRAY, I420 = PixelFormat.RGB, PixelFormat.BGR, PixelFormat.GRAY, PixelFormat.I420
RULES = [
    InputRule(),
    InputRule(resize="letterbox", fill=114),
    InputRule(resize="letterbox", place="corner"),
    InputRule(resize="crop"),
]
COLOUR = (200, 90, 30)


@pytest.fixture(autouse=True, scope="module")
def _prepared() -> None:
    prepare()


def spec(
    height: int,
    width: int,
    dtype: DType = "uint8",
    channels: int = 3,
    quantization: Quantization | None = None,
) -> TensorSpec:
    return TensorSpec("image", (1, height, width, channels), dtype, quantization)


def fitted(pixels: Pixels, shape: FrameShape, to: TensorSpec, rule: InputRule) -> tuple[Tensor, FitPlan]:
    """The tensor for a frame, written over rubbish."""
    out = np.full(to.shape, 77, to.dtype)
    plan = Fitter(to, rule).fit(pixels, shape, out)
    return out, plan


def plain(
    pixel_format: PixelFormat, width: int, height: int, colour: tuple[int, int, int] = COLOUR
) -> Pixels:
    """A frame of one colour, converted by the BT.601 formulas."""
    red, green, blue = colour
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    if pixel_format is GRAY:
        return np.full((height, width), round(luma), np.uint8)
    if pixel_format is I420:
        planes = (
            16 + luma * 219 / 255,
            128 + (blue - luma) / 1.772 * 224 / 255,
            128 + (red - luma) / 1.402 * 224 / 255,
        )
        sizes = (width * height, width * height // 4, width * height // 4)
        flat = [np.full(size, round(value), np.uint8) for size, value in zip(sizes, planes, strict=True)]
        return np.concatenate(flat).reshape(height * 3 // 2, width)
    return np.full((height, width, 3), colour if pixel_format is RGB else colour[::-1], np.uint8)


def gradient(width: int, height: int) -> Pixels:
    """Red grows to the right, green downwards, blue along the diagonal."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.rint(np.stack((x, y, (x + y) / 2), axis=2)).astype(np.uint8)


def bilinear(picture: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    """Textbook resize with pixel centres at halves."""

    def along(size: int, wanted: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
        at = np.clip((np.arange(wanted) + 0.5) * size / wanted - 0.5, 0, size - 1)
        low = np.floor(at).astype(np.intp)
        return low, np.minimum(low + 1, size - 1), at - low

    top, bottom, down = along(picture.shape[0], height)
    left, right, across = along(picture.shape[1], width)
    down = down.reshape(-1, 1, 1)
    rows = picture[top] * (1 - down) + picture[bottom] * down
    across = across.reshape(1, -1, 1)
    return rows[:, left] * (1 - across) + rows[:, right] * across


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("pixel_format", [RGB, BGR, GRAY, I420])
@pytest.mark.parametrize(("width", "height"), [(640, 480), (482, 1278), (64, 48)])
@pytest.mark.parametrize(
    ("to", "colour"), [(spec(96, 96), "rgb"), (spec(95, 121), "bgr"), (spec(96, 97, channels=1), "rgb")]
)
def test_one_colour_stays_that_colour(
    rule: InputRule, pixel_format: PixelFormat, width: int, height: int, to: TensorSpec, colour: str
) -> None:
    """A frame of one colour fills its place with it, exactly; the padding has the fill value and nothing else."""
    rule = InputRule(rule.resize, rule.place, rule.fill, "bgr" if colour == "bgr" else "rgb")
    out, plan = fitted(plain(pixel_format, width, height), FrameShape(pixel_format, width, height), to, rule)
    grey = round(0.299 * COLOUR[0] + 0.587 * COLOUR[1] + 0.114 * COLOUR[2])
    expected = [grey] if to.shape[3] == 1 else [grey] * 3 if pixel_format is GRAY else list(COLOUR)
    wanted = np.array(expected if colour == "rgb" else expected[::-1])
    inside = np.zeros((to.shape[1], to.shape[2]), bool)
    inside[plan.place.window] = True
    exact = pixel_format is not I420 and (to.shape[3] == 3 or pixel_format is GRAY)
    assert np.abs(out[0][inside].astype(int) - wanted).max() <= (0 if exact else 2)
    assert (out[0][~inside] == rule.fill).all()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("width", "height", "target"),
    [(640, 480, (300, 300)), (1280, 720, (224, 224)), (641, 359, (97, 130)), (100, 60, (224, 192))],
)
def test_gradient_is_resized_as_by_hand(
    rule: InputRule, width: int, height: int, target: tuple[int, int]
) -> None:
    """A gradient comes out within 2 of textbook bilinear interpolation."""
    frame = gradient(width, height)
    out, plan = fitted(frame, FrameShape(RGB, width, height), spec(target[1], target[0]), rule)
    by_hand = bilinear(frame[plan.crop.window].astype(float), plan.place.w, plan.place.h)
    assert np.abs(out[0][plan.place.window] - by_hand)[2:-2, 2:-2].max() <= 2


@pytest.mark.parametrize("rule", RULES)
def test_i420_gradient_matches_rgb(rule: InputRule) -> None:
    """Luma taken from I420 and colours taken from RGB put the same place of the frame at the same place."""
    grey = np.repeat(gradient(640, 480)[..., 2:], 3, axis=2)
    planes = np.full((720, 640), 128, np.uint8)
    planes[:480] = np.rint(16 + grey[..., 0] * (219 / 255))
    from_planes, plan = fitted(planes, FrameShape(I420, 640, 480), spec(131, 201), rule)
    from_rgb, other_plan = fitted(grey, FrameShape(RGB, 640, 480), spec(131, 201), rule)
    assert plan.place == other_plan.place
    assert np.abs(from_planes.astype(int) - from_rgb.astype(int)).max() <= 3


def test_luma_of_grey_inputs_is_full_range() -> None:
    """A grey input fed from I420 sees black as 0 and white as 255."""
    frame = np.full((144, 64), 128, np.uint8)
    frame[:48], frame[48:96] = 16, 235
    out, _ = fitted(frame, FrameShape(I420, 64, 96), spec(96, 64, channels=1), InputRule())
    assert (out[0, :48] == 0).all()
    assert (out[0, 48:] == 255).all()


@pytest.mark.parametrize(("width", "height"), [(320, 160), (160, 320)])
def test_colours_are_cropped_with_the_luma(width: int, height: int) -> None:
    """Of an I420 frame whose left and upper margins are red, the cropped middle is all grey."""
    frame = np.full((height * 3 // 2, width), 128, np.uint8)
    red = frame[height:].reshape(2, height // 2, width // 2)[1]
    red[: (height - 160) // 4], red[:, : (width - 160) // 4] = 255, 255
    out, _ = fitted(frame, FrameShape(I420, width, height), spec(80, 80), InputRule(resize="crop"))
    assert np.ptp(out) == 0


def test_halving_takes_means() -> None:
    """A frame twice or four times as large is averaged, so that a fine pattern becomes grey and not stripes."""
    stripes = np.zeros((192, 192, 3), np.uint8)
    stripes[:, ::2] = 200
    for side in (96, 48):
        out, _ = fitted(stripes, FrameShape(RGB, 192, 192), spec(side, side), InputRule())
        assert (out == 100).all()


WIDE: list[DType] = ["float32", "int16", "int32"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("pixel_format", [RGB, BGR, GRAY, I420])
@pytest.mark.parametrize("channels", [1, 3])
def test_quantised_inputs(rule: InputRule, pixel_format: PixelFormat, channels: int) -> None:
    """Every kind of input tensor holds what its own table says of the plain bytes, padding included."""
    rng = np.random.default_rng(1)
    shape = FrameShape(pixel_format, 320, 200)
    frame = rng.integers(0, 256, shape.array_shape, np.uint8)
    plain_bytes, _ = fitted(frame, shape, spec(90, 120, "uint8", channels), rule)
    byte = plain_bytes.astype(int)
    xor, _ = fitted(frame, shape, spec(90, 120, "int8", channels, Quantization(1 / 255, -128)), rule)
    assert np.array_equal(xor, byte - 128)
    normal = InputRule(rule.resize, rule.place, rule.fill, mean=0.0, std=1.0)
    table, _ = fitted(frame, shape, spec(90, 120, "int8", channels, Quantization(2.0, -100)), normal)
    assert np.array_equal(table, np.clip(np.floor(byte / 2 + 0.5) - 100, -128, 127))
    for dtype in WIDE:
        wide, _ = fitted(frame, shape, spec(90, 120, dtype, channels), normal)
        assert np.array_equal(wide, byte)


def test_same_frame_same_bits() -> None:
    """The same frame gives the same bits, whatever was fitted in between and whatever the tensor held."""
    rng = np.random.default_rng(2)
    fitter = Fitter(spec(95, 131), InputRule(resize="letterbox", fill=9))
    shapes = [FrameShape(each, 320, height) for each in (RGB, I420, GRAY) for height in (200, 400)]
    frames = [rng.integers(0, 256, shape.array_shape, np.uint8) for shape in shapes]
    out = np.empty((1, 95, 131, 3), np.uint8)
    runs = []
    for _ in range(3):
        results = []
        for shape, frame in zip(shapes, frames, strict=True):
            before = frame.copy()
            fitter.fit(frame, shape, out)
            assert np.array_equal(frame, before)
            results.append(out.copy())
        runs.append(np.stack(results))
    assert np.array_equal(runs[0], runs[1])
    assert np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize("pixel_format", [RGB, BGR, GRAY, I420])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
def test_nothing_grows_with_the_frames(pixel_format: PixelFormat, dtype: DType) -> None:
    """After the first frame of a shape, no buffer of the size of a picture is allocated."""
    fitter = Fitter(spec(225, 301, dtype), InputRule(resize="letterbox"))
    shape = FrameShape(pixel_format, 1280, 720)
    frame, out = np.zeros(shape.nbytes, np.uint8), np.empty((1, 225, 301, 3), dtype)
    fitter.fit(frame, shape, out)
    tracemalloc.start()
    fitter.fit(frame, shape, out)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000


@pytest.mark.parametrize("shape", [(1, 28, 28), (65, 8, 8, 3), (0, 8, 8, 3), (1, 8, 8, 4), (1, 0, 8, 3), ()])
def test_other_inputs_are_refused(shape: tuple[int, ...]) -> None:
    """A model whose input is not one picture, or up to 64 of them, is refused."""
    with pytest.raises(ModelError, match="is not one picture"):
        Fitter(TensorSpec("image", shape, "uint8", None), InputRule())


def test_doubtful_normalisation_is_passed_on() -> None:
    """The fitter tells what is doubtful about the input's normalisation."""
    assert "input.mean" in Fitter(spec(8, 8, quantization=Quantization(0.02, 114)), InputRule()).warning
