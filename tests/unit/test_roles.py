"""One calibration invoke shows which output of an SSD plays which part."""

from typing import Any

import numpy as np
import pytest

from edged.domain.errors import ModelError
from edged.domain.tensors import Quantization, TensorSpec
from edged.vision.roles import check_ssd_roles, resolve_ssd_roles


def specs(*dtypes: str) -> list[TensorSpec]:
    return [TensorSpec("", (), dtype, None) for dtype in dtypes]  # type: ignore[arg-type]  # from a tuple of words


FLOATS = specs("float32", "float32", "float32", "float32")
BOXES = np.full((1, 3, 4), 0.5, np.float32)
COUNT = np.array([3], np.float32)


def row(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


@pytest.mark.parametrize(
    ("classes", "confidences"),
    [
        (row(17, 3, 0), row(0.9, 0.5, 0.1)),
        (row(0, 0, 0), row(0.9, 0.0, 0.0)),
        (row(0, 1, 0), row(1.0, 0.5, 0.0)),
        (row(17, 0, 0), row(1.0, 0.0, 0.0)),
    ],
)
def test_calibration_shows_the_roles(classes: Any, confidences: Any) -> None:
    """Shapes tell boxes and count, values tell classes from scores, in any order of the outputs."""
    outputs = [confidences, COUNT, classes, BOXES]
    roles = resolve_ssd_roles(FLOATS, outputs)
    assert dict(roles) == {"boxes": 3, "classes": 2, "scores": 0, "count": 1}
    check_ssd_roles(roles, FLOATS, outputs)


def test_calibration_looks_only_at_found_objects() -> None:
    """What lies behind the count is left over in memory and tells nothing."""
    outputs = [BOXES, row(4, 0.5, -7e9), row(0.5, 9, np.nan), np.array([1], np.float32)]
    roles = resolve_ssd_roles(FLOATS, outputs)
    assert dict(roles) == {"boxes": 0, "classes": 1, "scores": 2, "count": 3}
    check_ssd_roles(roles, FLOATS, outputs)


def test_calibration_reads_quantised_outputs() -> None:
    """Quantised scores count by the values that they stand for."""
    quantised = [FLOATS[0], FLOATS[1], TensorSpec("", (), "uint8", Quantization(1 / 256, 0)), FLOATS[3]]
    outputs = [BOXES, row(1, 2, 3), np.array([[255, 128, 0]], np.uint8), COUNT]
    assert dict(resolve_ssd_roles(quantised, outputs))["scores"] == 2


@pytest.mark.parametrize(
    "outputs",
    [
        [BOXES, row(0, 1, 0), row(1, 0, 0), COUNT],
        [BOXES, row(0.5, 1.5, 0), row(0.5, 1, 0), COUNT],
        [BOXES, row(1, 2, 3), row(0.5, 0.5, 0.5), np.array([0], np.float32)],
        [BOXES, BOXES, row(1, 2, 3), COUNT],
        [BOXES, row(1, 2, 3), COUNT],
    ],
)
def test_calibration_that_cannot_tell_asks_for_a_manifest(outputs: Any) -> None:
    """Scores of exactly 0 and 1, or no objects at all, are no evidence: a manifest is asked for."""
    with pytest.raises(ModelError) as caught:
        resolve_ssd_roles(FLOATS[: len(outputs)], outputs)
    assert "model.yaml" in caught.value.fix


@pytest.mark.parametrize(
    ("outputs", "why"),
    [
        ([row(1, 2, 3), BOXES, row(0.5, 0.5, 0.5), COUNT], "boxes is output 0, of shape"),
        ([BOXES, row(0.5, 2, 3), row(0.5, 0.5, 0.5), COUNT], "classes is output 1, which holds fractions"),
        ([BOXES, row(1, 2, 3), row(1, 2, 3), COUNT], "scores is output 2, which leaves 0..1"),
        ([BOXES, row(1, 2, 3), COUNT, row(0.5, 0.5, 0.5)], "scores is output 2, of shape"),
        ([BOXES, row(1, 2, 3), row(0.5, 0.5, 0.5), COUNT + 0.5], "count is output 3, which holds 3.5"),
        ([BOXES, row(1, 2, 3), row(0.5, 0.5, 0.5)], "count is output 3, but there are 3"),
    ],
)
def test_wrong_roles_are_found_at_start(outputs: Any, why: str) -> None:
    """Roles that the calibration invoke contradicts are refused with the output that gives it away."""
    roles = (("boxes", 0), ("classes", 1), ("scores", 2), ("count", 3))
    with pytest.raises(ModelError, match="do not fit") as caught:
        check_ssd_roles(roles, FLOATS[: len(outputs)], outputs)
    assert why in caught.value.what
