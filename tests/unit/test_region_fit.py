"""Boxes of a region find their way back to the whole frame."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from edged.domain.frame import FrameShape, PixelFormat
from edged.domain.geometry import Box
from edged.domain.tensors import TensorSpec
from edged.vision.fit import FitPlan, Rect, plan_fit, plan_frame, region_pixels
from edged.vision.manifest import InputRule

STRETCH, CROP = InputRule(), InputRule(resize="crop")
CENTRE, CORNER = InputRule(resize="letterbox"), InputRule(resize="letterbox", place="corner")
rules = st.sampled_from([STRETCH, CROP, CENTRE, CORNER])
sides = st.integers(1, 4000)
targets = st.integers(1, 700)


@st.composite
def regions(draw: st.DrawFn) -> Box:
    """A part of the frame that has a size."""
    x, y = draw(st.floats(0, 0.999)), draw(st.floats(0, 0.999))
    share = st.floats(1e-6, 1)
    return Box(x, y, draw(share) * (1 - x), draw(share) * (1 - y))


@given(sides, sides, regions(), st.booleans())
def test_a_region_is_whole_pixels_inside_the_frame(width: int, height: int, region: Box, even: bool) -> None:
    """At least one pixel a side and at most half a pixel off; even sides for I420, where it may grow by a pixel more."""
    width, height = (2 * width, 2 * height) if even else (width, height)
    found = region_pixels(region, width, height, even=even)
    step = 2 if even else 1
    for start, size, side, at, share in (
        (found.x, found.w, width, region.x, region.w),
        (found.y, found.h, height, region.y, region.h),
    ):
        assert 0 <= start <= side - size
        assert size >= step
        assert start % step == size % step == 0
        off = step - 0.5 + 1e-6
        if share * side >= step:
            assert abs(start - at * side) <= off
            assert abs(start + size - (at + share) * side) <= off


def test_a_region_of_less_than_a_pixel_is_widened() -> None:
    """To one pixel, to two of I420, also at the frame's far corner."""
    tiny = Box(0.999999, 0.999999, 1e-7, 1e-7)
    assert region_pixels(tiny, 640, 480) == Rect(639, 479, 1, 1)
    assert region_pixels(tiny, 640, 480, even=True) == Rect(638, 478, 2, 2)


def letterboxed(start: int, size: int, scale: float, room: int, *, centred: bool) -> tuple[float, float]:
    """One side of a region in the input, by the textbook: where pixel `start` lies and how large a pixel is."""
    drawn = min(max(math.floor(size * scale + 0.5), 1), room)
    offset = (room - drawn) // 2 if centred else 0
    return offset - start * drawn / size, drawn / size


@settings(max_examples=300)
@given(
    st.integers(8, 4000),
    st.integers(8, 4000),
    st.integers(16, 700),
    st.integers(16, 700),
    regions(),
    st.sampled_from([CENTRE, CORNER]),
    st.tuples(*[st.floats(0, 1)] * 4),
    st.booleans(),
)
def test_a_letterbox_within_a_region_is_undone(
    width: int,
    height: int,
    target_w: int,
    target_h: int,
    region: Box,
    rule: InputRule,
    shares: tuple[float, float, float, float],
    even: bool,
) -> None:
    """A box anywhere in the region, taken into the input by plain arithmetic, comes back to 1e-5 of the whole frame."""
    shape = FrameShape(PixelFormat.I420 if even else PixelFormat.RGB, 2 * width, 2 * height)
    at = region_pixels(region, shape.width, shape.height, even=even)
    scale = min(target_w / at.w, target_h / at.h)
    centred = rule.place == "centre"
    x0, across = letterboxed(at.x, at.w, scale, target_w, centred=centred)
    y0, down = letterboxed(at.y, at.h, scale, target_h, centred=centred)
    left, right = sorted(at.x + share * at.w for share in shares[:2])
    top, bottom = sorted(at.y + share * at.h for share in shares[2:])
    plan = plan_frame(shape, TensorSpec("i", (5, target_h, target_w, 3), "uint8", None), rule, region)
    edges = (
        (x0 + left * across) / target_w,
        (y0 + top * down) / target_h,
        (x0 + right * across) / target_w,
        (y0 + bottom * down) / target_h,
    )
    wanted = (left / shape.width, top / shape.height, right / shape.width, bottom / shape.height)
    for found in (
        plan.in_frame(*edges),
        plan.to_frame(Box(edges[0], edges[1], edges[2] - edges[0], edges[3] - edges[1])),
    ):
        got = (found.x, found.y, found.x + found.w, found.y + found.h)
        assert max(abs(a - b) for a, b in zip(got, wanted, strict=True)) < 1e-5


@given(sides, sides, targets, targets, regions(), rules, st.tuples(*[st.floats(-3, 4)] * 4))
def test_nothing_is_found_outside_the_region(
    width: int,
    height: int,
    target_w: int,
    target_h: int,
    region: Box,
    rule: InputRule,
    edges: tuple[float, float, float, float],
) -> None:
    """What lies in the padding is beside the region, which the model has not seen: it is clamped or empty."""
    plan = region_plan(width, height, target_w, target_h, rule, region)
    assert plan.area is not None
    left, top, right, bottom = edges[0], edges[1], edges[0] + abs(edges[2]), edges[1] + abs(edges[3])
    found = plan.in_frame(left, top, right, bottom)
    if min(found.w, found.h) > 1e-9:
        assert found.x >= plan.area.x / width - 1e-9
        assert found.y >= plan.area.y / height - 1e-9
        assert found.x + found.w <= (plan.area.x + plan.area.w) / width + 1e-9
        assert found.y + found.h <= (plan.area.y + plan.area.h) / height + 1e-9


def region_plan(
    width: int, height: int, target_w: int, target_h: int, rule: InputRule, region: Box
) -> FitPlan:
    return plan_fit(width, height, target_w, target_h, rule, area=region_pixels(region, width, height))


@given(sides, sides, targets, targets, regions(), rules, st.booleans())
def test_the_crop_stays_in_the_region(
    width: int, height: int, target_w: int, target_h: int, region: Box, rule: InputRule, even: bool
) -> None:
    """Whatever the rule, no pixel beyond the region is shown; of I420 only whole chroma pixels are."""
    width, height = 2 * width, 2 * height
    area = region_pixels(region, width, height, even=even)
    crop = plan_fit(width, height, target_w, target_h, rule, even=even, area=area).crop
    assert area.x <= crop.x < crop.x + crop.w <= area.x + area.w
    assert area.y <= crop.y < crop.y + crop.h <= area.y + area.h
    assert not even or not any(side % 2 for side in (crop.x, crop.y, crop.w, crop.h))


@given(sides, sides, targets, targets, rules)
def test_the_whole_frame_as_a_region_is_the_whole_frame(
    width: int, height: int, target_w: int, target_h: int, rule: InputRule
) -> None:
    """A region of everything fits as no region does."""
    whole = region_plan(width, height, target_w, target_h, rule, Box(0, 0, 1, 1))
    plain = plan_fit(width, height, target_w, target_h, rule)
    assert (whole.crop, whole.place) == (plain.crop, plain.place)
    assert whole.in_frame(0.1, -0.2, 1.3, 0.9) == plain.in_frame(0.1, -0.2, 1.3, 0.9)
