"""What must be known about a model before it can be decoded; nothing of it is guessed per frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from edged.vision.quantity import Quantity

Task = Literal["detection", "classification", "labels", "value", "text", "pose", "areas"]
DecoderName = Literal[
    "ssd",
    "classification",
    "binary",
    "multilabel",
    "linear",
    "sequence",
    "fcos",
    "yolov5",
    "yolov8",
    "yolov9",
    "yolov10",
    "movenet",
    "yolov8pose",
    "classmap",
]
Resize = Literal["stretch", "letterbox", "crop"]
Place = Literal["centre", "corner"]
Colour = Literal["rgb", "bgr"]
Activation = Literal["none", "softmax", "sigmoid"]
Background = Literal["none", "first", "last"]
Coordinates = Literal["fractions", "pixels"]
Collapse = Literal["ctc", "none"]
Blank = Literal["none", "first", "last"]
OwnKey = Literal["strides", "coordinates", "nms", "values", "collapse", "blank", "keypoints"]

PARTS: Mapping[DecoderName, tuple[str, ...]] = {
    "ssd": ("boxes", "classes", "scores", "count"),
    "classification": ("scores",),
    "binary": ("scores",),
    "multilabel": ("scores",),
    "linear": (),
    "sequence": ("scores",),
    "fcos": ("boxes", "scores"),
    "yolov5": ("head",),
    "yolov8": ("head",),
    "yolov9": ("boxes", "scores"),
    "yolov10": ("head",),
    "movenet": ("keypoints",),
    "yolov8pose": ("head",),
    "classmap": ("map",),
}
"""The parts that outputs play for each decoder; a yolov9 may have `level_parts` instead."""
ACTIVATIONS: Mapping[DecoderName, tuple[Activation, ...]] = {
    "ssd": ("none",),
    "classification": ("none", "softmax"),
    "binary": ("none", "sigmoid"),
    "multilabel": ("none", "sigmoid"),
    "linear": ("none",),
    "sequence": ("none", "softmax"),
    "fcos": ("none", "sigmoid"),
    "yolov5": ("none",),
    "yolov8": ("none",),
    "yolov9": ("none", "sigmoid"),
    "yolov10": ("none",),
    "movenet": ("none",),
    "yolov8pose": ("none",),
    "classmap": ("none",),
}
"""What the scores may still need for each decoder."""
OWN_KEYS: Mapping[DecoderName, tuple[OwnKey, ...]] = {
    "ssd": (),
    "classification": (),
    "binary": (),
    "multilabel": (),
    "linear": ("values",),
    "sequence": ("collapse", "blank"),
    "fcos": ("strides", "nms"),
    "yolov5": ("coordinates", "nms"),
    "yolov8": ("coordinates", "nms"),
    "yolov9": ("strides", "nms"),
    "yolov10": ("coordinates",),
    "movenet": ("keypoints",),
    "yolov8pose": ("coordinates", "nms", "keypoints"),
    "classmap": (),
}
"""What a manifest says only for some decoders."""


def level_parts(strides: Sequence[int]) -> tuple[str, ...]:
    """The parts of a model that gives each level of cells by itself: boxes_8, scores_8, boxes_16 and so on."""
    return tuple(f"{part}_{stride}" for stride in strides for part in ("boxes", "scores"))


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
class NmsRule:
    """Which of several boxes around one object stay, where the graph does not decide it."""

    iou: float = 0.5
    """A box goes whose intersection over union with a better one is above this; 0..1."""
    per_class: bool = True
    """Whether only boxes of the same class make each other go."""


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
    """Which output index plays which part, of those in `PARTS`."""
    activation: Activation = "none"
    """What the scores still need to become 0..1."""
    background: Background = "none"
    """Whether the class axis has a background entry that is no answer, and at which end."""
    strides: tuple[int, ...] = ()
    """Pixels of the input per cell, for each level of cells in the order of the outputs' rows."""
    coordinates: Coordinates = "fractions"
    """Whether a YOLO's boxes are in fractions of the model's input or in its pixels."""
    nms: NmsRule = NmsRule()
    values: tuple[Quantity, ...] = ()
    """What the numbers of a linear model are, in the order of its outputs' elements."""
    collapse: Collapse = "ctc"
    """What a model of steps means by the same class twice in a row: ctc: once; none: twice."""
    blank: Blank = "none"
    """Whether its class axis has an entry that is no character, and at which end."""
    keypoints: tuple[str, ...] = ()
    """Names of the points of a pose, in the model's order."""
    cpu: FileEntry | None = None
    edgetpu: FileEntry | None = None
    labels: FileEntry | None = None
    source: str = ""
    licence: str = ""

    def role(self, name: str) -> int:
        """Index of the output that plays a part; KeyError where the decoder has no such part."""
        return dict(self.roles)[name]
