"""Maps of classes are counted as a textbook would, and nonsense in them is survived."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edged.domain.errors import ModelError
from edged.domain.predictions import Areas
from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.decoding import make_decoder
from edged.vision.fit import FitPlan, plan_fit
from edged.vision.labels import Labels
from edged.vision.manifest import Background, InputRule, Manifest
from edged.vision.maphead import MapLayout, cells_in_frame
from tests.unit.tensors import SCALES, ZERO_POINTS, real, spec_of
from tests.unit.textbook import FLOATS

NAMES = Labels({0: "wall", 1: "cat", 2: "dog"}, "x")
WHOLE = plan_fit(8, 8, 8, 8, InputRule())
PLANS = [
    WHOLE,
    plan_fit(640, 480, 8, 8, InputRule(resize="letterbox")),
    plan_fit(480, 640, 8, 8, InputRule(resize="letterbox", place="corner")),
    plan_fit(1280, 720, 8, 8, InputRule(resize="crop")),
    plan_fit(5, 3, 8, 8, InputRule()),
    plan_fit(1000, 1, 8, 8, InputRule(resize="letterbox")),
]
SIZES = st.sampled_from([(8, 8), (4, 4), (2, 8), (1, 2), (5, 3)])


def decode(
    output: Tensor,
    plan: FitPlan = WHOLE,
    scale: Quantization | None = None,
    *,
    threshold: float = 0.0,
    background: Background = "none",
    labels: Labels = NAMES,
) -> list[tuple[str, int, float]]:
    """The areas of the product, on an input of 8 x 8 pixels: label, id, part of the picture."""
    manifest = Manifest("m", "areas", "classmap", InputRule(), (("map", 0),), background=background)
    decoder = make_decoder(
        manifest,
        [spec_of("map", output, scale)],
        labels,
        threshold=threshold,
        top_k=1,
        picture=TensorSpec("picture", (1, 8, 8, 3), "uint8", None),
    )
    found = decoder.decode([output], plan)
    assert isinstance(found, Areas)
    return [(entry.label, entry.label_id, entry.score) for entry in found.top]


def textbook(ids: list[list[int]], plan: FitPlan, threshold: float) -> dict[int, float]:
    """The part of the picture of each class, cell by cell: a cell is of the picture if its middle is."""
    place, cells = plan.place, []
    for row, line in enumerate(ids):
        for column, each in enumerate(line):
            y, x = (row + 0.5) * 8 / len(ids), (column + 0.5) * 8 / len(line)
            if place.y <= y < place.y + place.h and place.x <= x < place.x + place.w:
                cells.append(each)
    shares = {each: cells.count(each) / len(cells) for each in set(cells)}
    return {each: share for each, share in shares.items() if each >= 0 and share >= threshold}


def same(found: list[tuple[str, int, float]], expected: dict[int, float]) -> None:
    """The same classes, the largest first, equal ones by their ids."""
    order = sorted(expected, key=lambda each: (-expected[each], each))
    assert [each for _, each, _ in found] == order
    assert [name for name, _, _ in found] == [NAMES.name(each) for each in order]
    assert [share for _, _, share in found] == pytest.approx([expected[each] for each in order], abs=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64"])
@settings(max_examples=60)
@given(data=st.data())
def test_ids_are_counted_as_a_textbook_counts(data: st.DataObject, dtype: DType) -> None:
    """Each class has the part of the picture that its cells cover; negative ids are none, and still in the whole."""
    height, width = data.draw(SIZES)
    low = 0 if dtype == "uint8" else -2
    shape = (1, height, width, 1) if data.draw(st.booleans()) else (1, height, width)
    output = data.draw(hnp.arrays(np.dtype(dtype), shape, elements=st.integers(low, 4)))
    plan, threshold = data.draw(st.sampled_from(PLANS)), data.draw(st.sampled_from([0.0, 0.25, 0.5]))
    expected = textbook(output.reshape(height, width).tolist(), plan, threshold)
    same(decode(output, plan, threshold=threshold), expected)


def best(scores: list[float]) -> int:
    """The first of the highest scores; -1 where none is a number."""
    numbers = [score if math.isfinite(score) else -math.inf for score in scores]
    return -1 if max(numbers) == -math.inf else numbers.index(max(numbers))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
@settings(max_examples=60)
@given(data=st.data())
def test_the_highest_score_of_a_cell_counts(data: st.DataObject, dtype: DType) -> None:
    """Scores are compared as they are stored: the answer is that of dequantising all; NaN and infinity are none."""
    height, width = data.draw(SIZES)
    shape, scale = (1, height, width, 3), None
    if dtype == "float32":
        output = data.draw(hnp.arrays(np.float32, shape, elements=FLOATS))
    else:
        output = data.draw(hnp.arrays(np.dtype(dtype), shape))
        scale = data.draw(
            st.none() | st.builds(Quantization, SCALES, st.sampled_from([*ZERO_POINTS[dtype], 0]))
        )
    plan = data.draw(st.sampled_from(PLANS))
    ids = [[best(cell) for cell in line] for line in real(output, scale)[0].tolist()]
    same(decode(output, plan, scale), textbook(ids, plan, 0.0))


@pytest.mark.parametrize(
    "values", [[np.iinfo(np.int64).min, np.iinfo(np.int64).max, 2**40, -1], [70_000] * 4]
)
def test_ids_that_no_model_has_are_dropped(values: list[int]) -> None:
    """Whatever the tensor holds, nothing is raised and no memory is asked for; a cell without a class is no answer."""
    assert decode(np.array(values, np.int64).reshape(1, 2, 2)) == []
    assert decode(np.array([7, 7, 65_535, -5], np.int32).reshape(1, 2, 2)) == [
        ("class_7", 7, 0.5),
        ("class_65535", 65_535, 0.25),
    ]


def test_what_the_letterbox_pads_is_no_part_of_the_picture() -> None:
    """A class in the padding alone has no area, and one that fills the picture has all of it."""
    plan = plan_fit(640, 320, 8, 8, InputRule(resize="letterbox"))
    output = np.ones((1, 8, 8), np.uint8)
    output[0, 2:6] = 2
    assert decode(output, plan) == [("dog", 2, 1.0)]


@pytest.mark.parametrize(
    ("background", "labels", "left"),
    [
        ("none", NAMES, ["cat", "wall", "dog"]),
        ("first", NAMES, ["cat", "dog"]),
        ("last", Labels({0: "wall", 1: "cat", 2: "background"}, "x"), ["cat", "wall"]),
        ("last", Labels({0: "wall", 1: "cat"}, "x"), ["cat", "wall"]),
        ("last", Labels(), ["class_1", "class_0", "class_2"]),
    ],
)
def test_the_background_is_no_answer_but_counts(
    background: Background, labels: Labels, left: list[str]
) -> None:
    """It is left out of the answer; the others' parts are of the whole picture all the same."""
    output = np.array([[[1, 1, 2, 0]]], np.int64)
    found = decode(output, background=background, labels=labels)
    assert [name for name, _, _ in found] == left
    assert found[0][2] == 0.5


