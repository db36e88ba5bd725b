"""Boxes find their way from the model's input back to the frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.domain.frame import FrameShape, PixelFormat
from edged.domain.geometry import Box
from edged.domain.tensors import TensorSpec
from edged.vision.fit import FitPlan, Rect, plan_fit, plan_frame
from edged.vision.manifest import InputRule

WHOLE = Box(0.0, 0.0, 1.0, 1.0)
STRETCH, CROP = InputRule(), InputRule(resize="crop")
CENTRE, CORNER = InputRule(resize="letterbox"), InputRule(resize="letterbox", place="corner")

sides = st.integers(1, 4000)
targets = st.integers(1, 700)
rules = st.sampled_from([STRETCH, CROP, CENTRE, CORNER])
fractions = st.floats(-1.0, 2.0)
boxes = st.builds(Box, fractions, fractions, fractions, fractions)


def near(box: Box, other: Box, tolerance: float = 1e-9) -> bool:
    """Equal to within the tolerance on each edge."""
    pairs = zip((box.x, box.y, box.w, box.h), (other.x, other.y, other.w, other.h), strict=True)
    return all(abs(a - b) <= tolerance * max(1.0, abs(a)) for a, b in pairs)


def test_stretch_changes_no_fraction() -> None:
    """A stretched frame keeps its fractions exactly."""
    box = Box(0.1, 0.2, 0.3, 0.4)
    plan = plan_fit(641, 479, 300, 224, STRETCH)
    assert plan.to_frame(box) == box
    assert plan.padding() == ()


def test_letterbox_in_the_middle() -> None:
    """A 4:3 frame in a square input has equal bars above and below."""
    plan = plan_fit(640, 480, 300, 300, CENTRE)
    assert plan.place == Rect(0, 37, 300, 225)
    assert plan.padding() == (Rect(0, 0, 300, 37), Rect(0, 262, 300, 38))
    assert near(plan.to_frame(Box(0.0, 37 / 300, 1.0, 0.75)), WHOLE)


def test_letterbox_in_the_corner() -> None:
    """A frame placed in the corner has its padding right and below."""
    assert plan_fit(480, 640, 300, 300, CORNER).padding() == (Rect(225, 0, 75, 300),)
    plan = plan_fit(640, 480, 300, 300, CORNER)
    assert plan.place == Rect(0, 0, 300, 225)
    assert near(plan.to_frame(Box(0.0, 0.0, 1.0, 1.0)), Box(0.0, 0.0, 1.0, 4 / 3))


def test_crop_shows_the_middle() -> None:
    """A square input sees the middle of a wide frame."""
    plan = plan_fit(1280, 720, 224, 224, CROP)
    assert plan.crop == Rect(280, 0, 720, 720)
    assert near(plan.to_frame(WHOLE), Box(280 / 1280, 0.0, 720 / 1280, 1.0))


def to_input(plan: FitPlan, box: Box) -> Box:
    """Fractions of the frame as fractions of the input, by way of the frame's pixels and the input's."""
    across, down = plan.place.w / plan.crop.w, plan.place.h / plan.crop.h
    left = (box.x * plan.width - plan.crop.x) * across + plan.place.x
    top = (box.y * plan.height - plan.crop.y) * down + plan.place.y
    w, h = box.w * plan.width * across, box.h * plan.height * down
    return Box(
        left / plan.target_width, top / plan.target_height, w / plan.target_width, h / plan.target_height
    )


@given(sides, sides, targets, targets, rules, boxes)
def test_edges_come_back_as_the_clamped_box(
    width: int, height: int, target_w: int, target_h: int, rule: InputRule, box: Box
) -> None:
    """What the frame has of a box given by its edges is what it has of the box; nothing where that is empty."""
    plan = plan_fit(width, height, target_w, target_h, rule)
    wanted = plan.to_frame(box).clamped()
    found = plan.in_frame(box.x, box.y, box.x + box.w, box.y + box.h)
    if min(wanted.w, wanted.h) > 1e-6:
        assert near(found, wanted, 1e-6)
    else:
        assert min(found.w, found.h) <= 2e-6


@given(sides, sides, targets, targets, rules, boxes)
def test_there_and_back(
    width: int, height: int, target_w: int, target_h: int, rule: InputRule, box: Box
) -> None:
    """A box taken to the input and back is the same box."""
    plan = plan_fit(width, height, target_w, target_h, rule)
    ratios = max(width, height) * max(target_w, target_h)
    assert near(plan.to_frame(to_input(plan, box)), box, 1e-9 if ratios < 1e6 else 1e-7)


@given(sides, sides, targets, targets, rules)
def test_rectangles_lie_inside(
    width: int, height: int, target_w: int, target_h: int, rule: InputRule
) -> None:
    """Crop and place never leave their pictures, are never empty, and place and padding tile the input."""
    plan = plan_fit(width, height, target_w, target_h, rule)
    for rect, room_w, room_h in ((plan.crop, width, height), (plan.place, target_w, target_h)):
        assert rect.x >= 0 <= rect.y
        assert 0 < rect.w <= room_w - rect.x
        assert 0 < rect.h <= room_h - rect.y
    assert sum(rect.w * rect.h for rect in (plan.place, *plan.padding())) == target_w * target_h


@given(st.integers(1, 900), st.integers(1, 900), targets, targets, rules)
def test_even_crop(width: int, height: int, target_w: int, target_h: int, rule: InputRule) -> None:
    """Where chroma planes are halved, the crop begins and ends on even pixels, inside the frame."""
    crop = plan_fit(2 * width, 2 * height, target_w, target_h, rule, even=True).crop
    assert not any(side % 2 for side in (crop.x, crop.y, crop.w, crop.h))
    assert crop.x + crop.w <= 2 * width
    assert crop.y + crop.h <= 2 * height


@pytest.mark.parametrize("rule", [STRETCH, CROP, CENTRE, CORNER])
def test_equal_sizes_change_nothing(rule: InputRule) -> None:
    """A frame that has the input's size is used as it is, whatever the rule."""
    plan = plan_fit(300, 200, 300, 200, rule)
    assert plan == FitPlan(300, 200, 300, 200, Rect(0, 0, 300, 200), Rect(0, 0, 300, 200))
    assert plan.to_frame(WHOLE) == WHOLE


def test_plan_follows_the_frame_format() -> None:
    """The plan for an I420 frame keeps to even pixels, that for an RGB frame need not."""
    image = TensorSpec("image", (1, 131, 201, 3), "uint8", None)
    assert plan_frame(FrameShape(PixelFormat.RGB, 640, 480), image, CROP).crop == Rect(0, 31, 640, 417)
    assert plan_frame(FrameShape(PixelFormat.I420, 640, 480), image, CROP).crop == Rect(0, 30, 640, 416)
