"""Bytes become tensor elements, and tensor elements numbers, without wrapping and with right rounding."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.domain.errors import ModelError
from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.vision.manifest import InputRule
from edged.vision.quantise import InputMap, dequantise, for_luma, input_table, quantised_threshold

BYTES = np.arange(256)


def mapped(
    dtype: DType,
    scale: float | None,
    zero_point: int = 0,
    mean: float | None = None,
    std: float | None = None,
) -> InputMap:
    quantization = None if scale is None else Quantization(scale, zero_point)
    return input_table(TensorSpec("image", (1, 8, 8, 3), dtype, quantization), InputRule(mean=mean, std=std))


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "kind"),
    [
        ("uint8", 1 / 128, 128, "identity"),
        ("uint8", 0.003921568859368563, 0, "identity"),
        ("uint8", 1.0, 0, "identity"),
        ("uint8", 1 / 127.5, 127, "identity"),
        ("uint8", None, 0, "identity"),
        ("int8", 1 / 255, -128, "xor"),
        ("int8", 1 / 127.5, -1, "xor"),
        ("int8", 1.0, -128, "xor"),
    ],
)
def test_usual_inputs_take_bytes_as_they_are(
    dtype: DType, scale: float | None, zero_point: int, kind: str
) -> None:
    """Inputs quantised as nearly every model's are take the byte, for int8 with its top bit flipped."""
    made = mapped(dtype, scale, zero_point)
    assert (made.kind, made.warning) == (kind, "")
    assert np.array_equal(made.table, BYTES - (128 if dtype == "int8" else 0))


def test_clipped_range_gets_a_table() -> None:
    """An input that was calibrated to a slightly narrower range gets the exact table."""
    made = mapped("uint8", 0.0075, 128)
    assert made.kind == "table"
    assert made.warning == ""
    assert made.table.tolist() == [
        min(max(math.floor((p - 127.5) / 127.5 / 0.0075 + 0.5) + 128, 0), 255) for p in range(256)
    ]


def test_unknown_normalisation_is_said() -> None:
    """A scale that fits no usual normalisation is reported with the keys to set."""
    warning = mapped("uint8", 0.0186, 114).warning
    assert "input.mean and input.std" in warning
    assert "0.0186" in warning
    assert mapped("uint8", 0.0186, 114, mean=123.675, std=58.4).warning == ""


def test_int8_without_scale_is_doubted() -> None:
    """An int8 input without a scale is fed like any other int8 input, with a warning."""
    made = mapped("int8", None)
    assert made.kind == "xor"
    assert "without a scale" in made.warning


@given(
    dtype=st.sampled_from(["uint8", "int8", "int16"]),
    scale=st.floats(1e-3, 2.0),
    zero_point=st.integers(-128, 127),
    mean=st.floats(-10, 300),
    std=st.floats(0.5, 300),
)
def test_given_normalisation_is_followed(
    dtype: DType, scale: float, zero_point: int, mean: float, std: float
) -> None:
    """With mean and std given, each element is within half a step of the real value, or at the type's limit."""
    made = mapped(dtype, scale, zero_point, mean, std)
    limits = np.iinfo(dtype)
    exact = np.clip((BYTES - mean) / std / scale + zero_point, limits.min, limits.max)
    assert made.table.dtype == dtype
    assert np.abs(made.table - exact).max() <= 0.5 + 1e-9


def test_halves_round_away_from_zero() -> None:
    """A value between two steps goes to the one farther from real zero, as TFLite's QUANTIZE does it."""
    table = mapped("int8", 2.0, 1, mean=3.0, std=1.0).table
    assert table[:7].tolist() == [-1, 0, 0, 1, 2, 2, 3]


def test_given_normalisation_may_still_be_plain() -> None:
    """A given normalisation that amounts to the byte itself costs nothing."""
    assert mapped("uint8", 1 / 255, 0, 0.0, 255.0).kind == "identity"
    assert mapped("int8", 1 / 255, -128, 0.0, 255.0).kind == "xor"


def test_float_input() -> None:
    """A float32 input gets -1..1 unless the manifest says otherwise."""
    assert np.allclose(mapped("float32", None).table, (BYTES - 127.5) / 127.5)
    assert np.array_equal(mapped("float32", None, mean=0.0, std=1.0).table, BYTES.astype(np.float32))
    assert mapped("float32", None).table.dtype == np.float32


def test_luma_is_stretched() -> None:
    """Grey inputs fed from limited-range luma get black from 16 and white from 235."""
    table = for_luma(mapped("uint8", None)).table
    assert (table[0], table[16], table[235], table[255]) == (0, 0, 255, 255)
    assert abs(int(table[126]) - 128) <= 1


@pytest.mark.parametrize(("mean", "std"), [(1.0, None), (None, 1.0), (0.0, 0.0), (0.0, -1.0)])
def test_half_a_normalisation_is_refused(mean: float | None, std: float | None) -> None:
    """Mean without std, std without mean, and std not above zero are errors of the manifest."""
    with pytest.raises(ModelError, match=r"input\.std"):
        mapped("uint8", 1.0, 0, mean, std)


def test_strange_input_type_is_refused() -> None:
    """An input of a type that pixels cannot be put into is refused by name."""
    with pytest.raises(ModelError, match="tensor of bool"):
        mapped("bool", None)


def test_int8_does_not_wrap() -> None:
    """127 with zero point -128 dequantises to 255 steps, not to -1."""
    assert dequantise(np.array([127, -128], np.int8), Quantization(0.5, -128)).tolist() == [127.5, 0.0]
    assert dequantise(np.array([200], np.uint8), None).tolist() == [200.0]


def test_floats_are_dequantised_already() -> None:
    """A float tensor that still carries the scale of its integers is read as it is."""
    assert dequantise(np.array([0.5], np.float32), Quantization(0.1, 3)).tolist() == [0.5]


@given(
    threshold=st.one_of(st.floats(-3, 3), st.floats(allow_nan=True, allow_infinity=True)),
    scale=st.one_of(st.floats(1e-6, 3.0), st.sampled_from([1 / 256, 1 / 255, 0.1])),
    zero_point=st.integers(-128, 255),
    dtype=st.sampled_from(["uint8", "int8"]),
)
def test_threshold_in_integers_is_exact(
    threshold: float, scale: float, zero_point: int, dtype: DType
) -> None:
    """Comparing integers with the quantised threshold passes what comparing real values would pass."""
    limits = np.iinfo(dtype)
    every = np.arange(limits.min, limits.max + 1).astype(dtype)
    quantization = Quantization(scale, zero_point)
    bound = quantised_threshold(threshold, quantization, dtype)
    assert np.array_equal(every >= bound, dequantise(every, quantization) >= threshold)
    assert limits.min <= bound <= limits.max + 1


def test_threshold_of_an_exact_step() -> None:
    """A threshold that an integer meets exactly is met by it."""
    assert quantised_threshold(0.5, Quantization(1 / 256, 0), "uint8") == 128
    assert quantised_threshold(1.0, Quantization(1 / 256, 0), "uint8") == 256
    assert quantised_threshold(7, None, "uint8") == 7
