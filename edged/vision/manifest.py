"""What must be known about a model before it can be decoded; nothing of it is guessed per frame."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Task = Literal["detection", "classification"]
DecoderName = Literal["ssd", "classification"]
Resize = Literal["stretch", "letterbox", "crop"]
Place = Literal["centre", "corner"]
Colour = Literal["rgb", "bgr"]
Activation = Literal["none", "softmax"]
Background = Literal["none", "first", "last"]

PARTS: Mapping[DecoderName, tuple[str, ...]] = {
    "ssd": ("boxes", "classes", "scores", "count"),
    "classification": ("scores",),
}
"""The parts that outputs play for each decoder."""


@dataclass(frozen=True, slots=True)
class InputRule:
    """How a frame becomes the input tensor."""

    resize: Resize = "stretch"
    """stretch: sides independently; letterbox: whole frame, padded; crop: centre part that fills the tensor."""
    place: Place = "centre"
    """Where a letterboxed frame lies: in the middle, or in the top-left corner (padding right and below)."""
    fill: int = 0
    """Grey value 0..255 of the padding."""
    colour: Colour = "rgb"
    mean: float | None = None
    std: float | None = None
    """real = (pixel - mean) / std; None: deduced once from the tensor's scale and zero point."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of the bundle, by its name inside the bundle's folder."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A bundle's `model.yaml`, given or inferred."""

    name: str
    task: Task
    decoder: DecoderName
    input: InputRule
    roles: tuple[tuple[str, int], ...]
    """Which output index plays which part: scores for classification; boxes, classes, scores, count for ssd."""
    activation: Activation = "none"
    """What the scores still need to become 0..1."""
    background: Background = "none"
    """Whether the class axis has a background entry that is no answer, and at which end."""
    cpu: FileEntry | None = None
    edgetpu: FileEntry | None = None
    labels: FileEntry | None = None
    source: str = ""
    licence: str = ""

    def role(self, name: str) -> int:
        """Index of the output that plays a part; KeyError where the decoder has no such part."""
        return dict(self.roles)[name]
