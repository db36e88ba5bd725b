"""What models of values and of text really said, and a summary of a tensor that is too large to be shown."""

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.domain.tensors import TensorSpec
from edged.vision.manifest import Manifest
from edged.vision.quantities import place_quantities
from edged.vision.quantity import Quantity
from edged.vision.sequence import best_classes
from edged.vision.softmax import softmax

MOST_STEPS = 100
LARGE = 1000
"""Elements beyond which a tensor is summed up."""


def values_by_output(manifest: Manifest, specs: Sequence[TensorSpec]) -> Mapping[int, list[Quantity]]:
    """The named values of a linear model by their output; empty for other models."""
    found: dict[int, list[Quantity]] = {}
    for each in place_quantities(manifest, specs) if manifest.decoder == "linear" else ():
        found.setdefault(each.output or 0, []).append(each)
    return found


def value_places(size: int, named: Iterable[Quantity], limit: int) -> list[int]:
    """The first elements, and all that have a name."""
    return sorted({*range(min(limit, size)), *(each.index or 0 for each in named)})


def name_values(
    shown: Sequence[dict[str, Any]],
    places: Sequence[int],
    values: NDArray[np.float64],
    named: Iterable[Quantity],
) -> None:
    """Adds to each shown element that has a name its name, its unit, and what scale, offset and range make of it."""
    by_index = {each.index: each for each in named}
    for entry, at in zip(shown, places, strict=True):
        quantity, number = by_index.get(at), float(values[at])
        if quantity:
            scaled = "nan" if isnan(number) else quantity.of(number)
            entry |= {"name": quantity.name, "scaled": scaled, "unit": quantity.unit}


def step_places(values: NDArray[np.float64], classes: int) -> list[int]:
    """The flat index of the best class of each step, at most of the first hundred."""
    best, _ = best_classes(values.reshape(-1, classes)[:MOST_STEPS], softmax=False)
    places: list[int] = (np.maximum(best, 0) + np.arange(len(best)) * classes).tolist()
    return places


def step_shares(values: NDArray[np.float64], classes: int) -> NDArray[np.float64]:
    """Softmax of each step, flat."""
    return softmax(values.reshape(-1, classes)).reshape(-1)


def summary(values: NDArray[np.float64]) -> dict[str, Any]:
    """How many numbers a tensor has, how many of them are NaN, and the ends and the mean of the finite ones."""
    finite = values[np.isfinite(values)]
    told: dict[str, Any] = {"count": values.size, "nan": int(np.isnan(values).sum())}
    if finite.size:
        ends = {"lowest": float(np.min(finite)), "highest": float(np.max(finite))}
        told |= {**ends, "mean": float(np.mean(finite))}
    return told
