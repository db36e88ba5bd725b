"""Tensors as models might give them, and their textbook reading, which the decoders are held against."""

from typing import cast

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.ports import Tensor

SCALES = st.sampled_from([1 / 256, 1 / 255, 0.0078125, 0.003921568859368563, 0.1, 0.75, 0.0372])
ZERO_POINTS = {"uint8": [0, 127, 128, 255, 3], "int8": [-128, 0, 127, -1, 5]}


def quantizations(dtype: DType) -> st.SearchStrategy[Quantization | None]:
    """Odd scales and zero points of an integer type; None for floats, and now and then for integers."""
    if dtype == "float32":
        return st.none()
    known = st.builds(Quantization, SCALES, st.sampled_from(ZERO_POINTS[dtype]))
    return st.one_of(known, known, known, st.none())


def values(
    dtype: DType, shape: tuple[int, ...], low: float = -4.0, high: float = 4.0
) -> st.SearchStrategy[Tensor]:
    """Any values of the type; floats within the bounds."""
    if dtype == "float32":
        return hnp.arrays(np.float32, shape, elements=st.floats(low, high, width=32))
    return hnp.arrays(np.dtype(dtype), shape)


def real(tensor: Tensor, quantization: Quantization | None) -> NDArray[np.float64]:
    """Dequantised, one element after the other, in Python's own integers."""
    scale, zero = (quantization.scale, quantization.zero_point) if quantization else (1.0, 0)
    return np.array([(item - zero) * scale for item in tensor.reshape(-1).tolist()]).reshape(tensor.shape)


def spec_of(name: str, tensor: Tensor, quantization: Quantization | None) -> TensorSpec:
    """What a runtime would report of the tensor."""
    return TensorSpec(name, tensor.shape, cast(DType, tensor.dtype.name), quantization)
