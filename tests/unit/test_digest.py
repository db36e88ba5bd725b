"""What a process tells of its outputs: bounded, and true."""

import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edged.ports import Tensor
from edged.transport.control import MAX_BYTES
from edged.vision.digest import BUDGET, PEAKS, SAMPLES, Digest, digest_from_wire, digest_outputs, places

DTYPES = ["uint8", "int8", "int32", "int64", "float32"]
TENSORS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(np.dtype(dtype), hnp.array_shapes(max_dims=3, max_side=30))
)


def of(tensor: Tensor) -> Digest:
    (digest,) = digest_outputs([tensor], "yolov8", BUDGET)
    return digest


@given(TENSORS)
def test_a_digest_is_true(tensor: Tensor) -> None:
    """Samples, extremes and the largest values are those of the tensor; what is not finite is counted."""
    digest = of(tensor)
    flat = [float(value) for value in tensor.reshape(-1).tolist()]
    finite = [value for value in flat if math.isfinite(value)]
    assert (digest.size, digest.odd) == (len(flat), len(flat) - len(finite))
    assert digest.low == pytest.approx(min(finite, default=0.0), rel=1e-8)
    assert digest.high == pytest.approx(max(finite, default=0.0), rel=1e-8)
    wanted = [flat[index] for index in places(len(flat), SAMPLES)]
    assert np.allclose(digest.values, wanted, rtol=1e-8, atol=0, equal_nan=True)
    if digest.peaks:
        assert [value for _, value in digest.peaks] == pytest.approx(
            [flat[index] for index, _ in digest.peaks], rel=1e-8
        )
        assert sorted(value for _, value in digest.peaks) == pytest.approx(sorted(flat)[-PEAKS:], rel=1e-8)


@given(st.integers(0, 10**6), st.integers(1, 300))
def test_places_are_within_and_each_is_another(size: int, number: int) -> None:
    """No value is sampled twice, none beyond the end, and the gaps are as even as can be."""
    found = places(size, number)
    gaps = np.diff(found)
    assert len(found) == min(size, number)
    assert not len(found) or (found[0] == 0 and found[-1] < size)
    assert not len(gaps) or (gaps.min() >= 1 and gaps.max() - gaps.min() <= 1)


def test_samples_fall_on_every_column() -> None:
    """Of rows of 4, of 85 and of 64 values, each column is among the samples of a thousand rows."""
    for columns in (4, 64, 85):
        assert len(set((places(1000 * columns, SAMPLES) % columns).tolist())) == columns


@given(TENSORS)
def test_a_digest_survives_its_way_to_the_parent(tensor: Tensor) -> None:
    """What comes out of JSON is what went in, also where numbers are none."""
    digest = of(tensor)
    again = digest_from_wire(json.loads(json.dumps(asdict(digest))))
    assert repr(again) == repr(digest)


@pytest.mark.parametrize("outputs", [1, 4, 30, 160])
def test_the_report_of_many_outputs_fits_one_message(outputs: int) -> None:
    """However many outputs there are, digests leave room for the rest of the report."""
    noise = np.random.default_rng(0).normal(size=(outputs, 2000)).astype(np.float32) * 1e-20
    found = digest_outputs(list(noise), "fcos", BUDGET)
    assert len(json.dumps([asdict(each) for each in found])) < MAX_BYTES * 0.75
    assert len(found) == outputs


def test_too_many_outputs_are_not_told_at_all() -> None:
    """Two hundred outputs get no digest, and nothing is compared then."""
    assert digest_outputs([np.zeros(3, np.uint8)] * 200, "fcos", BUDGET) == ()


def test_of_a_list_the_beginning_is_told() -> None:
    """The best rows of a detector's list stand first, and are told whole."""
    (digest,) = digest_outputs([np.arange(4000, dtype=np.float32).reshape(1, 1000, 4)], "ssd", BUDGET)
    assert digest.values == tuple(map(float, range(SAMPLES)))


@pytest.mark.parametrize(
    "change",
    [
        {"size": -1},
        {"size": 10**30},
        {"size": math.inf},
        {"odd": math.nan},
        {"values": 3},
        {"low": 10**400},
        {"peaks": [[1]]},
        {"values": ["x"]},
    ],
    ids=str,
)
def test_nonsense_from_a_process_is_known_as_such(change: dict[str, Any]) -> None:
    """A report that no process of ours writes raises what the parent expects of nonsense."""
    data = {**asdict(of(np.zeros(5, np.uint8))), **change}
    with pytest.raises((KeyError, TypeError, ValueError)):
        digest_from_wire(data)
