"""Values of a linear model are read as a textbook reads them, and their places are held against the outputs."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.domain.errors import ConfigurationError, ModelError
from edged.domain.predictions import Reading, Readings
from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.decoding import make_decoder
from edged.vision.document import manifest_from_mapping
from edged.vision.fit import plan_fit
from edged.vision.labels import Labels
from edged.vision.manifest import InputRule, Manifest
from edged.vision.quantity import Quantity
from tests.unit.tensors import ZERO_POINTS
from tests.unit.textbook import tensors

PLAN = plan_fit(32, 32, 32, 32, InputRule())
DTYPES: st.SearchStrategy[DType] = st.sampled_from(["uint8", "int8", "int16", "float32"])
PRESSURE = Quantity("pressure", 0, 10, "bar")


@st.composite
def outputs(draw: st.DrawFn, size: int) -> tuple[TensorSpec, Tensor]:
    """An output of so many numbers, of any type, with an odd scale, or none."""
    dtype = draw(DTYPES)
    quantization = None
    if dtype != "float32":
        scale = draw(st.sampled_from([1 / 256, 0.031, 0.75, 3.7]))
        points = ZERO_POINTS.get(dtype, [0, -7])
        quantization = draw(st.none() | st.builds(Quantization, st.just(scale), st.sampled_from(points)))
    return TensorSpec("values", (1, size), dtype, quantization), draw(tensors(dtype, (1, size)))


@st.composite
def quantities(draw: st.DrawFn, name: str) -> Quantity:
    """A value of any scale, offset and range."""
    low, size = draw(st.floats(-50, 50)), draw(st.floats(0.1, 200))
    scale = draw(st.sampled_from([1.0, 10.0, -0.3, 0.00721]))
    return Quantity(name, low, low + size, "bar", scale, draw(st.floats(-20, 20)))


def manifest(*values: Quantity) -> Manifest:
    return Manifest("gauge", "value", "linear", InputRule(), (), values=values)


def decode(values: tuple[Quantity, ...], *pairs: tuple[TensorSpec, Tensor]) -> tuple[Reading, ...]:
    """What the product reads."""
    specs, stored = [spec for spec, _ in pairs], [tensor for _, tensor in pairs]
    decoder = make_decoder(manifest(*values), specs, Labels(), threshold=0.5, top_k=1)
    found = decoder.decode(stored, PLAN)
    assert isinstance(found, Readings)
    return found.items


def textbook(pairs: list[tuple[TensorSpec, Tensor]], values: tuple[Quantity, ...]) -> dict[str, float]:
    """Everything dequantised in a row, element by element, in Python's numbers; NaN is left out."""
    reals = []
    for spec, tensor in pairs:
        scale, zero = (spec.quantization.scale, spec.quantization.zero_point) if spec.quantization else (1, 0)
        reals += [(number - zero) * scale for number in tensor.flatten().tolist()]
    told = {}
    for each, real in zip(values, reals, strict=True):
        value = each.offset + each.scale * real
        if value == value:  # noqa: PLR0124  NaN is not
            told[each.name] = each.low if value < each.low else min(value, each.high)
    return told


@given(
    st.tuples(outputs(2), outputs(1)),
    st.tuples(quantities("a"), quantities("b"), quantities("c")),
)
def test_values_are_dequantised_scaled_and_clamped(
    pairs: tuple[tuple[TensorSpec, Tensor], ...], values: tuple[Quantity, ...]
) -> None:
    """Names run through the outputs' elements in order; each value is number times scale plus offset, in its range."""
    found = decode(values, *pairs)
    wanted = textbook(list(pairs), values)
    assert [each.name for each in found] == list(wanted)
    assert [each.value for each in found] == pytest.approx(list(wanted.values()), abs=1e-6)
    assert all(math.isfinite(each.value) and each.unit == "bar" for each in found)


def floats(*numbers: float) -> tuple[TensorSpec, Tensor]:
    return TensorSpec("v", (1, len(numbers)), "float32", None), np.array([numbers], np.float32)