def test_scores_have_their_background_at_an_end_too() -> None:
    """The last of three scores is the background, whatever the labels say."""
    output = np.zeros((1, 1, 2, 3), np.int8)
    output[0, 0, 0, 2] = output[0, 0, 1, 1] = 5
    assert decode(output, background="last") == [("cat", 1, 0.5)]


@pytest.mark.parametrize(
    ("output", "labels", "says"),
    [
        (np.zeros((1, 8, 8), np.float32), NAMES, "a map of classes is [1, H, W] of integers without a scale"),
        (np.zeros((1, 9, 8), np.uint8), NAMES, "H and W at most 8 and 8"),
        (np.zeros((1, 0, 8), np.uint8), NAMES, "a map of classes is"),
        (np.zeros((1, 64), np.uint8), NAMES, "a map of classes is"),
        (np.zeros((1, 8, 8, 2), np.uint8), NAMES, "it has 2 classes, and labels go up to 2"),
    ],
)
def test_what_is_no_map_is_refused(output: Any, labels: Labels, says: str) -> None:
    """The refusal says what the output is and what it should be."""
    with pytest.raises(ModelError) as refusal:
        decode(output, labels=labels)
    assert says in refusal.value.what


def test_a_scale_makes_no_ids() -> None:
    """Integers that stand for fractions are no ids, but those of scale 1 are."""
    output = np.ones((1, 2, 2), np.uint8)
    with pytest.raises(ModelError, match="of integers without a scale"):
        decode(output, scale=Quantization(0.5, 0))
    assert decode(output, scale=Quantization(1.0, 0)) == [("cat", 1, 1.0)]


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("size", [(8, 8), (4, 4), (5, 3)])
def test_each_pixel_of_the_frame_has_the_class_of_its_place(plan: FitPlan, size: tuple[int, int]) -> None:
    """The way back from the map is the way of the middle of each pixel through the fit, cropped parts have none."""
    ids = np.arange(size[0] * size[1]).reshape(size)
    frame = cells_in_frame(ids, plan, outside=-1)
    assert frame.shape == (plan.height, plan.width)
    for y in range(0, plan.height, max(1, plan.height // 17)):
        for x in range(0, plan.width, max(1, plan.width // 17)):
            inside = 0 <= x - plan.crop.x < plan.crop.w and 0 <= y - plan.crop.y < plan.crop.h
            column = plan.place.x + (x + 0.5 - plan.crop.x) * plan.place.w / plan.crop.w
            row = plan.place.y + (y + 0.5 - plan.crop.y) * plan.place.h / plan.crop.h
            at = math.floor(row * size[0] / 8), math.floor(column * size[1] / 8)
            assert frame[y, x] == (ids[at] if inside else -1)


def test_a_map_of_ids_is_not_copied() -> None:
    """A model's ids are looked at where they lie."""
    output = np.zeros((1, 4, 4, 1), np.int64)
    assert np.shares_memory(MapLayout(4, 4, None).ids(output), output)


def test_the_window_of_an_oblong_input_is_of_its_own_sides() -> None:
    """A square frame in the middle of an input twice as wide: the left and right quarters are padding, no rows are."""
    plan = plan_fit(100, 100, 16, 8, InputRule(resize="letterbox"))
    layout = MapLayout(4, 8, None)
    assert layout.window(plan) == (slice(0, 4), slice(2, 6))
    tall = plan_fit(100, 100, 8, 16, InputRule(resize="letterbox"))
    assert MapLayout(8, 4, None).window(tall) == (slice(2, 6), slice(0, 4))
    cells = np.arange(32, dtype=np.int64).reshape(4, 8)
    frame = cells_in_frame(cells, plan, outside=-1)
    assert frame[0, [0, 24, 25, 99]].tolist() == [2, 2, 3, 5]
    assert frame[[0, 24, 25, 99], 0].tolist() == [2, 2, 10, 26]
