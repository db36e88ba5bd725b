"""SSD outputs are read as a textbook would, and nonsense in them is survived."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.domain.predictions import Detection, Detections
from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.decoding import make_decoder
from edged.vision.fit import FitPlan, plan_fit
from edged.vision.labels import Labels
from edged.vision.manifest import InputRule, Manifest
from tests.unit.tensors import quantizations, real, spec_of, values

ROLES = (("boxes", 2), ("classes", 0), ("scores", 3), ("count", 1))
PLAN = plan_fit(640, 480, 300, 300, InputRule())
LETTERBOX = plan_fit(640, 480, 300, 300, InputRule(resize="letterbox"))
PLANS = [PLAN, LETTERBOX, plan_fit(1280, 720, 320, 320, InputRule(resize="crop"))]
BOX = (0.1, 0.2, 0.5, 0.8)


def decode(
    tensors: dict[str, Tensor],
    quantization: dict[str, Quantization | None] | None = None,
    *,
    threshold: float = 0.5,
    plan: FitPlan = PLAN,
) -> tuple[Detection, ...]:
    """The detections in these tensors, by role."""
    outputs: list[Tensor] = [np.empty(0)] * 4
    specs = [TensorSpec("", (), "float32", None)] * 4
    for role, index in ROLES:
        tensor = outputs[index] = tensors[role]
        specs[index] = spec_of(role, tensor, (quantization or {}).get(role))
    manifest = Manifest("m", "detection", "ssd", InputRule(), ROLES)
    decoder = make_decoder(manifest, specs, Labels({0: "person", 2: "cat"}), threshold=threshold, top_k=1)
    prediction = decoder.decode(outputs, plan)
    assert isinstance(prediction, Detections)
    return prediction.items


def floats(
    *rows: tuple[float, float, tuple[float, float, float, float]], count: float | None = None
) -> dict[str, Tensor]:
    """Float outputs with these rows of class, score, box."""
    return {
        "boxes": np.array([[box for _, _, box in rows]], np.float32).reshape(1, -1, 4),
        "classes": np.array([[kind for kind, _, _ in rows]], np.float32),
        "scores": np.array([[score for _, score, _ in rows]], np.float32),
        "count": np.array([len(rows) if count is None else count], np.float32),
    }


def textbook(
    tensors: dict[str, Tensor], quantization: dict[str, Quantization | None], threshold: float, plan: FitPlan
) -> list[tuple[int, float, tuple[float, ...]]]:
    """Everything dequantised, then read row by row: class, score, edges clamped to the frame."""
    reals = {role: real(tensor, quantization.get(role)) for role, tensor in tensors.items()}
    rows = []
    for row in range(min(max(round(reals["count"][0]), 0), reals["scores"].size)):
        score, kind = reals["scores"][0, row], round(reals["classes"][0, row])
        top, left, bottom, right = reals["boxes"][0, row]
        xs = [
            (plan.crop.x + (x * plan.target_width - plan.place.x) * plan.crop.w / plan.place.w) / plan.width
            for x in (left, right)
        ]
        ys = [
            (plan.crop.y + (y * plan.target_height - plan.place.y) * plan.crop.h / plan.place.h) / plan.height
            for y in (top, bottom)
        ]
        edges = tuple(np.clip([xs[0], ys[0], xs[1], ys[1]], 0, 1))
        if score >= threshold and kind >= 0 and edges[0] < edges[2] and edges[1] < edges[3]:
            rows.append((kind, min(max(score, 0.0), 1.0), edges))
    return sorted(rows, key=lambda row: -row[1])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
@settings(max_examples=120)
@given(data=st.data())
def test_same_as_the_textbook(data: st.DataObject, dtype: DType) -> None:
    """Labels, scores and boxes are those of dequantising everything and reading row by row."""
    rows = data.draw(st.integers(1, 12))
    shapes = {"boxes": (1, rows, 4), "classes": (1, rows), "scores": (1, rows), "count": (1,)}
    tensors = {role: data.draw(values(dtype, shape, -2.0, 3.0)) for role, shape in shapes.items()}
    tensors["count"] = np.array([data.draw(st.integers(-1, rows + 2))], np.float32)
    quantization = {role: data.draw(quantizations(dtype)) for role in ("boxes", "classes", "scores")}
    threshold = data.draw(st.sampled_from([0.0, 0.1, 0.5, 0.9]))
    plan = data.draw(st.sampled_from(PLANS))
    expected = textbook(tensors, quantization, threshold, plan)
    got = decode(tensors, quantization, threshold=threshold, plan=plan)
    slivers = {row[1] for row in expected if min(row[2][2] - row[2][0], row[2][3] - row[2][1]) < 1e-9}
    got = tuple(each for each in got if each.score not in slivers)
    expected = [row for row in expected if row[1] not in slivers]
    assert [each.label_id for each in got] == [row[0] for row in expected]
    assert [each.score for each in got] == pytest.approx([row[1] for row in expected], abs=1e-6)
    for each, (_, _, edges) in zip(got, expected, strict=True):
        box = each.box
        assert (box.x, box.y, box.x + box.w, box.y + box.h) == pytest.approx(edges, abs=1e-5)


def test_box_becomes_left_top_width_height() -> None:
    """ymin, xmin, ymax, xmax of a stretched frame are its own fractions."""
    (found,) = decode(floats((2, 0.75, BOX)))
    assert (found.label, found.label_id, found.score) == ("cat", 2, 0.75)
    assert (found.box.x, found.box.y, found.box.w, found.box.h) == pytest.approx(
        (0.2, 0.1, 0.6, 0.4), abs=1e-6
    )


def test_letterbox_is_undone() -> None:
    """A box around the whole letterboxed picture is a box around the whole frame; the bars are cut off."""
    (found,) = decode(floats((0, 0.9, (0.0, 0.0, 1.0, 1.0))), plan=LETTERBOX)
    assert (found.box.x, found.box.y, found.box.w, found.box.h) == (0.0, 0.0, 1.0, 1.0)
    assert decode(floats((0, 0.9, (0.0, 0.0, 0.12, 1.0))), plan=LETTERBOX) == ()


def test_best_first_and_stable() -> None:
    """Detections come best first; equal ones keep the model's order."""
    found = decode(floats((0, 0.6, BOX), (1, 0.9, BOX), (2, 0.6, BOX), (3, 0.9, BOX), (4, 0.2, BOX)))
    assert [each.label_id for each in found] == [1, 3, 0, 2]