def test_nan_is_no_reading_and_infinity_is_an_end() -> None:
    """A value that is no number is left out; the others are told."""
    values = tuple(replace(PRESSURE, name=name) for name in "abc")
    found = decode(values, floats(math.nan, math.inf, -math.inf))
    assert [(each.name, each.value) for each in found] == [("b", 10.0), ("c", 0.0)]


def test_minus_zero_is_zero() -> None:
    """No value is written with a sign that means nothing."""
    [found] = decode((replace(PRESSURE, scale=-1.0),), floats(0.0))
    assert math.copysign(1, found.value) == 1


def test_a_tensor_of_scale_0_holds_its_integers() -> None:
    """What has no scale is not quantised."""
    spec = TensorSpec("v", (1, 1), "int8", None)
    assert decode((replace(PRESSURE, low=-200),), (spec, np.array([[-128]], np.int8)))[0].value == -128


def test_values_may_say_where_they_are() -> None:
    """With a place some elements may have no name; one without goes on behind the one before it."""
    a = replace(PRESSURE, name="a", output=1)
    b = replace(PRESSURE, name="b")
    c = replace(PRESSURE, name="c", output=0, index=2)
    found = decode((a, b, c), floats(1, 2, 3), floats(4, 5, 6))
    assert [(each.name, each.value) for each in found] == [("a", 4), ("b", 5), ("c", 3)]
    d = replace(PRESSURE, name="d")
    assert [each.value for each in decode((c, d), floats(1, 2, 3), floats(4))] == [3, 4]


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ([PRESSURE], "gauge gives float32 [1, 2] and float32 [1, 1], but its manifest names 1 values"),
        ([replace(PRESSURE, name=name) for name in "abcd"], "there is no output 2 for its value d"),
        ([replace(PRESSURE, output=5)], "there is no output 5 for its value pressure"),
        ([replace(PRESSURE, output=1, index=1)], "output 1 has no element 1 for its value pressure"),
        (
            [replace(PRESSURE, index=0), replace(PRESSURE, name="b", output=0)],
            "element 0 of output 0 is its value pressure and its value b",
        ),
    ],
)
def test_places_that_are_not_there_are_refused(values: list[Quantity], what: str) -> None:
    """The error names the value and the tensors, and says what to do."""
    with pytest.raises(ModelError) as caught:
        decode(tuple(values), floats(1, 2), floats(3))
    assert what in caught.value.what
    assert caught.value.fix


def mistakes(values: Any, **more: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        manifest_from_mapping(
            {"name": "gauge", "decoder": "linear", "values": values, **more},
            lambda path: ":".join(map(str, path)),
        )
    return caught.value.what


GOOD = {"name": "pressure", "range": [0, 10]}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"name": "Druck"}, "values:0:name: values.0.name: must be 1 to 32 of a-z, 0-9, _ and -"),
        ({"unit": "x" * 17}, "values.0.unit: must be at most 16 characters, not 17"),
        ({"scale": 0}, "values.0.scale: must not be 0"),
        ({"range": [10, 0]}, "values.0.range: must be two numbers, the lower one first, such as [0, 10]"),
        ({"range": [0, 1, 2]}, "values.0.range: must be two numbers"),
        ({"range": None}, "values.0.range: is missing"),
        ({"output": -1}, "values.0.output: must be a whole number from 0"),
        ({"rnage": [0, 1]}, "values.0.rnage: is not known (did you mean range?)"),
    ],
)
def test_mistakes_in_a_manifest_are_told_at_their_place(change: dict[str, Any], line: str) -> None:
    """Each mistake in the list of values has its place, its key and what would be right."""
    assert line in mistakes([{**GOOD, **change}])


def test_the_list_itself_is_checked() -> None:
    """It must be there, be a list, and name each value once; a linear model has no roles."""
    assert "values: is missing: linear needs what its numbers are, such as [{name: pressure" in mistakes(None)
    assert "values: must be a list of sections" in mistakes({"pressure": {}})
    assert "values: two of them are called pressure" in mistakes([GOOD, GOOD])
    assert "roles: linear has none" in mistakes([GOOD], roles={"values": 0})
