"""Poses as the product reads them, and as a textbook does, in Python's own numbers."""

import math

import pytest

from edged.domain.predictions import Detection, Detections, Keypoint
from edged.domain.tensors import Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.decoding import make_decoder
from edged.vision.fit import FitPlan, plan_fit
from edged.vision.labels import Labels
from edged.vision.manifest import Coordinates, InputRule, Manifest, NmsRule
from tests.unit.tensors import spec_of
from tests.unit.textbook import LABELS, Row, around, in_frame

Point = tuple[float, float, float]
"""x, y as fractions of the frame, and the score."""
PLAIN = NmsRule()
NAMES = ("head", "hand", "tip", "tail", "wing")


def decode(
    output: Tensor,
    scale: Quantization | None = None,
    plan: FitPlan | None = None,
    *,
    points: int,
    labels: Labels = LABELS,
    threshold: float = 0.5,
    coordinates: Coordinates = "fractions",
    nms: NmsRule = PLAIN,
    movenet: bool = False,
    size: tuple[int, int] = (32, 32),
) -> tuple[Detection, ...]:
    """The detections of the product, on an input of this width and height in pixels."""
    manifest = Manifest(
        "m",
        "pose",
        "movenet" if movenet else "yolov8pose",
        InputRule(),
        (("keypoints" if movenet else "head", 0),),
        coordinates=coordinates,
        nms=nms,
        keypoints=tuple(f"{NAMES[at % 5]}{at}" for at in range(points)),
    )
    decoder = make_decoder(
        manifest,
        [spec_of("head", output, scale)],
        labels,
        threshold=threshold,
        top_k=1,
        picture=TensorSpec("picture", (1, size[1], size[0], 3), "int8", None),
    )
    prediction = decoder.decode([output], plan or plan_fit(*size, *size, InputRule()))
    assert isinstance(prediction, Detections)
    return prediction.items


def placed(x: float, y: float, score: float, plan: FitPlan) -> Point | None:
    """A point given in fractions of the input, brought to the frame; None where it is no number."""
    if not all(map(math.isfinite, (x, y, score))):
        return None
    left, top, _, _ = in_frame(around((x, y, 0, 0), 32, 32), plan)
    return left, top, min(max(score, 0.0), 1.0)


def same_points(found: tuple[Keypoint | None, ...], expected: list[Point | None]) -> None:
    """Places to 1e-5, scores to 1e-6."""
    assert len(found) == len(expected)
    for point, wanted in zip(found, expected, strict=True):
        if wanted is None or point is None:
            assert wanted is None and point is None  # noqa: PT018  both or none
        else:
            assert (point.x, point.y) == pytest.approx(wanted[:2], abs=1e-5)
            assert point.score == pytest.approx(wanted[2], abs=1e-6)


def box_key(row: Row) -> tuple[float, ...]:
    """What tells one row from another."""
    return (row.label_id, row.score, *row.box)
