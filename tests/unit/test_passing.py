"""Scores are compared with the threshold as they are stored, and exactly so."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.passing import Passing, sigmoid
from tests.unit.tensors import quantizations, real, values

THRESHOLDS = st.sampled_from([0.0, 1e-9, 0.1, 0.3, 0.5, 0.7310585786300049, 0.9999999, 1.0]) | st.floats(0, 1)


def found(
    stored: Tensor, quantization: Quantization | None, threshold: float, *, logits: bool
) -> tuple[list[int], list[float]]:
    spec = TensorSpec("s", stored.shape, stored.dtype.name, quantization)  # type: ignore[arg-type]  # numpy's own name
    indices, scores = Passing(spec, threshold=threshold, sigmoid=logits).find(stored)
    return indices.tolist(), scores.tolist()


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
@settings(max_examples=80)
@given(data=st.data())
def test_same_as_making_all_of_them_real(data: st.DataObject, dtype: DType, logits: bool) -> None:
    """Those pass whose real value reaches the threshold, and no others."""
    quantization = data.draw(quantizations(dtype))
    stored = data.draw(values(dtype, (30,), -40.0, 40.0))
    threshold = data.draw(THRESHOLDS)
    reals: NDArray[np.float64] = real(stored, quantization)
    scores = sigmoid(reals) if logits else reals
    expected = np.flatnonzero(scores >= threshold).tolist()
    assert found(stored, quantization, threshold, logits=logits) == (expected, scores[expected].tolist())


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@given(threshold=st.floats(0.0001, 0.9999))
def test_a_float_threshold_is_not_rounded(dtype: str, threshold: float) -> None:
    """The float nearest to a threshold passes only if it is not below it; both neighbours are right too."""
    near = np.array([threshold]).astype(dtype)
    around = np.concatenate((np.nextafter(near, -np.inf), near, np.nextafter(near, np.inf))).astype(dtype)
    expected = [index for index, value in enumerate(around.tolist()) if value >= threshold]
    assert found(around, None, threshold, logits=False)[0] == expected


@pytest.mark.parametrize("logits", [False, True])
def test_nan_and_infinity_never_pass(logits: bool) -> None:
    """What is no number is no score, even at threshold 0."""
    stored = np.array([np.nan, np.inf, -np.inf, 0.5], np.float32)
    assert found(stored, None, 0.0, logits=logits)[0] == [3]


def test_sixteen_bits() -> None:
    """Scores of int16 are compared as integers too."""
    stored = np.array([-32768, 16383, 16384, 32767], np.int16)
    assert found(stored, Quantization(1 / 32768, 0), 0.5, logits=False) == ([2, 3], [0.5, 32767 / 32768])


def test_out_of_reach() -> None:
    """Where no integer of the type reaches the threshold, none passes; where all do, all pass."""
    stored = np.arange(-128, 128).astype(np.int8)
    assert found(stored, Quantization(0.001, 0), 0.5, logits=False) == ([], [])
    assert len(found(stored, Quantization(0.1, -128), 0.0, logits=False)[0]) == 256


def test_sigmoid_is_the_textbooks() -> None:
    """1 / (1 + exp(-x)), at the ends too, where a naive one overflows."""
    logits = [-1000.0, -20.0, -0.5, 0.0, 3.0, 1000.0]
    expected = [0.0, *(1 / (1 + math.exp(-x)) for x in logits[1:-1]), 1.0]
    assert sigmoid(np.array(logits)).tolist() == pytest.approx(expected, rel=1e-14)
