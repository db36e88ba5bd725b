"""The last steps of every detector that leaves suppression to us: from candidates to objects in the frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.domain.predictions import Detection, Detections
from edged.vision.bounds import within
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
        kept = _have_size(self.edges).nonzero()[0]
        if nms:
            groups = self.classes.take(kept) if nms.per_class else None
            staying = suppress(self.edges.take(kept, axis=0), groups, iou=nms.iou, limit=MOST_DETECTIONS)
            kept = kept[staying]
        return Detections(tuple(self._objects(kept[:MOST_DETECTIONS], labels, plan)))

    def _objects(self, kept: NDArray[np.intp], labels: Labels, plan: FitPlan) -> Iterator[Detection]:
        """Those of which something lies in the frame; only here do numbers become values."""
        points = [()] * len(kept) if self.keypoints is None else self.keypoints[kept].tolist()
        rows = zip(
            self.classes.take(kept).tolist(),
            self.scores.take(kept).tolist(),
            self.edges.take(kept, axis=0).tolist(),
            points,
            strict=True,
        )
        name, in_frame = labels.name, plan.in_frame
        for label_id, score, edges, body in rows:
            box = in_frame(*edges)
            if box.w > 0 and box.h > 0:
                places = keypoints_in_frame(body, plan) if body else ()
                yield Detection(name(label_id), label_id, within(score, 0.0, 1.0), box, places)


def _have_size(edges: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which boxes are finite, and wider and higher than nothing."""
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is dropped for it
        sides = edges[:, 2:] - edges[:, :2]
        sound: NDArray[np.bool_] = (sides > 0) & (sides < np.inf)
    return sound[:, 0] & sound[:, 1]


def edges_around(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n, 4]: left, top, right, bottom of boxes given as the centre's x and y, width, height."""
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows becomes infinite or NaN
        centres, halves = boxes.T[:2], boxes.T[2:] / 2
        return np.concatenate((centres - halves, centres + halves)).T
