"""Which of an SSD's four outputs holds the boxes, classes, scores and count, as one calibration invoke shows it.

`fileroles.py` has what the file shows without one; no process that runs models has to read their files for this.
Never decided per frame.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.manifest import PARTS as ALL_PARTS
from edged.vision.quantise import dequantise

Roles = tuple[tuple[str, int], ...]

PARTS = ALL_PARTS["ssd"]
_ASK = "write a model.yaml whose roles say which output holds boxes, classes, scores and count"
_LARGEST_COUNT = 100_000
_SLACK = 0.01
"""How far a quantised score may leave 0..1."""


def parts_by_shape(shapes: Sequence[tuple[int, ...]]) -> tuple[int, int, tuple[int, int]] | None:
    """Index of the boxes, of the count, and of the two others; None where the shapes are no SSD's."""
    boxes = [i for i, shape in enumerate(shapes) if len(shape) == 3 and shape[0] == 1 and shape[2] == 4]  # noqa: PLR2004  [1, N, 4]
    counts = [i for i, shape in enumerate(shapes) if shape in {(), (1,)}]
    if len(boxes) != 1 or len(counts) != 1:
        return None
    rest = [i for i, shape in enumerate(shapes) if shape == shapes[boxes[0]][:2]]
    return (boxes[0], counts[0], (rest[0], rest[1])) if len(rest) == 2 else None  # noqa: PLR2004  classes, scores


def resolve_ssd_roles(specs: Sequence[TensorSpec], outputs: Sequence[Tensor]) -> Roles:
    """The roles by shape and by value, from one calibration invoke; `specs` give the quantisation.

    Classes are whole numbers, scores lie in 0..1 and have a fraction. Raises ModelError where that cannot tell
    them apart, as when all scores are 0 or 1.
    """
    shapes = [tuple(output.shape) for output in outputs]
    parts = parts_by_shape(shapes) if len(outputs) == len(PARTS) else None
    if parts is None:
        raise ModelError(f"the outputs {[list(shape) for shape in shapes]} are no ssd's", _ASK)
    boxes, count, rest = parts
    found = _found(specs[count], outputs[count])
    first, second = (
        dequantise(outputs[index], specs[index].quantization).reshape(-1)[:found] for index in rest
    )
    as_given = _are_whole(first) and _are_scores(second)
    swapped = _are_whole(second) and _are_scores(first)
    if as_given == swapped:
        raise ModelError(
            f"outputs {rest[0]} and {rest[1]} hold classes and scores, but one invoke does not show which is which",
            _ASK,
        )
    classes, scores = rest if as_given else (rest[1], rest[0])
    return (("boxes", boxes), ("classes", classes), ("scores", scores), ("count", count))


def check_ssd_roles(roles: Roles, specs: Sequence[TensorSpec], outputs: Sequence[Tensor]) -> None:
    """Raises ModelError where one calibration invoke contradicts the roles."""
    fault = shape_fault(roles, [tuple(output.shape) for output in outputs]) or _value_fault(
        roles, specs, outputs
    )
    if fault:
        raise ModelError(
            f"the roles do not fit the model: {fault}", "correct the roles in the model's model.yaml"
        )


def shape_fault(roles: Roles, shapes: Sequence[tuple[int, ...]]) -> str:
    """What the shapes say against the roles; those that are still open say nothing."""
    place = dict(roles)
    missing = [f"{part} is output {index}" for part, index in roles if index >= len(shapes)]
    if missing:
        return f"{missing[0]}, but there are {len(shapes)}"
    boxes, classes, scores, count = (shapes[place[part]] for part in PARTS)
    if boxes and (len(boxes) != 3 or boxes[2] != 4):  # noqa: PLR2004  [1, N, 4]
        return f"boxes is output {place['boxes']}, of shape {list(boxes)} instead of [1, N, 4]"
    for part, shape in (("classes", classes), ("scores", scores)):
        if shape and shape != (boxes[:2] or shape):
            return f"{part} is output {place[part]}, of shape {list(shape)} instead of {list(boxes[:2])}"
    if count not in {(), (1,)}:
        return f"count is output {place['count']}, of shape {list(count)} instead of [1]"
    return ""


def _value_fault(roles: Roles, specs: Sequence[TensorSpec], outputs: Sequence[Tensor]) -> str:
    """What the values say against the roles."""
    place = dict(roles)
    classes, scores, count = (
        dequantise(outputs[place[part]], specs[place[part]].quantization) for part in PARTS[1:]
    )
    found = _found(specs[place["count"]], outputs[place["count"]])
    if not _are_whole(count):
        return f"count is output {place['count']}, which holds {float(count.reshape(-1)[0])}"
    if not _are_whole(classes.reshape(-1)[:found]):
        return f"classes is output {place['classes']}, which holds fractions"
    if not _are_scores(scores.reshape(-1)[:found]):
        return f"scores is output {place['scores']}, which leaves 0..1"
    return ""


def _found(spec: TensorSpec, count: Tensor) -> int:
    """How many rows the model filled; TFLite's kernel leaves what it likes in the others."""
    value = float(dequantise(count, spec.quantization).reshape(-1)[0])
    return int(value) if 0 <= value < _LARGEST_COUNT else 0


def _are_whole(values: NDArray[np.float64]) -> bool:
    return bool(np.all(np.isfinite(values)) and np.all(values == np.round(values)) and np.all(values >= 0))


def _are_scores(values: NDArray[np.float64]) -> bool:
    return bool(np.all((values >= -_SLACK) & (values <= 1 + _SLACK)))
