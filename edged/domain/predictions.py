"""What a model says about one frame, after dequantisation and labels."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from edged.domain.frame import Frame
from edged.domain.geometry import Box

Accelerator = Literal["edgetpu", "cpu"]


@dataclass(frozen=True, slots=True)
class Detection:
    """One object: label, score 0..1 and its box."""

    label: str
    label_id: int
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class Ranked:
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


Prediction: TypeAlias = Detections | Classification | LabelSet


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
