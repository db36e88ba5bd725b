"""Values of which one frame has many."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.domain.geometry import Box
from edged.domain.predictions import Detection, Keypoint, Ranked
from edged.vision.bounds import within

VALUES = (
    Box(0.1, 0.2, 0.3, 0.4),
    Keypoint(0.1, 0.2, 0.9),
    Detection("cat", 2, 0.75, Box(0.1, 0.2, 0.3, 0.4), (Keypoint(0.1, 0.2, 0.9), None)),
    Ranked("cat", 2, 0.75),
)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_are_fixed(value: Any) -> None:
    """A value cannot be changed or given something new, and has no room for more than its fields."""
    for name in (type(value).__annotations__.keys(), ("more",)):
        for each in name:
            with pytest.raises(AttributeError):
                setattr(value, each, 0.0)
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_equal_values_are_one_key(value: Any) -> None:
    """Two values of the same numbers are equal and count as one in a set; another number makes another value."""
    again = type(value)(**value._asdict())
    assert (again, hash(again)) == (value, hash(value))
    for name in type(value).__annotations__:
        assert value._replace(**{name: None}) != value


def test_a_detection_needs_no_points() -> None:
    """What is no pose has none."""
    assert Detection("cat", 2, 0.75, Box(0.1, 0.2, 0.3, 0.4)).keypoints == ()


@given(st.floats(), st.floats(-2, 2), st.floats(0, 2))
def test_within_is_the_nearest_number_of_the_range(value: float, low: float, room: float) -> None:
    """A number beyond the range is cut at its end, any other stays what it is, to its sign; NaN is left alone."""
    assert repr(within(value, low, low + room)) == repr(min(max(value, low), low + room))
