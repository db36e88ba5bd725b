"""The scene of test cards shows what it says, where it says, in every size and format."""

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.adapters.cameras.cards import CardScene
from edged.adapters.cameras.marks import MARKS
from edged.adapters.cameras.pattern import PatternCamera
from edged.adapters.cameras.sprite import coverage
from edged.ports import Pixels

DARK = 60
"""Nothing on the ground is as dark as the ink."""


def scene(**options: Any) -> CardScene:
    return CardScene(**{"width": 640, "height": 480, "fps": 20, "seed": 1, "dwell_s": 2.0, **options})


@given(
    seed=st.integers(0, 1000),
    seq=st.integers(1, 10_000_000),
    width=st.integers(16, 960).map(lambda half: 2 * half),
    height=st.integers(16, 540).map(lambda half: 2 * half),
    fps=st.floats(0.5, 500),
)
def test_the_card_is_always_whole(seed: int, seq: int, width: int, height: int, fps: float) -> None:
    """At any time, size and rate the card's frame lies inside the picture, and the sprite on even pixels."""
    shown = scene(width=width, height=height, fps=fps, seed=seed).at(seq)
    if shown:
        assert shown.left >= 0 <= shown.top
        assert not (shown.left | shown.top) & 1
        assert shown.box.clamped().area == pytest.approx(shown.box.area)
        assert shown.box.w * width == pytest.approx(shown.box.h * height)


def test_each_mark_has_its_turn_and_a_pause_follows() -> None:
    """Six turns show six marks, each for four fifths of its turn; the order is the seed's."""
    cards = scene()
    for turn in range(12):
        seqs = range(turn * 40 + 1, turn * 40 + 41)
        assert {cards.turn(seq) for seq in seqs} == {turn}
        labels = [shown.label if (shown := cards.at(seq)) else "" for seq in seqs]
        assert labels == [labels[0]] * 32 + [""] * 8
        assert cards.last_shown(turn) == seqs[31]
    first_round = [shown.label if (shown := cards.at(turn * 40 + 1)) else "" for turn in range(6)]
    assert sorted(first_round) == sorted(MARKS)
    orders = {
        tuple(each for seq in range(1, 241, 40) if (each := scene(seed=seed).at(seq))) for seed in range(5)
    }
    assert len(orders) == 5


@pytest.mark.parametrize("pixel_format", ["rgb", "i420"])
@pytest.mark.parametrize("size", [(640, 480), (320, 480), (1280, 720)], ids=str)
def test_the_box_is_where_the_frame_is_drawn(pixel_format: Any, size: tuple[int, int]) -> None:
    """The dark pixels of a card fill the box that the scene names, to a pixel and a half."""
    width, height = size
    camera = PatternCamera(size=size, fps=10, pixel_format=pixel_format, seed=3)
    flat = np.zeros(camera.open(), np.uint8)
    for seq in range(1, 121, 7):
        camera._draw(flat, seq)
        grey = (
            flat[: width * height * 3].reshape(height, width, 3)[..., 0]
            if pixel_format == "rgb"
            else luma(flat, size)
        )
        rows, columns = np.nonzero(grey < DARK)
        if (shown := camera.scene(seq)) is None:
            assert rows.size == 0
            continue
        box = shown.box
        seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        told = (box.x * width, box.y * height, (box.x + box.w) * width, (box.y + box.h) * height)
        assert np.abs(np.subtract(seen, told)).max() < 1.5 + 0.01 * box.w * width


def luma(flat: Pixels, size: tuple[int, int]) -> Pixels:
    width, height = size
    assert (flat[width * height :] == 128).all(), "cards and ground are grey"
    return flat[: width * height].reshape(height, width)


@settings(max_examples=60)
@given(
    corners=st.lists(st.tuples(st.floats(2, 58), st.floats(2, 58)), min_size=3, max_size=9),
)
def test_outlines_are_filled_as_opencv_fills_them(corners: list[tuple[float, float]]) -> None:
    """The area of any polygon is that of the even-odd rule, drawn large and averaged by an independent library."""
    large = np.zeros((60 * 32, 60 * 32), np.uint8)
    cv2.fillPoly(large, [np.round(np.array(corners) * 32 - 0.5).astype(np.int32)], 1)
    averaged = large.reshape(60, 32, 60, 32).mean(axis=(1, 3))
    difference = np.abs(coverage(tuple(corners), 60) - averaged)
    assert difference.max() < 0.35
    assert difference.mean() < 0.01


@pytest.mark.parametrize("mark", MARKS)
def test_marks_stay_inside_the_frame(mark: str) -> None:
    """Every mark leaves white around it, whichever way it is turned, and fills enough to be seen."""
    outline = np.array(MARKS[mark])
    assert np.hypot(*outline.T).max() < 0.8
    area = coverage(tuple((100 + 50 * x, 100 + 50 * y) for x, y in MARKS[mark]), 200).sum() / 100**2
    assert 0.1 < area < 0.4
