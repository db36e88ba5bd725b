"""How bytes become tensor elements, and how tensor elements become numbers again."""

from bisect import bisect_left
from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edged.domain.errors import ModelError
from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.manifest import InputRule

Norm = tuple[float, float]
USUAL_NORMS: tuple[Norm, ...] = ((0.0, 255.0), (127.5, 127.5), (0.0, 1.0))
"""(mean, std) that models are commonly trained with: pixels as 0..1, -1..1, or 0..255."""

INPUT_DTYPES = frozenset({"uint8", "int8", "int16", "int32", "float32"})
PLAIN_STEPS = 2
"""So near to the plain map (the byte itself), everyone feeds the byte: scale 1/128 with zero point 128 is."""
MISMATCH_STEPS = 16
"""So far from the type's limits, the model was hardly trained with the deduced mean and std."""

SHARE_SLACK = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class InputMap:
    """What each of the 256 byte values becomes in the input tensor."""

    kind: Literal["identity", "xor", "table"]
    """identity: the byte as it is (uint8); xor: the byte with its top bit flipped (int8); table: anything."""
    table: Tensor
    """256 entries of the tensor's dtype; also filled for the two short cuts."""
    warning: str = ""
    """Why this map may be wrong; empty where nothing is in doubt."""


def input_table(spec: TensorSpec, rule: InputRule) -> InputMap:
    """The map for an input tensor, from the rule's mean and std or else from the tensor's own parameters.

    Integers are round(real / scale) + zero_point, clipped to the type, as TFLite's QUANTIZE computes them.
    Raises ModelError for a dtype that pixels cannot be put into and for a half-given normalisation.
    """
    if spec.dtype not in INPUT_DTYPES:
        raise ModelError(
            f"input {spec.name}: pixels cannot be put into a tensor of {spec.dtype}",
            f"use a model whose input is one of {', '.join(sorted(INPUT_DTYPES))}",
        )
    norm = _given(spec, rule)
    if spec.dtype == "float32":
        return InputMap("table", _real(norm or (127.5, 127.5)).astype(np.float32))
    if norm:
        return _shortened(_quantised(_real(norm), spec))
    return _unquantised(spec) if spec.quantization is None else _deduced(spec, spec.quantization)


def for_luma(mapping: InputMap) -> InputMap:
    """The same map for the Y plane of a limited-range frame: luma 16..235 is stretched to 0..255 first."""
    full = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.intp)
    return InputMap("table", mapping.table[full], mapping.warning)


def dequantise(values: Tensor, quantization: Quantization | None) -> NDArray[np.float64]:
    """(integer - zero_point) * scale; widened first, since int8 127 - (-128) would wrap to -1.

    Floats are what they are, also those of a tensor that still has the scale of its integers.
    """
    if values.dtype.kind == "f":
        with np.errstate(invalid="ignore"):  # a NaN that signals becomes one that does not
            return np.multiply(values.astype(np.float64), 1.0)
    wide = values.astype(np.float64)
    if quantization is None:
        return wide
    return (wide - quantization.zero_point) * quantization.scale


def quantised_threshold(threshold: float, quantization: Quantization | None, dtype: DType) -> int:
    """The smallest integer of the type whose dequantised value reaches the threshold.

    One above the type's largest value where none does. Exactly consistent with `dequantise(...) >= threshold`.
    """
    scale, zero_point = (quantization.scale, quantization.zero_point) if quantization else (1.0, 0)
    low, high = _limits(dtype)
    values = range(low, high + 1)
    return low + bisect_left(values, x=True, key=lambda value: (value - zero_point) * scale >= threshold)


def real_range(spec: TensorSpec) -> tuple[float, float]:
    """The lowest and the highest value that the tensor's integers stand for; infinite for floats."""
    if spec.dtype.startswith("float"):
        return -inf, inf
    scale, zero_point = (
        (spec.quantization.scale, spec.quantization.zero_point) if spec.quantization else (1.0, 0)
    )
    low, high = _limits(spec.dtype)
    return (low - zero_point) * scale, (high - zero_point) * scale


