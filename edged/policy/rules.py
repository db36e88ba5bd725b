"""What the configuration says counts on a camera."""

from collections.abc import Mapping
from dataclasses import dataclass, field

TEXT = "text"
"""The name of a text among a camera's readings."""
DEFAULT_THRESHOLDS = {"areas": 0.01}
"""By task, where the configuration gives none: a score of areas is a part of the picture; 0.5 for all others."""
DEFAULT_INTERVALS_S = {"value": 5.0, "areas": 5.0}
"""By task, where the configuration gives none: what is measured may differ in every frame; 0 for all others."""


def default_threshold(task: str) -> float:
    """The lowest score that counts where the configuration says nothing, 0..1."""
    return DEFAULT_THRESHOLDS.get(task, 0.5)


def default_interval_s(task: str) -> float:
    """How far events of one thing lie apart at least where the configuration says nothing, in seconds."""
    return DEFAULT_INTERVALS_S.get(task, 0.0)


@dataclass(frozen=True, slots=True)
class LabelRule:
    """When a label counts, when it is confirmed and how long it is kept."""

    threshold: float
    """Lowest score that counts, 0..1."""
    min_area: float = 0.0
    """Smallest box that counts, as a fraction of the frame."""
    confirm: tuple[int, int] = (1, 1)
    """N of the last M judged frames, 1 <= N <= M; a frame that was dropped on the way is not judged."""
    hold_s: float = 0.0
    """How long it is kept without being seen, in capture time; 0 ends it at the first frame without it."""

    @property
    def hold_ns(self) -> int:
        """`hold_s` in the unit of `captured_ns`."""
        return round(self.hold_s * 1e9)


@dataclass(frozen=True, slots=True)
class ValueRule:
    """When a value of the model is told."""

    change: float
    """By how much it differs at least from the value that was told last, in its own unit; above 0."""
    smooth: int = 3
    """How many of the last readings it is the median of, 1 or more."""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Zone:
    """A named part of the frame; it tells where an object stands and never hides one."""

    name: str
    polygon: tuple[tuple[float, float], ...]
    """Corners (x, y) as fractions of the frame, in order, closed by itself."""
    labels: frozenset[str] = frozenset()
    """Labels that the zone is reported for; empty means all."""


@dataclass(frozen=True, slots=True)
class CameraRules:
    """All rules of one camera."""

    default: LabelRule
    labels: Mapping[str, LabelRule] = field(default_factory=dict)
    """Only these labels are reported; empty means every label of the model, by the default rule."""
    zones: tuple[Zone, ...] = ()
    iou: float = 0.3
    """Least overlap of a box with an object's last box for it to be the same object, 0..1."""
    values: Mapping[str, ValueRule] = field(default_factory=dict)
    """Each value that the model gives, by its name."""
    text: LabelRule | None = None
    """When a text counts, is confirmed and ends; None where the model reads none."""
    event_interval_s: float = 0.0
    """How far events of one value, of the text, of the class or of the labels lie apart at least, in capture time."""

    @property
    def event_interval_ns(self) -> int:
        """`event_interval_s` in the unit of `captured_ns`."""
        return round(self.event_interval_s * 1e9)

    def rule(self, label: str) -> LabelRule | None:
        """The label's rule; None where the label is not reported."""
        return self.labels.get(label) if self.labels else self.default

    @property
    def readings(self) -> tuple[str, ...]:
        """The names of what the model reads: its values, or `text`."""
        return (*self.values, *(() if self.text is None else (TEXT,)))

    @property
    def in_use(self) -> tuple[LabelRule, ...]:
        """Every rule that some label can meet."""
        return tuple(self.labels.values()) or (self.default,)

    @property
    def floor(self) -> float:
        """The lowest threshold in use: a decoder need not report anything below it."""
        return min(rule.threshold for rule in self.in_use)
