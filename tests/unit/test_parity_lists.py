"""Whether two lists of found objects are alike."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.domain.tensors import TensorSpec
from edged.vision.digest import BUDGET, Digest, digest_outputs
from edged.vision.manifest import DecoderName
from edged.vision.parity import Parity, compare
from tests.unit.test_nms import overlap
from tests.unit.test_parity import PICTURE

ROWS = 10
Row = tuple[float, int, tuple[float, float, float, float]]
"""Score, class, and ymin, xmin, ymax, xmax."""
CAT: Row = (0.8, 16, (0.1, 0.1, 0.6, 0.5))
DOG: Row = (0.78, 17, (0.4, 0.5, 0.9, 0.9))
TIE: Row = (0.3, 31, (0.2, 0.2, 0.3, 0.3))


@dataclass(frozen=True)
class Look:
    """What one process saw."""

    outputs: tuple[TensorSpec, ...]
    digests: tuple[Digest, ...]
    roles: tuple[tuple[str, int], ...]
    inputs: tuple[TensorSpec, ...] = (PICTURE,)


def ssd(*rows: Row) -> Look:
    """The four outputs of an SSD with room for ten rows, in the order of TensorFlow 2."""
    boxes, classes, values = np.zeros((1, ROWS, 4), np.float32), np.zeros((1, ROWS)), np.zeros((1, ROWS))
    for index, (score, kind, box) in enumerate(rows):
        values[0, index], classes[0, index], boxes[0, index] = score, kind, box
    count = np.array([len(rows)], np.float32)
    outputs = [values.astype(np.float32), boxes, count, classes.astype(np.float32)]
    specs = tuple(TensorSpec(f"out{n}", each.shape, "float32", None) for n, each in enumerate(outputs))
    roles = (("boxes", 1), ("classes", 3), ("scores", 0), ("count", 2))
    return Look(specs, digest_outputs(outputs, "ssd", BUDGET), roles)


def yolo(*rows: Row) -> Look:
    """One output of ten rows: edges, score, class."""
    head = np.zeros((1, ROWS, 6), np.float32)
    for index, (score, kind, (ymin, xmin, ymax, xmax)) in enumerate(rows):
        head[0, index] = (xmin, ymin, xmax, ymax, score, kind)
    spec = TensorSpec("head", head.shape, "float32", None)
    return Look((spec,), digest_outputs([head], "yolov10", BUDGET), (("head", 0),))


def held(one: list[Row], other: list[Row]) -> Parity:
    """As an SSD's list, both ways round."""
    return _both_ways("ssd", ssd(*one), ssd(*other))


def held_as_yolo(one: list[Row], other: list[Row]) -> Parity:
    """As a list that is always full, with rows of nothing at its end."""
    return _both_ways("yolov10", yolo(*one), yolo(*other))


def _both_ways(decoder: DecoderName, one: Look, other: Look) -> Parity:
    found, back = compare(decoder, one, other), compare(decoder, other, one)
    assert (found.same, found.outputs) == (back.same, back.outputs), "not symmetric"
    return found


def moved(row: Row, by: float = 0.0, score: float = 0.0) -> Row:
    ymin, xmin, ymax, xmax = row[2]
    return (row[0] + score, row[1], (ymin, xmin + by, ymax, xmax + by))


BOXES = st.tuples(*[st.floats(0, 0.4375, width=32)] * 2, *[st.floats(0.5625, 1, width=32)] * 2)
LISTS = st.lists(st.tuples(st.floats(0, 1, width=32), st.integers(0, 90), BOXES), max_size=ROWS).map(
    lambda rows: sorted(rows, reverse=True)
)


@given(LISTS)
def test_a_list_agrees_with_itself(rows: list[Row]) -> None:
    """Whatever was found, or nothing."""
    assert held(rows, rows).same
    assert held_as_yolo(rows, rows).same


@given(LISTS, LISTS)
def test_the_verdict_is_the_same_both_ways(one: list[Row], other: list[Row]) -> None:
    """Which file is which does not matter (`held` looks)."""
    held(one, other)
    held_as_yolo(one, other)


@given(st.permutations([CAT, DOG, TIE]))
def test_the_order_of_rows_means_nothing(rows: list[Row]) -> None:
    """Near-equal scores change places between two runtimes."""
    for found in (held([CAT, DOG, TIE], rows), held_as_yolo([CAT, DOG, TIE], rows)):
        assert found.same
        assert found.fault == ""


