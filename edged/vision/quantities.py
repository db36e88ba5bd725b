"""The numbers that a `model.yaml` names: its list of `values`, both ways, and their places in the outputs."""

import re
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.vision.manifest import Manifest
from edged.vision.quantity import Quantity
from edged.vision.section import Section

_KEYS = ("name", "unit", "scale", "offset", "range", "output", "index")
_NAME = re.compile(r"[a-z0-9_-]{1,32}")
"""What may stand in a topic."""
MAX_UNIT = 16
MAX_OUTPUT, MAX_INDEX = 1000, 1_000_000
_EXAMPLE = "[{name: pressure, unit: bar, range: [0, 10]}]"


def read_quantities(top: Section) -> tuple[Quantity, ...]:
    """The entries of `values`, with a note for each mistake."""
    entries = top.sections("values")
    if top.data.get("values") is None:
        top.note("values", f"is missing: linear needs what its numbers are, such as {_EXAMPLE}")
    quantities = tuple(_quantity(entry) for entry in entries)
    names = [each.name for each in quantities if each.name]
    for name in sorted({name for name in names if names.count(name) > 1}):
        top.note("values", f"two of them are called {name}")
    return quantities


def _quantity(entry: Section) -> Quantity:
    entry.known(_KEYS)
    name = entry.text("name", required=True)
    if name and not _NAME.fullmatch(name):
        entry.note("name", f"must be 1 to 32 of a-z, 0-9, _ and -, not {name!r}")
    unit = entry.text("unit") if entry.data.get("unit") != "" else ""
    if len(unit) > MAX_UNIT:
        entry.note("unit", f"must be at most {MAX_UNIT} characters, not {len(unit)}")
    scale, offset = entry.real("scale"), entry.real("offset")
    if scale == 0:
        entry.note("scale", "must not be 0")
    low, high = _range(entry)
    return Quantity(
        name=name,
        low=low,
        high=high,
        unit=unit,
        scale=1.0 if scale is None else scale,
        offset=0.0 if offset is None else offset,
        output=_place(entry, "output", MAX_OUTPUT),
        index=_place(entry, "index", MAX_INDEX),
    )


def _range(entry: Section) -> tuple[float, float]:
    """The two ends."""
    if entry.data.get("range") is None:
        entry.note("range", "is missing: it needs the least and the greatest value, such as [0, 10]")
        return 0.0, 1.0
    ends = entry.reals("range")
    if len(ends) != 2 or not ends[0] < ends[1]:  # noqa: PLR2004  low and high
        entry.note(
            "range", f"must be two numbers, the lower one first, such as [0, 10], not {entry.data['range']!r}"
        )
        return 0.0, 1.0
    return ends[0], ends[1]


def _place(entry: Section, key: str, highest: int) -> int | None:
    return None if entry.data.get(key) is None else entry.integer(key, 0, highest, 0)


def plain_quantities(quantities: Sequence[Quantity]) -> list[dict[str, Any]]:
    """The same as plain values; places that are not given are left out."""
    return [
        {"name": each.name, "unit": each.unit, "scale": each.scale, "offset": each.offset}
        | {"range": [each.low, each.high]}
        | {key: place for key in ("output", "index") if (place := getattr(each, key)) is not None}
        for each in quantities
    ]


def place_quantities(manifest: Manifest, outputs: Sequence[TensorSpec]) -> tuple[Quantity, ...]:
    """The quantities with the output and the element of each.

    One without a place is behind the one before it, and goes on with the next output where that one ends; the
    first is the first element of the first output. Raises ModelError for a place that is not there or is taken,
    and where none has a place and there are more elements than names.
    """
    sizes = [prod(spec.shape) for spec in outputs]
    placed: list[Quantity] = []
    taken: dict[tuple[int, int], str] = {}
    output, index = 0, 0
    for each in manifest.values:
        output, index = _next(each, output, index, sizes)
        if output >= len(sizes) or index >= sizes[output]:
            raise _no_place(manifest, each, output, index, outputs)
        if other := taken.get((output, index)):
            what = f"element {index} of output {output} is its value {other} and its value {each.name}"
            raise ModelError(f"model {manifest.name}: {what}", "correct output and index in model.yaml")
        taken[output, index] = each.name
        placed.append(replace(each, output=output, index=index))
        index += 1
    if all(each.output is each.index is None for each in manifest.values) and len(placed) != sum(sizes):
        raise _too_few(manifest, outputs)
    return tuple(placed)


def _next(each: Quantity, output: int, index: int, sizes: Sequence[int]) -> tuple[int, int]:
    """The place that a quantity says, or else the free one."""
    if each.output is not None:
        return each.output, each.index or 0
    if each.index is not None:
        return output, each.index
    while output < len(sizes) and index >= sizes[output]:
        output, index = output + 1, 0
    return output, index


def _no_place(
    manifest: Manifest, each: Quantity, output: int, index: int, outputs: Sequence[TensorSpec]
) -> ModelError:
    if output >= len(outputs):
        what = f"there is no output {output}"
    else:
        what = f"output {output} has no element {index}"
    what = f"model {manifest.name}: {what} for its value {each.name}; it gives {_listed(outputs)}"
    return ModelError(what, "name as many values as there are numbers, or say output and index of each")


def _too_few(manifest: Manifest, outputs: Sequence[TensorSpec]) -> ModelError:
    return ModelError(
        f"model {manifest.name} gives {_listed(outputs)}, but its manifest names {len(manifest.values)} values",
        "name each number under `values` in the order of the outputs, or say output and index of those you want",
    )


def _listed(outputs: Sequence[TensorSpec]) -> str:
    return " and ".join(f"{spec.dtype} {list(spec.shape)}" for spec in outputs)
