"""What a snapshot shows, before any pixel is touched."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.domain.frame import Frame, FrameShape, PixelFormat
from edged.domain.geometry import Box
from edged.domain.predictions import (
    Areas,
    Detection,
    Detections,
    Keypoint,
    ModelId,
    Observation,
    Prediction,
    Ranked,
    Text,
)
from edged.domain.regions import MOST_REGIONS
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.transport.control import MAX_BYTES
from edged.transport.drawings import overlay_to_wire
from edged.vision.fit import FitPlan, plan_frame
from edged.vision.keypoints import COCO, LIMBS, MOST_KEYPOINTS
from edged.vision.manifest import InputRule, Manifest
from edged.vision.overlay import Overlay, mask_of, merged
from edged.vision.snapshot import MOST_FIGURES, MOST_LETTERS, frame_overlay, picture_size

SHAPE = FrameShape(PixelFormat.RGB, 64, 48)
INPUT = TensorSpec("input", (1, 16, 16, 3), "uint8", None)
MAP = TensorSpec("map", (1, 16, 16), "int64", None)
MANIFEST = Manifest("m", "areas", "classmap", InputRule(), (("map", 0),))
sides = st.integers(1, 4000)


def said(prediction: Prediction, region: str = "") -> Observation:
    """Something about a frame of 64 x 48 pixels."""
    return Observation(Frame("front", 7, 0, SHAPE), prediction, ModelId("m", "0"), "cpu", 0, 1, region)


def overlay(
    *observations: Observation, outputs: list[list[Tensor]], plans: list[FitPlan], size: tuple[int, int]
) -> Overlay:
    """What is drawn."""
    return frame_overlay(observations, outputs, specs=[MAP], manifest=MANIFEST, plans=plans, size=size)


@given(sides, sides, st.integers(64, 1920))
def test_a_picture_keeps_its_proportions(width: int, height: int, side: int) -> None:
    """No side is longer than allowed, none vanishes, none grows, and both shrink alike to half a pixel."""
    found = picture_size(FrameShape(PixelFormat.RGB, width, height), side)
    assert max(found) <= side or found == (width, height)
    assert max(found) == min(side, max(width, height))
    assert 1 <= found[0] <= width
    assert 1 <= found[1] <= height
    scale = max(found) / max(width, height)
    assert found[0] == pytest.approx(width * scale, abs=1)
    assert found[1] == pytest.approx(height * scale, abs=1)


@given(
    resize=st.sampled_from(["stretch", "letterbox", "crop"]),
    width=st.integers(8, 64),
    height=st.integers(8, 48),
    seed=st.integers(0, 999),
)
def test_a_small_mask_is_the_large_one_seen_from_afar(
    resize: str, width: int, height: int, seed: int
) -> None:
    """Each pixel of a smaller picture has the class of a pixel of the frame at its middle."""
    plan = plan_frame(SHAPE, INPUT, InputRule(resize=resize))  # type: ignore[arg-type]  # one of its three
    classes = np.random.default_rng(seed).integers(0, 4, (1, 16, 16))
    large = mask_of(classes, MAP, [1, 2], plan)
    same = mask_of(classes, MAP, [1, 2], plan, (64, 48))
    small = mask_of(classes, MAP, [1, 2], plan, (width, height))
    assert large is not None
    assert same is not None
    assert small is not None
    assert np.array_equal(same, large)
    down, across = (np.arange(height) + 0.5) * 48 / height, (np.arange(width) + 0.5) * 64 / width
    near = [
        large[np.ix_(np.clip(down + dy, 0, 47).astype(int), np.clip(across + dx, 0, 63).astype(int))]
        for dy in (-0.51, 0.51)
        for dx in (-0.51, 0.51)
    ]
    assert np.any([each == small for each in near], axis=0).all()


def test_a_region_has_its_outline_below_what_was_found() -> None:
    """Its name and its place in the frame; what is drawn first comes last in the list."""
    plans = [plan_frame(SHAPE, INPUT, InputRule(), Box(0.25, 0.5, 0.5, 0.25))]
    cat = Detection("cat", 3, 0.75, Box(0.3, 0.5, 0.1, 0.1))
    drawn = overlay(said(Detections((cat,)), "door"), outputs=[[]], plans=plans, size=(64, 48))
    assert [figure.text for figure in drawn.figures] == ["cat 0.75", "door"]
    assert drawn.figures[1].box == (0.25, 0.5, 0.5, 0.25)


def test_masks_of_regions_lie_side_by_side() -> None:
    """Each where its region is; what no region shows is not tinted."""
    plans = [plan_frame(SHAPE, INPUT, InputRule(), Box(left, 0.0, 0.25, 1.0)) for left in (0.0, 0.5)]
    answers = [said(Areas((Ranked("road", number, 1.0),)), f"r{number}") for number in (1, 2)]
    outputs: list[list[Tensor]] = [[np.full((1, 16, 16), number)] for number in (1, 2)]
    drawn = overlay(*answers, outputs=outputs, plans=plans, size=(32, 24))
    assert drawn.mask is not None
    assert drawn.mask.shape == (24, 32)
    assert drawn.mask[5].tolist() == [2] * 8 + [0] * 8 + [3] * 8 + [0] * 8
    assert [words for words, _ in drawn.words] == ["r1: road 100.0%", "r2: road 100.0%"]


def test_of_a_crowd_the_best_are_drawn() -> None:
    """Fifty figures, and all that is told of them fits into one message between two processes."""
    crowd = tuple(Detection("person", 0, 1 - n / 1000, Box(0, 0, 1, 1)) for n in range(300))
    drawn = overlay(
        said(Detections(crowd)), outputs=[[]], plans=[plan_frame(SHAPE, INPUT, InputRule())], size=(64, 48)
    )
    assert len(drawn.figures) == MOST_FIGURES
    assert drawn.figures[0].text == "person 1.00"


def test_all_of_the_worst_crowd_fits_into_one_message() -> None:
    """Fifty people of 24 points, all sure, in sixteen regions, under a label of any length in any script."""
    names = (*COCO, *(f"point_{number}" for number in range(MOST_KEYPOINTS - len(COCO))))
    numbers = np.random.default_rng(3)
    crowd = tuple(
        Detection(
            "\U0001f9cd" * 1000,
            999,
            0.5,
            Box(*(numbers.random(4) / 2).tolist()),
            tuple(Keypoint(x, y, 0.9) for x, y in numbers.random((len(names), 2)).tolist()),
        )
        for _ in range(20)
    )
    observations = tuple(said(Detections(crowd), f"{number:032}") for number in range(MOST_REGIONS))
    plans = [plan_frame(SHAPE, INPUT, InputRule(), Box(0.1, 0.1, 1 / 3, 1 / 3))] * MOST_REGIONS
    manifest = replace(MANIFEST, keypoints=names)
    outputs: list[list[Tensor]] = [[]] * MOST_REGIONS
    drawn = frame_overlay(
        observations, outputs, specs=[MAP], manifest=manifest, plans=plans, size=(1920, 1440)
    )
    assert len(drawn.figures) == MOST_FIGURES + MOST_REGIONS
    assert len(drawn.figures[0].lines) == len(LIMBS)
    assert len(json.dumps(overlay_to_wire(drawn))) < 0.9 * MAX_BYTES


def test_words_are_cut() -> None:
    """A text that a model reads may be long."""
    plans = [plan_frame(SHAPE, INPUT, InputRule())]
    drawn = overlay(said(Text("\U0001f9cd" * 1000, 0.5)), outputs=[[]], plans=plans, size=(64, 48))
    assert [len(words) for words, _ in drawn.words] == [MOST_LETTERS]


@given(st.integers(0, 255), st.integers(0, 255))
def test_a_later_tint_covers_an_earlier_one(first: int, second: int) -> None:
    """Where both tint a pixel the later one does, whatever the classes."""
    one, other = (Overlay(mask=np.full((2, 2), number, np.uint8)) for number in (first, second))
    both = merged(one, other).mask
    assert both is not None
    assert (both == (second or first)).all()
    assert merged(Overlay(), other).mask is merged(other, Overlay()).mask is other.mask
