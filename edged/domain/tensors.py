"""What a model's tensors are: shape, dtype and quantisation."""

from dataclasses import dataclass
from typing import Literal

DType = Literal["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "bool"]


@dataclass(frozen=True, slots=True)
class Quantization:
    """The affine map of a quantised tensor: real = (integer - zero_point) * scale."""

    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor of a model, as the runtime reports it."""

    name: str
    shape: tuple[int, ...]
    """Empty where the model leaves it open until the first invoke."""
    dtype: DType
    quantization: Quantization | None
    """None for a tensor that is not quantised (TFLite writes scale 0)."""