def test_threshold_is_met_by_an_equal_score() -> None:
    """A score equal to the threshold is a detection, as a float and as an integer; one step below is not."""
    tensors = floats((0, 0.5, BOX), (1, 0.499, BOX))
    assert [each.label_id for each in decode(tensors)] == [0]
    tensors["scores"] = np.array([[128, 127]], np.uint8)
    assert [each.label_id for each in decode(tensors, {"scores": Quantization(1 / 256, 0)})] == [0]


def test_unnamed_class() -> None:
    """A class that the labels don't have is called by its number."""
    assert decode(floats((7, 0.9, BOX)))[0].label == "class_7"


@pytest.mark.parametrize(
    ("count", "expected"), [(1, 1), (0, 0), (-3, 0), (99, 2), (math.nan, 0), (math.inf, 2), (-math.inf, 0)]
)
def test_count(count: float, expected: int) -> None:
    """Only the counted rows are read; a count beyond the rows means all, a senseless one none."""
    assert len(decode(floats((0, 0.9, BOX), (0, 0.8, BOX), count=count))) == expected


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_non_finite_rows_are_dropped(bad: float) -> None:
    """A row with NaN or infinity in its box, class or score is dropped; the next row is not."""
    for edge in range(4):
        box = tuple(bad if at == edge else side for at, side in enumerate(BOX))
        assert decode(floats((0, 0.9, box), (1, 0.8, BOX)))[0].label_id == 1  # type: ignore[arg-type]  # 4 of them
    assert [each.label_id for each in decode(floats((bad, 0.9, BOX), (1, bad, BOX), (2, 0.8, BOX)))] == [2]


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_score_that_is_no_number_hides_no_other(at: int) -> None:
    """Wherever a NaN stands among the scores, the object behind or before it is found, and a weak one is not."""
    scores = [0.1, 0.9, 0.2]
    scores.insert(at, math.nan)
    rows = [(kind, score, BOX) for kind, score in enumerate(scores)]
    assert [each.label_id for each in decode(floats(*rows))] == [scores.index(0.9)]
    assert decode(floats((0, math.nan, BOX), (1, 0.4, BOX))) == ()


