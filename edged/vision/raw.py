"""What a model really said: stored numbers, their real values, and what softmax or sigmoid made of them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.manifest import Activation, Manifest
from edged.vision.passing import sigmoid
from edged.vision.quantise import dequantise
from edged.vision.quantity import Quantity
from edged.vision.raw_reading import (
    LARGE,
    name_values,
    step_places,
    step_shares,
    summary,
    value_places,
    values_by_output,
)
from edged.vision.rawnumbers import as_json as _json
from edged.vision.rawnumbers import highest as _highest
from edged.vision.rawnumbers import number as _number
from edged.vision.rawshapes import explain_shape
from edged.vision.sequence import steps_and_classes
from edged.vision.softmax import softmax
from edged.vision.splithead import BINS
from edged.vision.yolohead import LEADING, layout_of


def explain(
    outputs: Sequence[Tensor], specs: Sequence[TensorSpec], manifest: Manifest, *, limit: int = 10
) -> list[dict[str, Any]]:
    """One JSON-able object for each output, in the model's order.

    Scores show their highest `limit` values, other outputs their first. Each has its `index` in the tensor,
    the `stored` number, the dequantised `value`, and `softmax` or `sigmoid` where the decoder applies it. The scores
    of a YOLO's head have their row's `box` with them, stored and real, and for yolov5 its `objectness`; they are
    ranked by what they become with it. A sequence shows the best class of each step; the named values of a linear
    model have their `name` and `unit`, and as `scaled` what was made of them. A tensor of more than 1,000 elements
    has a `summary` of all of them. A pose's points come by name, and of a map of classes how many cells each has. What JSON has no number for is written as the text nan, inf or -inf.
    """
    roles = {index: role for role, index in manifest.roles}
    named = values_by_output(manifest, specs)
    return [
        _explain_output(output, spec, roles.get(index, ""), manifest, limit, named.get(index, ()))
        for index, (output, spec) in enumerate(zip(outputs, specs, strict=True))
    ]


def _explain_output(
    output: Tensor,
    spec: TensorSpec,
    role: str,
    manifest: Manifest,
    limit: int,
    named: Sequence[Quantity],
) -> dict[str, Any]:
    values = dequantise(output.reshape(-1), spec.quantization)
    order, shown = explain_shape(output, spec, values, role, manifest, limit) or _shown(
        output, spec, values, role, manifest, limit, named
    )
    return {
        "name": spec.name,
        "role": "values" if named else role,
        "dtype": spec.dtype,
        "shape": list(output.shape),
        "scale": spec.quantization.scale if spec.quantization else None,
        "zero_point": spec.quantization.zero_point if spec.quantization else None,
        "order": order,
        "values": shown,
        **({"summary": summary(values)} if values.size > LARGE else {}),
    }


def _shown(
    output: Tensor,
    spec: TensorSpec,
    values: NDArray[np.float64],
    role: str,
    manifest: Manifest,
    limit: int,
    named: Sequence[Quantity],
) -> tuple[str, list[dict[str, Any]]]:
    """In which order elements are shown, and those."""
    match manifest.decoder, role:
        case _, "head":
            return "highest", _head_values(output, spec, values, manifest, limit)
        case "linear", _ if named:
            return "first", _named_values(output, values, named, limit)
        case "sequence", "scores" if found := steps_and_classes(spec):
            return "steps", _steps(output, values, manifest, found[1])
    order = "highest" if _is_scores(role) else "first"
    return order, _values(output, values, _shares(values, role, manifest), _is_scores(role), limit)


def _named_values(
    output: Tensor, values: NDArray[np.float64], named: Sequence[Quantity], limit: int
) -> list[dict[str, Any]]:
    places = value_places(output.size, named, limit)
    shown = _entries(output, values, {}, places)
    name_values(shown, places, values, named)
    return shown


def _steps(
    output: Tensor, values: NDArray[np.float64], manifest: Manifest, classes: int
) -> list[dict[str, Any]]:
    """The best class of each step."""
    shares = {"softmax": step_shares(values, classes)} if manifest.activation == "softmax" else {}
    return _entries(output, values, shares, step_places(values, classes))


def _values(
    output: Tensor,
    values: NDArray[np.float64],
    shares: dict[str, NDArray[np.float64]],
    highest: bool,
    limit: int,
) -> list[dict[str, Any]]:
    """The highest values, or the first, each with its shares."""
    places = _highest(values, limit) if highest else range(min(limit, output.size))
    return _entries(output, values, shares, places)


def _entries(
    output: Tensor,
    values: NDArray[np.float64],
    shares: dict[str, NDArray[np.float64]],
    places: Iterable[int],
) -> list[dict[str, Any]]:
    """The elements at these flat indices."""
    return [
        {
            "index": [int(each) for each in np.unravel_index(at, output.shape)],
            **_number(output, values, at),
            **{name: _json(float(each[at])) for name, each in shares.items()},
        }
        for at in places
    ]


def _head_values(
    output: Tensor, spec: TensorSpec, values: NDArray[np.float64], manifest: Manifest, limit: int
) -> list[dict[str, Any]]:
    """The highest scores of a YOLO's rows, each with its row's box."""
    layout = layout_of(spec, manifest.decoder)
    if layout is None:  # an output that is no such head is shown as it is
        return _values(output, values, {}, highest=False, limit=limit)
    places = layout.rows_of(np.arange(output.size).reshape(output.shape)).astype(np.intp)
    first = 4 if manifest.decoder == "yolov10" else LEADING[manifest.decoder]
    scores = places[:, first : None if layout.classes else first + 1]
    ranks = values[scores]
    if manifest.decoder == "yolov5":
        ranks = ranks * values[places[:, 4:5]]
    shown = []
    for rank in _highest(ranks.reshape(-1), limit):
        row, column = divmod(rank, scores.shape[1])
        at, box = int(scores[row, column]), places[row, :4].tolist()
        entry: dict[str, Any] = {
            "index": [int(each) for each in np.unravel_index(at, output.shape)],
            **_number(output, values, at),
            "box": [_number(output, values, each) for each in box],
        }
        if manifest.decoder == "yolov5":
            entry["objectness"] = _number(output, values, int(places[row, 4]))
        shown.append(entry)
    return shown


def _is_scores(role: str) -> bool:
    """Whether it is the scores' role, of all levels or of one."""
    return role.startswith("scores")


def _shares(values: NDArray[np.float64], role: str, manifest: Manifest) -> dict[str, NDArray[np.float64]]:
    """What the decoder makes of all values, by the name of the function; empty where it takes them as they are."""
    if _is_scores(role) and manifest.activation != "none":
        return {manifest.activation: _activated(values, manifest.activation)}
    if manifest.decoder == "yolov9" and role.startswith("boxes") and values.size % BINS == 0:
        return {"softmax": softmax(values.reshape(-1, BINS)).reshape(-1)}
    return {}


def _activated(values: NDArray[np.float64], activation: Activation) -> NDArray[np.float64]:
    return softmax(values) if activation == "softmax" else sigmoid(values)
