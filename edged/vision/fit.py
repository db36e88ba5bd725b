"""Where a frame lands in a model's input, and the way back for boxes: plain geometry."""

from dataclasses import dataclass, field

from edged.domain.frame import FrameShape, PixelFormat
from edged.domain.geometry import Box
from edged.domain.tensors import TensorSpec
from edged.vision.bounds import within
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
    area: Rect | None = None
    """The region that the model is asked about; None for the whole frame. Nothing beyond it was seen."""
    _corner: tuple[float, float] = field(init=False, repr=False, compare=False)
    """Where the input's top-left corner lies, in fractions of the frame."""
    _ratios: tuple[float, float] = field(init=False, repr=False, compare=False)
    """Fractions of the frame per fraction of the input, across and down; both worked out once, for speed."""
    _bounds: tuple[float, float, float, float] = field(init=False, repr=False, compare=False)
    """Left, top, right and bottom edge of the area, in fractions of the frame."""

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
        area = self.area or Rect(0, 0, self.width, self.height)
        right, bottom = (area.x + area.w) / self.width, (area.y + area.h) / self.height
        object.__setattr__(self, "_bounds", (area.x / self.width, area.y / self.height, right, bottom))

    def to_frame(self, box: Box) -> Box:
        """From fractions of the model's input to fractions of the frame; not clamped."""
        (left, top), (across, down) = self._corner, self._ratios
        return Box(left + box.x * across, top + box.y * down, box.w * across, box.h * down)

    def in_frame(self, left: float, top: float, right: float, bottom: float) -> Box:
        """What the frame has of a box that is given by its edges, in fractions of the model's input; no NaN.

        Of a region's box it is what the region has, in fractions of the whole frame. Width or height is 0 or less
        where that is nothing. Each edge is clamped by itself, since a width could not hold a far edge and a near
        one exactly.
        """
        (x, y), (across, down) = self._corner, self._ratios
        left, right = x + left * across, x + right * across
        top, bottom = y + top * down, y + bottom * down
        from_left, from_top, to_right, to_bottom = self._bounds
        if left < from_left or top < from_top or right > to_right or bottom > to_bottom:
            left, right = within(left, from_left, to_right), within(right, from_left, to_right)
            top, bottom = within(top, from_top, to_bottom), within(bottom, from_top, to_bottom)
        return Box(left, top, right - left, bottom - top)


def plan_frame(shape: FrameShape, spec: TensorSpec, rule: InputRule, region: Box | None = None) -> FitPlan:
    """How frames of this shape, or a region of them, are put into an input; the same in every process.

    The input is [places, height, width, channels], and each place is fitted by itself.
    """
    even = shape.format is PixelFormat.I420
    area = region_pixels(region, shape.width, shape.height, even=even) if region else None
    return plan_fit(shape.width, shape.height, spec.shape[2], spec.shape[1], rule, even=even, area=area)


def plan_fit(
    width: int,
    height: int,
    target_width: int,
    target_height: int,
    rule: InputRule,
    *,
    even: bool = False,
    area: Rect | None = None,
) -> FitPlan:
    """How a frame of this size, or an area of it, is put into an input of that size.

    `even` keeps the crop on even pixels, as the halved chroma planes of I420 need it; frame and area are even then.
    """
    crop, place = area or Rect(0, 0, width, height), Rect(0, 0, target_width, target_height)
    if rule.resize == "letterbox":
        place = _inside(crop.w, crop.h, target_width, target_height, centred=rule.place == "centre")
    elif rule.resize == "crop":
        middle = _inside(target_width, target_height, crop.w, crop.h, centred=True)
        crop = Rect(crop.x + middle.x, crop.y + middle.y, middle.w, middle.h)
        crop = _evened(crop) if even else crop
    return FitPlan(width, height, target_width, target_height, crop, place, area)


def region_pixels(region: Box, width: int, height: int, *, even: bool = False) -> Rect:
    """The whole pixels of a frame that are nearest to a region, at least one a side.

    With `even` the region grows to even pixels, at least two a side; the frame is even then.
    """
    left, right = _span(region.x, region.x + region.w, width, 2 if even else 1)
    top, bottom = _span(region.y, region.y + region.h, height, 2 if even else 1)
    return Rect(left, top, right - left, bottom - top)


def _span(start: float, end: float, side: int, step: int) -> tuple[int, int]:
    """The pixels from `start` to `end` of a side, in whole steps, inside the frame."""
    first = min(int(start * side + 0.5), side - 1) // step * step
    last = min(-(-int(end * side + 0.5) // step) * step, side)
    return first, max(last, first + step)


def _inside(width: int, height: int, room_width: int, room_height: int, *, centred: bool) -> Rect:
    """The largest rectangle of these proportions that the room holds; at least one pixel a side."""
    scale = min(room_width / width, room_height / height)
    w = min(max(int(width * scale + 0.5), 1), room_width)
    h = min(max(int(height * scale + 0.5), 1), room_height)
    return Rect((room_width - w) // 2, (room_height - h) // 2, w, h) if centred else Rect(0, 0, w, h)


def _evened(rect: Rect) -> Rect:
    """The rectangle shrunk to even sides, at least 2, and moved to an even corner."""
    return Rect(rect.x & ~1, rect.y & ~1, max(rect.w & ~1, 2), max(rect.h & ~1, 2))
