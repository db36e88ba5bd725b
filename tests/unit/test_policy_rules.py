"""What counts: label, score, area; and where an object stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.domain.events import TrackStarted
from edged.domain.geometry import Box
from edged.domain.predictions import Detection, Ranked
from edged.policy.rules import CameraRules, LabelRule, Zone
from edged.policy.thresholds import counted_classes, counted_detections
from edged.policy.zones import contains, footing, zones_of
from tests.unit.policy_builders import LEFT, RIGHT, found, item, only, policy

PERSON = LabelRule(0.75, min_area=0.125)
SOME = CameraRules(LabelRule(0.5), {"person": PERSON, "cat": LabelRule(0.25)})
EVERY = CameraRules(LabelRule(0.5))
DRIVE = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))


def test_listed_labels_are_the_only_ones() -> None:
    """Where labels are listed, the others are not reported."""
    assert SOME.rule("person") is PERSON
    assert SOME.rule("dog") is None


def test_no_list_means_every_label() -> None:
    """Without a list every label of the model is reported by the default rule."""
    assert EVERY.rule("dog") is EVERY.default


def test_floor_is_the_lowest_threshold_in_use() -> None:
    """The decoder's threshold is the lowest that any reported label has; an unused default does not lower it."""
    assert SOME.floor == 0.25
    assert EVERY.floor == 0.5
    assert CameraRules(LabelRule(0.1), {"person": PERSON}).floor == 0.75


@pytest.mark.parametrize(
    ("detection", "counts"),
    [
        (item("person", 0.75), True),
        (item("person", 0.7499), False),
        (item("cat", 0.25), True),
        (item("dog", 0.99), False),
        (item("person", float("nan")), False),
    ],
)
def test_score_counts_from_exactly_the_threshold(detection: Detection, counts: bool) -> None:
    """A score equal to the label's threshold counts; below it, unlisted or not a number does not."""
    assert counted_detections([detection], SOME) == ((detection,) if counts else ())


@pytest.mark.parametrize(
    ("box", "counts"),
    [
        (Box(0.0, 0.0, 0.5, 0.25), True),
        (Box(0.0, 0.0, 0.5, 0.2499), False),
        (Box(0.875, 0.0, 0.5, 0.5), False),
    ],
)
def test_area_counts_from_exactly_the_minimum(box: Box, counts: bool) -> None:
    """A box counts from exactly `min_area`, by the part of it that lies inside the frame."""
    assert bool(counted_detections([item(box=box)], SOME)) is counts


def test_classes_count_by_threshold_alone() -> None:
    """A class counts from exactly its threshold, whatever the least area; the order stays."""
    top = (Ranked("dog", 2, 0.9), Ranked("person", 0, 0.75), Ranked("cat", 1, 0.2))
    assert counted_classes(top, SOME) == (top[1],)
    assert counted_classes(top, EVERY) == top[:2]


def test_an_object_stands_where_its_lower_edge_is() -> None:
    """The point that decides is the middle of the box's lower edge."""
    assert footing(Box(0.25, 0.25, 0.5, 0.5)) == (0.5, 0.75)


def test_beyond_the_frame_the_visible_part_decides() -> None:
    """Of a box that reaches beyond the frame the part inside it decides."""
    assert footing(Box(0.5, 0.5, 1.0, 1.0)) == (0.75, 1.0)


@given(st.floats(0, 1), st.floats(0, 0.5))
def test_the_frames_lower_border_belongs_to_a_zone_that_touches_it(y: float, x: float) -> None:
    """A box that is cut off by the frame's lower border stands in a zone that reaches that border."""
    assert contains(DRIVE, footing(Box(x, y, 0.25, 1.0 - y)))


def test_zones_may_be_concave() -> None:
    """A point in the notch of a U is outside, one in its arm inside."""
    u = ((0.0, 0.0), (0.3, 0.0), (0.3, 0.7), (0.7, 0.7), (0.7, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    assert not contains(u, (0.5, 0.5))
    assert contains(u, (0.2, 0.5))
    assert contains(u, (0.8, 0.5))


def test_a_point_on_an_edge_or_corner_is_inside() -> None:
    """Edges and corners belong to the zone."""
    triangle = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    assert all(contains(triangle, point) for point in [(0.5, 0.5), (0.0, 0.0), (0.5, 0.0), (0.0, 0.25)])
    assert not contains(triangle, (0.5, 0.5001))


def test_a_zone_without_corners_holds_nothing() -> None:
    """An empty polygon contains no point, and a repeated corner does no harm."""
    assert not contains((), (0.5, 0.5))
    assert contains(((0.0, 0.0), (0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), (0.5, 0.5))


@given(st.floats(-0.5, 1.5), st.floats(-0.5, 1.5))
def test_a_rectangle_holds_what_lies_between_its_sides(x: float, y: float) -> None:
    """For an upright rectangle the polygon test agrees with comparing coordinates."""
    corners = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
    near = min(abs(value - side) for value in (x, y) for side in (0.25, 0.75)) < 1e-6
    assert near or contains(corners, (x, y)) == (0.25 < x < 0.75 and 0.25 < y < 0.75)


def test_a_zone_is_reported_for_its_labels() -> None:
    """A zone that lists labels is named for those only; one without a list for all."""
    zones = (Zone("drive", DRIVE, frozenset({"car"})), Zone("low", DRIVE))
    assert zones_of(item("car", box=LEFT), zones) == ("drive", "low")
    assert zones_of(item("person", box=LEFT), zones) == ("low",)
    assert zones_of(item("car", box=LEFT), ()) == ()


def test_zones_annotate_and_never_hide() -> None:
    """An object outside every zone is told all the same, with no zone."""
    left = Zone("left", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
    events = policy(zones=(left,)).update(found(1, item(box=LEFT), item(box=RIGHT)))
    assert [event.zones for event in only(TrackStarted, events)] == [("left",), ()]
