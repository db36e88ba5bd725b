"""Numbers of a tensor as the raw view shows them: as they are stored, and what they stand for."""

from math import isfinite

import numpy as np
from numpy.typing import NDArray

from edged.ports import Tensor


def highest(values: NDArray[np.float64], limit: int) -> list[int]:
    """Flat indices of the highest values, best first, NaN last, equal ones in the tensor's order."""
    order: list[int] = np.argsort(-values, kind="stable")[:limit].tolist()
    return order


def number(output: Tensor, values: NDArray[np.float64], at: int) -> dict[str, float | str]:
    """A number as it is stored and what it stands for."""
    return {"stored": as_json(output.reshape(-1)[at].item()), "value": as_json(float(values[at]))}


def as_json(number: float) -> float | str:
    """The number, or its name where JSON has none; whole numbers stay whole."""
    return number if isfinite(number) else str(number)
