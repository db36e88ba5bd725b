"""Whether two lists of tensors are those of one model."""

from collections.abc import Sequence

from edged.domain.tensors import TensorSpec


def difference(ours: Sequence[TensorSpec], theirs: Sequence[TensorSpec]) -> str:
    """What differs between two lists of tensors, as far as both show it; names may differ."""
    if len(ours) != len(theirs):
        return f"{len(ours)} against {len(theirs)}"
    for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if one.shape and other.shape and one.shape != other.shape:
            return f"number {index} has shape {list(one.shape)} against {list(other.shape)}"
        if one.dtype != other.dtype:
            return f"number {index} is {one.dtype} against {other.dtype}"
        if one.quantization and other.quantization and one.quantization != other.quantization:
            return f"number {index} has another scale or zero point"
    return ""
