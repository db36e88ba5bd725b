"""What is looked for on a camera, and what is told about it."""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Discriminator, Field, Tag

from edged.config.fields import (
    Confirm,
    Fraction,
    Id,
    Label,
    Point,
    RegionBox,
    Section,
    kind_of,
    setting,
)
from edged.config.settings_sources import Source
from edged.domain.regions import MOST_REGIONS
from edged.vision.snapshot import MOST_SIDE


class LabelSettings(Section):
    """When one label counts, is confirmed and ends."""

    threshold: Fraction | None = setting(
        "Lowest score that counts, 0 to 1; without it the camera's own threshold.", None, example=0.6
    )
    min_area: Fraction = setting("Smallest box that counts, as a fraction of the frame.", 0.0, example=0.01)
    confirm: Confirm = setting(
        "[N, M]: an object is reported once it was seen in N of the last M frames.", (1, 1), example=[3, 5]
    )
    hold_s: float = setting(
        "Seconds that an object is kept without being seen before it counts as gone.",
        0.0,
        ge=0,
        le=3600,
        example=2,
    )


class ZoneSettings(Section):
    """A named part of the frame; events tell which zones an object stands in."""

    polygon: Annotated[tuple[Point, ...], Field(min_length=3, max_length=100)] = setting(
        "Corners [x, y] in order, as fractions of the frame: [0, 0] is top left, [1, 1] bottom right.",
        example=[[0.1, 0.4], [0.9, 0.4], [1.0, 1.0], [0.0, 1.0]],
    )
    labels: tuple[Label, ...] = setting(
        "Labels that the zone is reported for; an empty list means all.", (), example=["person"]
    )


class PublishSettings(Section):
    """What a camera publishes besides events and states."""

    frame: bool = setting(
        "Publish the detections of each frame under `frame`, for overlays.", default=False, example=True
    )
    frame_max_fps: float = setting(
        "At most so many `frame` messages per second.", 5.0, gt=0, le=240, example=2
    )
    snapshot: bool = setting(
        "Publish a picture under `snapshot` now and then, with what was found in it.",
        default=False,
        example=True,
    )
    snapshot_interval_s: float = setting(
        "Seconds from one `snapshot` to the next.", 30.0, ge=1, le=86400, example=10
    )
    snapshot_side: int = setting(
        "Longest side of a `snapshot` in pixels; a smaller frame keeps its size.",
        640,
        ge=64,
        le=MOST_SIDE,
        example=1280,
    )
    snapshot_max_kb: int = setting(
        "At most so many kilobytes a `snapshot`; it is made of less quality or smaller until it fits.",
        100,
        ge=5,
        le=1000,
        example=250,
    )


class ValueSettings(Section):
    """When a value that the model gives is told."""

    change: float | None = setting(
        "By how much it differs at least from what was told last, in its own unit; "
        "without it by a hundredth of its range.",
        None,
        gt=0,
        le=1e12,
        example=0.05,
    )
    smooth: int = setting("It is the median of so many of the last readings.", 3, ge=1, le=100, example=5)


class TextSettings(Section):
    """When a text that the model reads is told."""

    confirm: Confirm = setting(
        "[N, M]: a text is told once it was read in N of the last M frames.", (1, 1), example=[3, 5]
    )
    hold_s: float = setting(
        "Seconds that a text is kept without being read before it counts as gone.",
        0.0,
        ge=0,
        le=3600,
        example=2,
    )


LabelRules: TypeAlias = Annotated[
    LabelSettings | None, AfterValidator(lambda settings: settings or LabelSettings())
]
"""A label with nothing after its colon has the defaults."""
Labels: TypeAlias = Annotated[
    Annotated[dict[Label, LabelRules], Tag("<section>")] | Annotated[tuple[Label, ...], Tag("<list>")],
    Discriminator(kind_of("<section>", "<section>", "<list>")),
]


class CameraSettings(Section):
    """One camera: where its frames come from and what is done with them."""

    source: Source = setting("Where the frames come from.")
    model: Id = setting("Name of the model, one of those under `models`.", example="objects")
    accelerator: Id = setting(
        "Name of the accelerator, one of those under `accelerators`.", "main", example="main"
    )
    threshold: Fraction | None = setting(
        "Lowest score that counts, 0 to 1; without it 0.5, or 0.01 of the picture for areas.",
        None,
        example=0.6,
    )
    top_k: int = setting("How many classes a classifier reports at most.", 3, ge=1, le=100, example=5)
    labels: Labels = setting(
        "Labels to report, as a list or as a section with rules for each; empty means every label of the model.",
        default_factory=dict,
        example={"person": {"threshold": 0.6, "confirm": [3, 5], "hold_s": 2}},
    )
    zones: dict[Id, ZoneSettings] = setting("Named parts of the frame.", default_factory=dict)
    values: dict[Id, ValueSettings] = setting(
        "Rules for the values of a model that gives some, by their names; all of them are told.",
        default_factory=dict,
        example={"pressure": {"change": 0.05, "smooth": 5}},
    )
    text: TextSettings = setting(
        "Rules for the text of a model that reads one.", default_factory=TextSettings
    )
    event_interval_s: float | None = setting(
        "Seconds that events of one value, of the text, of the class or of the set of labels or areas lie apart at "
        "least; what changes meanwhile is told when they are over. Without it 5 for values and areas, else 0.",
        None,
        ge=0,
        le=3600,
        example=60,
    )
    regions: Annotated[dict[Id, RegionBox], Field(max_length=MOST_REGIONS)] = setting(
        "Parts of the frame by name, as [x, y, width, height] in fractions of the frame: each one is shown to the "
        "model by itself, and reported by its name. Without any the model sees the whole frame.",
        default_factory=dict,
        example={"dial": [0.1, 0.2, 0.3, 0.4]},
    )
    deadline_s: float | None = setting(
        "Seconds without a new frame after which the camera is restarted; "
        "without it 10, or three frames where that is more.",
        None,
        ge=1,
        le=3600,
        example=30,
    )
    publish: PublishSettings = setting(
        "What is published besides events and states.", default_factory=PublishSettings
    )

    @property
    def label_settings(self) -> Mapping[str, LabelSettings]:
        """The rules by label, however they were written; empty means every label of the model."""
        if isinstance(self.labels, dict):
            return {label: rules or LabelSettings() for label, rules in self.labels.items()}
        return {label: LabelSettings() for label in self.labels}
