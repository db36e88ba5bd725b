"""The points of a body: what they are called, which of them are joined, and where they lie in the frame."""

import re
from collections.abc import Iterable, Sequence
from math import isfinite

from edged.domain.predictions import Keypoint
from edged.vision.bounds import within
from edged.vision.fit import FitPlan
from edged.vision.labels import Labels

COCO = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
"""The 17 points of a person in COCO's order, which MoveNet and YOLO's poses have."""
LIMBS = (
    ("left_ankle", "left_knee"), ("left_knee", "left_hip"), ("right_ankle", "right_knee"),
    ("right_knee", "right_hip"), ("left_hip", "right_hip"), ("left_shoulder", "left_hip"),
    ("right_shoulder", "right_hip"), ("left_shoulder", "right_shoulder"), ("left_shoulder", "left_elbow"),
    ("right_shoulder", "right_elbow"), ("left_elbow", "left_wrist"), ("right_elbow", "right_wrist"),
    ("left_eye", "right_eye"), ("nose", "left_eye"), ("nose", "right_eye"), ("left_eye", "left_ear"),
    ("right_eye", "right_ear"), ("left_ear", "left_shoulder"), ("right_ear", "right_shoulder"),
)  # fmt: skip
"""Which of them are joined, as COCO's annotations of persons have it (`skeleton`)."""
MOST_KEYPOINTS = 24
"""An event could not carry more."""
SURE = 0.2
"""Score from which a point is taken to be where it is said: MIN_CROP_KEYPOINT_SCORE of MoveNet's own tutorial."""
PERSON = Labels({0: "person"}, "the decoder")
"""Of a pose with one class that nobody has named."""
_NAME = re.compile("[a-z0-9_-]{1,32}")


def named_keypoints(value: object) -> tuple[str, ...] | None:
    """The names that a manifest gives, if they are 1 to 24 different ids; else None."""
    names = list(value) if isinstance(value, list | tuple) else []
    if not 1 <= len(names) <= MOST_KEYPOINTS:
        return None
    if not all(isinstance(name, str) and _NAME.fullmatch(name) for name in names):
        return None
    return tuple(names) if len(set(names)) == len(names) else None


def usual_names(count: int) -> tuple[str, ...]:
    """COCO's for 17 points; else point_0, point_1 and so on."""
    return COCO if count == len(COCO) else tuple(f"point_{index}" for index in range(count))


def keypoints_in_frame(points: Iterable[Sequence[float]], plan: FitPlan) -> tuple[Keypoint | None, ...]:
    """Each point's x and y, in fractions of the model's input, brought to the frame and clamped, with its score.

    None for a point of which anything is no finite number.
    """
    return tuple(_in_frame(x, y, score, plan) for x, y, score in points)


def _in_frame(x: float, y: float, score: float, plan: FitPlan) -> Keypoint | None:
    if not (isfinite(x) and isfinite(y) and isfinite(score)):
        return None
    spot = plan.in_frame(x, y, x, y)
    return Keypoint(spot.x, spot.y, within(score, 0.0, 1.0))
