"""Where a frame lands in a model's input, and the way back for boxes: plain geometry."""

from dataclasses import dataclass, field

from edged.domain.frame import FrameShape, PixelFormat
from edged.domain.geometry import Box
from edged.domain.tensors import TensorSpec
from edged.vision.manifest import InputRule


@dataclass(frozen=True, slots=True)
class Rect:
    """Whole pixels: left, top, width, height."""

    x: int
    y: int
    w: int
    h: int

    @property
    def window(self) -> tuple[slice, slice]:
        """The rows and columns of an array."""
        return slice(self.y, self.y + self.h), slice(self.x, self.x + self.w)


@dataclass(frozen=True, slots=True)
class FitPlan:
    """Which part of the frame goes to which part of the input."""

    width: int
    height: int
    """Size of the frame in pixels."""
    target_width: int
    target_height: int
    """Size of the model's input in pixels."""
    crop: Rect
    """The part of the frame that is shown to the model."""
    place: Rect
    """Where it lands in the input; the rest is padding."""
    _corner: tuple[float, float] = field(init=False, repr=False, compare=False)
    """Where the input's top-left corner lies, in fractions of the frame."""
    _ratios: tuple[float, float] = field(init=False, repr=False, compare=False)
    """Fractions of the frame per fraction of the input, across and down; both worked out once, for speed."""

    def padding(self) -> tuple[Rect, ...]:
        """What of the input lies above, below, left and right of the picture; empty parts left out."""
        place, width, height = self.place, self.target_width, self.target_height
        bottom, right = place.y + place.h, place.x + place.w
        strips = (
            Rect(0, 0, width, place.y),
            Rect(0, bottom, width, height - bottom),
            Rect(0, place.y, place.x, place.h),
            Rect(right, place.y, width - right, place.h),
        )
        return tuple(strip for strip in strips if strip.w and strip.h)

    def __post_init__(self) -> None:
        across, down = self.place.w * self.width, self.place.h * self.height
        left = (self.crop.x * self.place.w - self.place.x * self.crop.w) / across
        top = (self.crop.y * self.place.h - self.place.y * self.crop.h) / down
        object.__setattr__(self, "_corner", (left, top))
        ratios = (self.target_width * self.crop.w / across, self.target_height * self.crop.h / down)
        object.__setattr__(self, "_ratios", ratios)

    def to_frame(self, box: Box) -> Box:
        """From fractions of the model's input to fractions of the frame; not clamped."""
        (left, top), (across, down) = self._corner, self._ratios
        return Box(left + box.x * across, top + box.y * down, box.w * across, box.h * down)

    def in_frame(self, left: float, top: float, right: float, bottom: float) -> Box:
        """What the frame has of a box that is given by its edges, in fractions of the model's input; no NaN.

        Width or height is 0 or less where that is nothing. Each edge is clamped by itself, since a width could not
        hold a far edge and a near one exactly.
        """
        (x, y), (across, down) = self._corner, self._ratios
        left, right = x + left * across, x + right * across
        top, bottom = y + top * down, y + bottom * down
        if left < 0 or top < 0 or right > 1 or bottom > 1:
            left, right = min(max(left, 0.0), 1.0), min(max(right, 0.0), 1.0)
            top, bottom = min(max(top, 0.0), 1.0), min(max(bottom, 0.0), 1.0)
        return Box(left, top, right - left, bottom - top)


def plan_frame(shape: FrameShape, spec: TensorSpec, rule: InputRule) -> FitPlan:
    """How frames of this shape are put into an input of [1, height, width, channels]; the same in every process."""
    even = shape.format is PixelFormat.I420
    return plan_fit(shape.width, shape.height, spec.shape[2], spec.shape[1], rule, even=even)


def plan_fit(
    width: int, height: int, target_width: int, target_height: int, rule: InputRule, *, even: bool = False
) -> FitPlan:
    """How a frame of this size is put into an input of that size.

    `even` keeps the crop on even pixels, as the halved chroma planes of I420 need it; the frame is even then.
    """
    crop, place = Rect(0, 0, width, height), Rect(0, 0, target_width, target_height)
    if rule.resize == "letterbox":
        place = _inside(width, height, target_width, target_height, centred=rule.place == "centre")
    elif rule.resize == "crop":
        crop = _inside(target_width, target_height, width, height, centred=True)
        crop = _evened(crop) if even else crop
    return FitPlan(width, height, target_width, target_height, crop, place)


def _inside(width: int, height: int, room_width: int, room_height: int, *, centred: bool) -> Rect:
    """The largest rectangle of these proportions that the room holds; at least one pixel a side."""
    scale = min(room_width / width, room_height / height)
    w = min(max(int(width * scale + 0.5), 1), room_width)
    h = min(max(int(height * scale + 0.5), 1), room_height)
    return Rect((room_width - w) // 2, (room_height - h) // 2, w, h) if centred else Rect(0, 0, w, h)


def _evened(rect: Rect) -> Rect:
    """The rectangle shrunk to even sides, at least 2, and moved to an even corner."""
    return Rect(rect.x & ~1, rect.y & ~1, max(rect.w & ~1, 2), max(rect.h & ~1, 2))
