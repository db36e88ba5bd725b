"""What a model says about one frame, after dequantisation and labels.

Values of which one frame has many are named tuples: they are made in half the time of a frozen dataclass or less.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from edged.domain.accelerator import Accelerator
from edged.domain.frame import Frame
from edged.domain.geometry import Box


class Keypoint(NamedTuple):
    """A point of a body, such as its nose: a place as fractions of the frame, within 0..1, and its score 0..1."""

    x: float
    y: float
    score: float


class Detection(NamedTuple):
    """One object: label, score 0..1 and its box."""

    label: str
    label_id: int
    score: float
    box: Box
    keypoints: tuple[Keypoint | None, ...] = ()
    """Of a pose, in the model's fixed order; None for one that is no number."""


class Ranked(NamedTuple):
    """One class of a classifier: label and score 0..1."""

    label: str
    label_id: int
    score: float


@dataclass(frozen=True, slots=True)
class Detections:
    """The objects that a detector found, best score first."""

    items: tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class Classification:
    """The classes that a classifier ranks highest, best score first."""

    top: tuple[Ranked, ...]


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The labels that hold for a whole frame, each for itself, best score first."""

    top: tuple[Ranked, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """One value that a model gives, such as a gauge's, in its unit."""

    name: str
    value: float
    unit: str
    """Empty where it has none."""


@dataclass(frozen=True, slots=True)
class Readings:
    """The values of a frame, in the order of the manifest; one that was no number is missing."""

    items: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """What a model reads in a frame; empty where it reads nothing."""

    text: str
    score: float
    """0..1, of the least certain character; for an empty text of the least certain blank."""


@dataclass(frozen=True, slots=True)
class Areas:
    """The classes that cover the picture, the largest first; a score is the fraction of the picture, 0..1."""

    top: tuple[Ranked, ...]


Prediction: TypeAlias = Detections | Classification | LabelSet | Areas | Readings | Text


@dataclass(frozen=True, slots=True)
class ModelId:
    """Which model answered: its name and the first eight hex digits of the file's SHA-256."""

    name: str
    sha: str


@dataclass(frozen=True, slots=True)
class Observation:
    """A prediction with the frame it is about and how it was made."""

    frame: Frame
    prediction: Prediction
    model: ModelId
    accelerator: Accelerator
    invoke_start_ns: int
    invoke_end_ns: int
    """CLOCK_MONOTONIC, as `captured_ns`; of a frame that took several invokes the time is that of all together."""
    region: str = ""
    """The part of the frame that was shown to the model; empty for the whole frame."""


Observations: TypeAlias = tuple[Observation, ...]
"""Of one frame: one of the whole frame, or one of each region in their order."""
