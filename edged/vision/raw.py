"""What a model really said: stored numbers, their real values, and what softmax made of them."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.classification import softmax
from edged.vision.manifest import Manifest
from edged.vision.quantise import dequantise


def explain(
    outputs: Sequence[Tensor], specs: Sequence[TensorSpec], manifest: Manifest, *, limit: int = 10
) -> list[dict[str, Any]]:
    """One JSON-able object for each output, in the model's order.

    Scores show their highest `limit` values, other outputs their first. Each has its `index` in the tensor,
    the `stored` number, the dequantised `value`, and `softmax` where the manifest asks for it. What JSON has
    no number for is written as the text nan, inf or -inf.
    """
    roles = {index: role for role, index in manifest.roles}
    return [
        _explain_output(output, spec, roles.get(index, ""), manifest, limit)
        for index, (output, spec) in enumerate(zip(outputs, specs, strict=True))
    ]


def _explain_output(
    output: Tensor, spec: TensorSpec, role: str, manifest: Manifest, limit: int
) -> dict[str, Any]:
    stored = output.reshape(-1)
    values = dequantise(stored, spec.quantization)
    shares = softmax(values) if role == "scores" and manifest.activation == "softmax" else None
    shown = _highest(values, limit) if role == "scores" else range(min(limit, stored.size))
    return {
        "name": spec.name,
        "role": role,
        "dtype": spec.dtype,
        "shape": list(output.shape),
        "scale": spec.quantization.scale if spec.quantization else None,
        "zero_point": spec.quantization.zero_point if spec.quantization else None,
        "order": "highest" if role == "scores" else "first",
        "values": [
            {
                "index": [int(each) for each in np.unravel_index(at, output.shape)],
                "stored": _json(stored[at].item()),
                "value": _json(float(values[at])),
                **({} if shares is None else {"softmax": _json(float(shares[at]))}),
            }
            for at in shown
        ],
    }


def _highest(values: NDArray[np.float64], limit: int) -> list[int]:
    """Flat indices of the highest values, best first, NaN last, equal ones in the tensor's order."""
    order: list[int] = np.argsort(-values, kind="stable")[:limit].tolist()
    return order


def _json(number: float) -> float | str:
    """The number, or its name where JSON has none; whole numbers stay whole."""
    return number if isfinite(number) else str(number)
