"""The golden frame: the same bytes everywhere, and something to see in them."""

import hashlib

import numpy as np
import pytest

from edged.domain.errors import ModelError
from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.vision.golden import golden_input, golden_picture
from edged.vision.manifest import InputRule


def spec(*shape: int, dtype: DType = "uint8", quantization: Quantization | None = None) -> TensorSpec:
    return TensorSpec("picture", shape, dtype, quantization)


def test_the_frame_is_the_same_to_the_last_bit_everywhere() -> None:
    """Two machines, whatever their numpy, draw the same 96 x 128 pixels."""
    drawn = hashlib.sha256(golden_picture(96, 128).tobytes()).hexdigest()
    assert drawn == "5f8691df4782e98d43f52b90550f6bd6539f08f7ce35ba4f9f0137efdb927b33"


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (32, 32), (96, 128), (640, 640)])
def test_any_size_can_be_drawn(size: tuple[int, int]) -> None:
    """The drawing is stretched to the input, and its bytes never wrap around."""
    picture = golden_picture(*size)
    assert picture.shape == (*size, 3)
    assert picture.dtype.name == "uint8"
    assert np.min(picture) >= 20
    assert np.max(picture) <= 250


def test_the_frame_has_structure() -> None:
    """Neighbours differ nearly everywhere, and large parts are dark and light."""
    picture = golden_picture(256, 256).astype(int)
    assert np.mean(np.abs(np.diff(picture[..., 1], axis=1)) > 0) > 0.8
    assert 0.1 < np.mean(picture < 64) < 0.6
    assert 0.1 < np.mean(picture > 200) < 0.6


def test_a_picture_of_grey_is_the_green_of_the_coloured_one() -> None:
    """A model with one channel sees the same scene."""
    grey = golden_input(spec(1, 32, 32, 1), InputRule())
    assert np.array_equal(grey[..., 0], golden_input(spec(1, 32, 32, 3), InputRule())[..., 1])


@pytest.mark.parametrize(
    ("dtype", "quantization", "rule"),
    [
        ("uint8", Quantization(1 / 128, 128), InputRule()),
        ("int8", Quantization(1 / 255, -128), InputRule()),
        ("int8", Quantization(0.0186, -14), InputRule(mean=127.5, std=60.0)),
        ("float32", None, InputRule(mean=127.5, std=127.5)),
    ],
)
def test_the_frame_becomes_an_input_as_any_frame_does(
    dtype: DType, quantization: Quantization | None, rule: InputRule
) -> None:
    """Each byte stands for (byte - mean) / std, quantised as the tensor asks."""
    tensor = golden_input(spec(1, 24, 40, 3, dtype=dtype, quantization=quantization), rule)
    assert (tensor.shape, tensor.dtype.name) == ((1, 24, 40, 3), dtype)
    pixels = golden_picture(24, 40)[None].astype(float)
    if rule.mean is None or rule.std is None:
        assert np.array_equal(tensor.astype(int), pixels - (128 if dtype == "int8" else 0))
        return
    wanted = (pixels - rule.mean) / rule.std
    if quantization is None:
        assert np.allclose(tensor.astype(float), wanted, atol=1e-6)
        return
    steps = np.clip(wanted / quantization.scale + quantization.zero_point, -128, 127)
    assert np.abs(tensor.astype(float) - steps).max() <= 0.5 + 1e-9


def test_a_tensor_that_takes_no_pixels_is_refused() -> None:
    """The error is that of any frame."""
    with pytest.raises(ModelError, match="pixels cannot be put into a tensor of int64"):
        golden_input(spec(1, 8, 8, 3, dtype="int64"), InputRule())