def are_shares(low: float, high: float) -> bool:
    """Whether a range of real values is that of probabilities; a quantised one may end a little beyond 0 and 1."""
    return low >= -SHARE_SLACK and high <= 1 + SHARE_SLACK


def _given(spec: TensorSpec, rule: InputRule) -> Norm | None:
    """The rule's mean and std; None where it leaves them open."""
    if rule.mean is None and rule.std is None:
        return None
    if rule.mean is None or rule.std is None or rule.std <= 0:
        raise ModelError(
            f"input {spec.name}: mean {rule.mean} with std {rule.std} is no normalisation",
            "give both input.mean and input.std, std above 0, or neither",
        )
    return rule.mean, rule.std


def _limits(dtype: DType) -> tuple[int, int]:
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def _real(norm: Norm) -> NDArray[np.float64]:
    """The real value of each byte."""
    mean, std = norm
    return (np.arange(256.0) - mean) / std


def _quantised(real: NDArray[np.float64], spec: TensorSpec) -> Tensor:
    """Rounded half away from zero, as C's round() in TFLite; then shifted by the zero point and clipped."""
    scale, zero_point = (
        (spec.quantization.scale, spec.quantization.zero_point) if spec.quantization else (1.0, 0)
    )
    steps = real / scale
    rounded = np.trunc(steps + np.copysign(0.5, steps)) + zero_point
    elements: Tensor = np.clip(rounded, *_limits(spec.dtype)).astype(spec.dtype)
    return elements


def _plain(spec: TensorSpec) -> Tensor:
    """The byte itself, or the byte less 128 for int8."""
    plain: Tensor = (np.arange(256) - (128 if spec.dtype == "int8" else 0)).astype(spec.dtype)
    return plain


def _shortened(table: Tensor, warning: str = "") -> InputMap:
    """The map with its short cut, where the table is one."""
    if table.dtype == np.uint8 and np.array_equal(table, np.arange(256)):
        return InputMap("identity", table, warning)
    if table.dtype == np.int8 and np.array_equal(table, np.arange(-128, 128)):
        return InputMap("xor", table, warning)
    return InputMap("table", table, warning)


def _unquantised(spec: TensorSpec) -> InputMap:
    """Bytes as they are; for int8 the range is a guess."""
    doubt = f"input {spec.name} is int8 without a scale: give input.mean and input.std"
    return _shortened(_plain(spec), doubt if spec.dtype == "int8" else "")


def _deduced(spec: TensorSpec, quantization: Quantization) -> InputMap:
    """The map with the usual mean and std that makes best use of the type's range."""
    low, high = _limits(spec.dtype)

    def misses(norm: Norm) -> tuple[float, float]:
        """Steps by which bytes 0 and 255, unclipped, miss the type's limits."""
        ends = _real(norm)[[0, 255]] / quantization.scale + quantization.zero_point
        return abs(float(ends[0]) - low), abs(float(ends[1]) - high)

    norm = min(USUAL_NORMS, key=lambda each: sum(misses(each)))
    worst = max(misses(norm))
    if worst <= PLAIN_STEPS and spec.dtype in {"uint8", "int8"}:
        return _shortened(_plain(spec))
    return _shortened(_quantised(_real(norm), spec), _doubt(spec, quantization, norm, worst))


def _doubt(spec: TensorSpec, quantization: Quantization, norm: Norm, worst: float) -> str:
    """The warning for a map that wastes or leaves the type's range."""
    if worst <= MISMATCH_STEPS:
        return ""
    return (
        f"input {spec.name}: scale {quantization.scale:g} and zero point {quantization.zero_point} fit no usual "
        f"normalisation (mean {norm[0]:g}, std {norm[1]:g} is the nearest): give input.mean and input.std"
    )
