"""A bounded account of what a model answered: enough to tell whether another process answered the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.manifest import DecoderName

SAMPLES = 251
"""Values of one output, at most; a prime, so that evenly spaced ones do not all fall on one column of its rows."""
BUDGET = 4000
"""Values of all outputs of one process: what they take as JSON has to fit one message."""
PEAKS = 8
FEWEST = 16
"""Values of one output that are worth telling."""
MOST = 1 << 40
"""No output has more values."""
LISTS: frozenset[DecoderName] = frozenset({"ssd", "yolov10"})
"""Decoders of models that list what they found, best first: of these the beginning is told, not samples."""


@dataclass(frozen=True, slots=True)
class Digest:
    """Values of one output as they are stored, in nine digits."""

    size: int
    """How many values the output has."""
    values: tuple[float, ...]
    """Evenly spaced ones; the first ones of a list."""
    peaks: tuple[tuple[int, float], ...]
    """Place and value of the largest, where `values` are not all."""
    low: float
    high: float
    """Smallest and largest finite value; 0 where there is none."""
    odd: int
    """How many are infinite or no number."""


def places(size: int, number: int) -> NDArray[np.int64]:
    """Where `number` evenly spaced values lie; all places where there are no more."""
    if size <= number:
        return np.arange(size, dtype=np.int64)
    return np.arange(number, dtype=np.int64) * size // number


def digest_outputs(outputs: Sequence[Tensor], decoder: DecoderName, budget: int) -> tuple[Digest, ...]:
    """A digest of each output, of so many values in all; nothing where there are too many outputs for that."""
    number = min(SAMPLES, budget // max(len(outputs), 1) - PEAKS)
    return tuple(_digest(output, decoder, number) for output in outputs) if number >= FEWEST else ()


def digest_places(
    pictures: Sequence[Sequence[Tensor]], decoder: DecoderName, budget: int
) -> tuple[Digest, ...]:
    """A digest of each output of each picture that one invoke takes, picture after picture.

    Where there are too many for the budget it is of fewer pictures, evenly spaced; nothing where not even one fits.
    """
    fitting = budget // (FEWEST + PEAKS) // max(len(pictures[0]), 1)
    told = [pictures[place] for place in places(len(pictures), fitting)]
    return digest_outputs([output for outputs in told for output in outputs], decoder, budget)


def digest_from_wire(data: Mapping[str, Any]) -> Digest:
    """A digest from what `asdict` made of it, after JSON. Raises KeyError, TypeError or ValueError."""
    size = _whole(data["size"])
    if not 0 <= size <= MOST:
        raise ValueError(size)
    return Digest(
        size=size,
        values=tuple(_number(value) for value in data["values"]),
        peaks=tuple((_whole(index), _number(value)) for index, value in data["peaks"]),
        low=_number(data["low"]),
        high=_number(data["high"]),
        odd=_whole(data["odd"]),
    )


def real(digest: Digest, spec: TensorSpec) -> NDArray[np.float64]:
    """The real values that a digest's stored ones stand for."""
    return to_real(np.array(digest.values, np.float64), spec)


def to_real(stored: NDArray[np.float64], spec: TensorSpec) -> NDArray[np.float64]:
    """(stored - zero point) * scale; floats are what they are."""
    if spec.quantization is None or spec.dtype.startswith("float"):
        return stored
    return (stored - spec.quantization.zero_point) * spec.quantization.scale


def _digest(output: Tensor, decoder: DecoderName, number: int) -> Digest:
    flat: NDArray[Any] = output.reshape(-1)
    values = flat[:number] if decoder in LISTS else flat[places(flat.size, number)]
    finite = flat if flat.dtype.kind in "iub" else flat[np.isfinite(flat)]
    return Digest(
        size=flat.size,
        values=tuple(map(_short, values.tolist())),
        peaks=_peaks(flat) if flat.size > number and finite.size == flat.size else (),
        low=_short(finite.min()) if finite.size else 0.0,
        high=_short(finite.max()) if finite.size else 0.0,
        odd=flat.size - finite.size,
    )


def _peaks(flat: Tensor) -> tuple[tuple[int, float], ...]:
    where = np.sort(np.argpartition(flat, -PEAKS)[-PEAKS:]) if flat.size > PEAKS else np.arange(flat.size)
    return tuple((int(index), _short(flat[index])) for index in where)


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(value)
    return value


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError("a number beyond all floats") from error


def _short(value: float) -> float:
    """As many digits as tell any two float32 apart."""
    return float(f"{float(value):.9g}")
