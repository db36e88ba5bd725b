"""The last steps of every detector that leaves suppression to us: from candidates to objects in the frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.domain.predictions import Detection, Detections
from edged.vision.fit import FitPlan
from edged.vision.keypoints import keypoints_in_frame
from edged.vision.labels import Labels
from edged.vision.manifest import NmsRule
from edged.vision.nms import suppress

MOST_CANDIDATES = 300
"""Scores that suppression looks at, the best ones of those that pass."""
MOST_DETECTIONS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What reaches the threshold, best score first."""

    edges: NDArray[np.float64]
    """[n, 4]: left, top, right, bottom as fractions of the model's input; NaN and infinity may be among them."""
    classes: NDArray[np.intp]
    """[n]"""
    scores: NDArray[np.float64]
    """[n]: finite, not clamped."""
    keypoints: NDArray[np.float64] | None = None
    """[n, K, 3] of a pose: x and y as fractions of the model's input, and the point's score."""

    def detections(self, labels: Labels, plan: FitPlan, nms: NmsRule | None) -> Detections:
        """At most 100 objects in boxes of the frame, in the same order.

        Those are dropped whose box is not finite or has no size; then those that suppression drops, which sees
        the boxes as the model gives them; then those of which nothing lies in the frame.
        """
        sound = np.flatnonzero(_have_size(self.edges))
        if nms:
            groups = self.classes[sound] if nms.per_class else None
            sound = sound[suppress(self.edges[sound], groups, iou=nms.iou, limit=MOST_DETECTIONS)]
        sound = sound[:MOST_DETECTIONS]
        classes, scores = self.classes[sound].tolist(), self.scores[sound].tolist()
        points = [()] * len(sound) if self.keypoints is None else self.keypoints[sound].tolist()
        rows = zip(classes, scores, self.edges[sound].tolist(), points, strict=True)
        found = (_detection(*row, labels, plan) for row in rows)
        return Detections(tuple(filter(None, found)))


def _detection(
    label_id: int,
    score: float,
    edges: list[float],
    points: Sequence[Sequence[float]],
    labels: Labels,
    plan: FitPlan,
) -> Detection | None:
    """One object; None where nothing of its box lies in the frame."""
    box = plan.in_frame(*edges)
    if not (box.w > 0 and box.h > 0):
        return None
    score = min(max(score, 0.0), 1.0)
    return Detection(labels.name(label_id), label_id, score, box, keypoints_in_frame(points, plan))


def _have_size(edges: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which boxes are finite, and wider and higher than nothing."""
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is dropped for it
        sides = edges[:, 2:] - edges[:, :2]
    return np.asarray(np.logical_and(np.isfinite(sides), sides > 0).all(axis=1), np.bool_)


def edges_around(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n, 4]: left, top, right, bottom of boxes given as the centre's x and y, width, height."""
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows becomes infinite or NaN
        centres, halves = boxes[:, :2], boxes[:, 2:] / 2
        return np.concatenate((centres - halves, centres + halves), axis=1)
