"""YOLO's poses in one tensor: how boxes, class scores and key points share its channels."""

from dataclasses import dataclass

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.vision.labels import Labels
from edged.vision.manifest import Manifest
from edged.vision.yolohead import Layout, check_head, layout_of

BOX = 4
_FIX = "correct keypoints in the manifest, or give the labels of the model"

BETTER = (
    "export it again with a newer Ultralytics, whose TFLite export gives key points as fractions, as it does boxes; "
    "older ones give them in pixels, which leave no steps for scores"
)
"""What to do about a coarse scale."""


@dataclass(frozen=True, slots=True)
class PoseLayout:
    """What the channels of a row are: a box, the classes' scores, then the points."""

    rows: Layout
    classes: int
    numbers: int
    """Of a point: 3 with its score, or 2."""

    @property
    def points(self) -> int:
        """The channel where the points begin."""
        return BOX + self.classes


def pose_layout(spec: TensorSpec, points: int, labels: int) -> PoseLayout | None:
    """How such a head holds this number of points; None where it cannot.

    Points have three numbers, or else two; where `labels`, the number of labels, is not 0, it decides.
    """
    rows = layout_of(spec, "yolov8")
    if rows is None:
        return None
    fits = [(rows.classes - numbers * points, numbers) for numbers in (3, 2)]
    fits = [fit for fit in fits if fit[0] >= 1]
    told = [fit for fit in fits if fit[0] == labels] if labels else fits
    return PoseLayout(rows, *told[0]) if told else None


def check_pose_head(
    spec: TensorSpec, manifest: Manifest, labels: Labels, *, picture: TensorSpec, where: str
) -> PoseLayout:
    """The layout of a pose's head on an input of [1, height, width, channels].

    Raises ModelError where its shape, its number of rows, its scale or its range contradict the manifest, and where
    its channels are no box, classes and points; `where` names the model there.
    """
    rows = check_head(spec, "yolov8", manifest.coordinates, picture=picture, where=where, better=BETTER)
    points = len(manifest.keypoints)
    layout = pose_layout(spec, points, 1 + max(labels.names, default=-1))
    if layout is None:
        named = f" and {len(labels)} classes" if labels.names else ""
        what = f"{rows.classes + BOX} channels are no box with {points} key points{named}"
        raise ModelError(f"model {where}: output {spec.name}: {what}", _FIX)
    return layout