def test_numbers_that_make_no_box_are_left_out() -> None:
    """Where a tensor's shape is open and its numbers are no multiple of four, the boxes that are whole are read."""
    tensors = floats((0, 0.9, BOX), (1, 0.8, BOX))
    open_specs = [TensorSpec("", (), "float32", None)] * 4
    manifest = Manifest("m", "detection", "ssd", InputRule(), ROLES)
    decoder = make_decoder(manifest, open_specs, Labels(), threshold=0.5, top_k=1)
    boxes = tensors["boxes"].reshape(-1)[:7]
    found = decoder.decode([tensors["classes"], tensors["count"], boxes, tensors["scores"]], PLAN)
    assert [each.label_id for each in found.items] == [0]  # type: ignore[union-attr]  # it is a detector


@pytest.mark.parametrize("kind", [-1.0, -1e30, 1e30, 2.0**31])
def test_impossible_classes_are_dropped(kind: float) -> None:
    """A class below zero or beyond any model is noise."""
    assert decode(floats((kind, 0.9, BOX))) == ()


@pytest.mark.parametrize(
    "box",
    [(0.5, 0.2, 0.1, 0.8), (0.1, 0.8, 0.5, 0.2), (0.1, 0.2, 0.1, 0.8), (1.1, 0.0, 1.5, 1.0), (-1, -1, 0, 0)],
)
def test_empty_boxes_are_dropped(box: tuple[float, float, float, float]) -> None:
    """A box of negative or no size, or outside the frame, is no detection."""
    assert decode(floats((0, 0.9, box))) == ()


def test_boxes_are_clamped() -> None:
    """What reaches beyond the frame is cut off."""
    (found,) = decode(floats((0, 1.5, (-0.5, -0.25, 0.5, 1.25))))
    assert (found.box.x, found.box.y, found.box.w, found.box.h) == (0.0, 0.0, 1.0, 0.5)
    assert found.score == 1.0


@pytest.mark.parametrize("far", [1e17, 1e30, 3e38])
def test_a_far_edge_leaves_the_near_one_alone(far: float) -> None:
    """A box from far outside ends where the model says: no width swallows its other edge."""
    left_out, right_out = decode(floats((0, 0.9, (-far, -far, 0.5, 0.25)), (1, 0.8, (0.5, 0.25, far, far))))
    box = left_out.box
    assert (box.x, box.y, box.w, box.h) == (0.0, 0.0, 0.25, 0.5)
    box = right_out.box
    assert (box.x, box.y, box.w, box.h) == (0.25, 0.5, 0.75, 0.5)


def test_fewer_rows_than_promised() -> None:
    """Outputs of different lengths are read as far as all of them reach; missing ones mean nothing found."""
    tensors = floats((0, 0.9, BOX), (1, 0.8, BOX))
    open_specs = [TensorSpec("", (), "float32", None)] * 4
    manifest = Manifest("m", "detection", "ssd", InputRule(), ROLES)
    decoder = make_decoder(manifest, open_specs, Labels(), threshold=0.5, top_k=1)
    short = [tensors["classes"], tensors["count"], tensors["boxes"][:, :1], tensors["scores"]]
    assert len(decoder.decode(short, PLAN).items) == 1  # type: ignore[union-attr]  # it is a detector
    assert decoder.decode([np.empty(0, np.float32)] * 4, PLAN) == Detections(())
