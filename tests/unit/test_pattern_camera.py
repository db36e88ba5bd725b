"""The pattern camera shows a scene that can be worked out beforehand, at exact times."""

import itertools
import time
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.adapters.cameras.colours import COLOURS, ColourScene
from edged.adapters.cameras.pattern import PatternCamera
from edged.domain.errors import ConfigurationError
from edged.ports import Pixels


def frames(number: int, **options: Any) -> list[tuple[int, Pixels]]:
    """The first frames of a scene, drawn without waiting for their ticks."""
    camera = PatternCamera(**{"scene": "colours", **options})
    flat = np.zeros(camera.open(), np.uint8)
    drawn = []
    for seq in range(1, number + 1):
        camera._draw(flat, seq)
        drawn.append((seq, flat.copy()))
    return drawn


@pytest.mark.parametrize("scene", ["cards", "colours"])
@pytest.mark.parametrize("pixel_format", ["rgb", "i420"])
def test_the_same_seed_draws_the_same_frames(pixel_format: str, scene: str) -> None:
    """Two cameras of one seed draw the same bytes for each frame number; another seed draws others."""
    first, again, other = (
        frames(40, scene=scene, size=(80, 60), pixel_format=pixel_format, seed=seed) for seed in (4, 4, 9)
    )
    assert all((a == b).all() for (_, a), (_, b) in zip(first, again, strict=True))
    assert all((a != b).any() for (_, a), (_, b) in zip(first, other, strict=True))


@pytest.mark.parametrize("scene", ["cards", "colours"])
def test_no_two_frames_in_turn_are_alike(scene: str) -> None:
    """Even where the shape stands still for a frame, the background moves."""
    drawn = frames(80, scene=scene, size=(64, 48), fps=240)
    assert all((a != b).any() for (_, a), (_, b) in itertools.pairwise(drawn))


@given(
    seed=st.integers(0, 1000),
    seq=st.integers(1, 10_000_000),
    width=st.integers(1, 960).map(lambda half: 2 * half),
    height=st.integers(1, 540).map(lambda half: 2 * half),
    fps=st.floats(0.5, 500),
)
def test_the_shape_is_always_whole(seed: int, seq: int, width: int, height: int, fps: float) -> None:
    """At any time, size and rate the shape lies inside the frame, on even pixels, and its box says where."""
    shown = ColourScene(width=width, height=height, fps=fps, seed=seed, dwell_s=3.0).at(seq)
    assert shown.left >= 0 <= shown.top
    assert not (shown.left | shown.top) & 1
    assert shown.box.clamped().area == pytest.approx(shown.box.area)
    assert round(shown.box.x * width) == shown.left
    assert round(shown.box.y * height) == shown.top


def test_every_colour_is_shown_equally_long() -> None:
    """Over one round each colour has the same number of frames, and the next one is always another."""
    scene = ColourScene(width=64, height=48, fps=20, seed=3, dwell_s=2.0)
    colours = [scene.at(seq).label for seq in range(1, 2 * 5 * 40 + 1)]
    assert {colour: colours[:200].count(colour) for colour in COLOURS} == dict.fromkeys(COLOURS, 40)
    assert all(colours[turn * 40] != colours[turn * 40 - 1] for turn in range(1, 10))
    orders = {
        tuple(ColourScene(width=64, height=48, fps=1, seed=s, dwell_s=1).at(n).label for n in range(1, 6))
        for s in range(9)
    }
    assert len(orders) > 1


@pytest.mark.parametrize("pixel_format", ["rgb", "i420"])
@pytest.mark.parametrize("size", [(160, 120), (90, 200)], ids=str)
def test_what_is_shown_is_where_the_scene_says(pixel_format: str, size: tuple[int, int]) -> None:
    """The middle of the box has the named colour and the frame around the box is grey, in both formats."""
    width, height = size
    camera = PatternCamera(scene="colours", size=size, dwell_s=0.1)
    for seq, flat in frames(60, size=size, pixel_format=pixel_format, dwell_s=0.1):
        shown = camera.scene(seq)
        assert shown
        rgb = flat.reshape(height, width, 3) if pixel_format == "rgb" else to_rgb(flat, width, height)
        left, top, side = shown.left, shown.top, round(shown.box.w * width)
        middle = rgb[top + side // 2, left + side // 2].astype(int)
        assert np.abs(middle - COLOURS[shown.label]).max() <= 4
        corner = rgb[top + 2, left + 2].astype(int)
        assert (np.abs(corner - COLOURS[shown.label]).max() <= 4) == shown.look.endswith("square")
        outside = np.ones((height, width), bool)
        outside[top : top + side, left : left + side] = False
        spread = rgb[outside].astype(int)
        assert np.ptp(spread, axis=1).max() <= 3, "the background has a colour"
        assert 60 < spread.min() <= spread.max() < 130


def to_rgb(flat: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(cv2.cvtColor(flat.reshape(height * 3 // 2, width), cv2.COLOR_YUV2RGB_I420), np.uint8)


def test_frames_come_at_their_ticks_and_missed_ones_are_lost() -> None:
    """Times are whole periods after the start; a reader that sleeps misses ticks, and their numbers."""
    camera = PatternCamera(scene="colours", size=(32, 32), fps=100, frames=20)
    before_ns = time.monotonic_ns()
    buffer = memoryview(bytearray(camera.open()))
    seqs, times = [], []
    while (captured := camera.read(buffer)) is not None:
        assert captured.captured_ns <= time.monotonic_ns()
        seqs.append(camera.seq)
        times.append(captured.captured_ns)
        time.sleep(0.055 if len(seqs) == 3 else 0)
    start_ns = times[0] - seqs[0] * 10_000_000
    assert abs(start_ns - before_ns) < 50e6
    assert [start_ns + seq * 10_000_000 for seq in seqs] == times
    assert seqs == sorted(set(seqs))
    assert seqs[3] >= seqs[2] + 6
    assert seqs[-1] in {19, 20}


@pytest.mark.parametrize(
    "options",
    [
        {"scene": "colours", "size": (0, 10)},
        {"size": (48, 31)},
        {"size": (33, 32), "pixel_format": "i420"},
        {"fps": 0},
        {"fps": -1},
    ],
    ids=str,
)
def test_a_scene_that_cannot_be_is_refused(options: dict[str, Any]) -> None:
    """Empty frames, odd I420 sides and rates of nothing are refused with what to do."""
    with pytest.raises(ConfigurationError, match="cannot be") as caught:
        PatternCamera(**options)
    assert caught.value.fix


def test_odd_sizes_are_fine_in_rgb() -> None:
    """RGB frames may have any size from 2 x 2."""
    for size in ((2, 2), (33, 17), (17, 301)):
        [(_, flat)] = frames(1, size=size)
        assert flat.size == size[0] * size[1] * 3