def test_figures_are_those_of_rows_that_are_in_both() -> None:
    """A box that lies elsewhere by 0.02 and a score that is off by 0.05 are told, each with its output."""
    found = held([CAT, DOG], [moved(DOG, 0.02), moved(CAT, 0.0, -0.05)])
    assert found.same
    figures = {each.name: each.real for each in found.outputs}
    assert figures["out1"] == pytest.approx(0.02, abs=1e-6)
    assert figures["out0"] == pytest.approx(0.05, abs=1e-6)
    assert (figures["out2"], figures["out3"]) == (None, None)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ([], False),
        ([CAT], True),
        ([moved(CAT, 0.5), moved(DOG, -0.5)], False),
        ([(0.8, 40, CAT[2]), (0.78, 41, DOG[2])], True),
        ([(0.8, 40, (0.7, 0.0, 1.0, 0.3)), (0.78, 41, (0.0, 0.7, 0.3, 1.0))], False),
        ([moved(CAT, 0.0, -0.6), moved(DOG, 0.0, -0.6)], False),
        ([CAT, DOG, TIE, (0.29, 1, (0.7, 0.7, 0.8, 0.8))], True),
    ],
    ids=["nothing", "one of two", "elsewhere", "other classes", "other things", "unsure", "one more, weak"],
)
def test_what_stands_out_must_be_there(other: list[Row], same: bool) -> None:
    """At least half of what stands out is in the other list; a row of another class counts for half."""
    assert held([CAT, DOG, TIE], other).same is same
    assert held_as_yolo([CAT, DOG, TIE], other).same is same


def test_a_row_at_the_edge_of_a_full_list_may_be_missing() -> None:
    """With no room for more, the weakest of ten near-equal rows is another one in the other list."""
    rows: list[Row] = [(0.5 - n / 100, n, (0.1 * n, 0.0, 0.1 * n + 0.08, 0.3)) for n in range(ROWS)]
    others: list[Row] = [*rows[:-1], (0.411, 50, (0.0, 0.6, 0.3, 0.9))]
    found = held(rows, others)
    assert found.same
    assert found.fault == ""


@given(BOXES, BOXES, st.floats(0.75, 1))
def test_boxes_are_one_from_half_an_overlap(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float], score: float
) -> None:
    """A single sure row is found again exactly where the boxes overlap by half, as a textbook counts it."""
    shared = overlap(one, other)
    if abs(shared - 0.5) > 1e-3:
        assert held([(score, 3, one)], [(score, 3, other)]).same is (shared > 0.5)


def test_what_lies_behind_the_last_row_means_nothing() -> None:
    """TFLite's kernel leaves what it likes there; an object that is no number, or such a count, is never alike."""
    for number, same in ((0, False), (1, False), (2, True)):
        for output in range(2):
            rows = ssd(CAT, DOG)
            values = [list(each.values) for each in rows.digests]
            values[output][number * (4 if output else 1)] = math.nan
            found = with_values(rows, values)
            assert compare("ssd", found, found).same is same
    rows = ssd(CAT, DOG)
    values = [list(each.values) for each in rows.digests]
    values[2][0] = math.nan
    found = with_values(rows, values)
    assert "infinite or no number" in compare("ssd", found, rows).fault


def with_values(look: Look, values: list[list[float]]) -> Look:
    """The same report with other values."""
    digests = (replace(digest, values=tuple(each)) for digest, each in zip(look.digests, values, strict=True))
    return replace(look, digests=tuple(digests))


def test_nothing_found_is_no_proof() -> None:
    """Two empty lists agree, and the note says how little that is."""
    found = held([], [])
    assert found.same
    assert {each.note for each in found.outputs} == {"no row stands out"}


def test_sure_objects_that_one_list_lacks_count() -> None:
    """A list that is not full would have named what is surer than 0.5 by more than rounding; 0.65 is, 0.6 is not."""
    for score, same in ((0.65, False), (0.6, True)):
        more = [(score, 17, DOG[2]), (score, 31, TIE[2])]
        assert held([(0.9, 16, CAT[2])], [(0.9, 16, CAT[2]), *more]).same == same
