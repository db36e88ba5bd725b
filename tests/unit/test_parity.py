"""Whether two files of one model answer alike."""

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.digest import BUDGET, Digest, digest_outputs, places
from edged.vision.manifest import DecoderName
from edged.vision.parity import LOGIT, ROUNDING, SPREAD, Parity, compare

PICTURE = TensorSpec("picture", (1, 8, 8, 3), "uint8", None)
STEP = 1 / 256
PROBABILITIES = Quantization(STEP, 0)
WIDE = Quantization(0.5, 100)


@dataclass(frozen=True)
class Look:
    """What one process saw."""

    outputs: tuple[TensorSpec, ...]
    digests: tuple[Digest, ...]
    roles: tuple[tuple[str, int], ...] = ()
    inputs: tuple[TensorSpec, ...] = (PICTURE,)


def look(
    *tensors: Tensor,
    decoder: DecoderName = "classification",
    quantization: Quantization | None = None,
    roles: tuple[tuple[str, int], ...] = (),
) -> Look:
    """The report on these outputs, all with the same quantisation."""
    specs = tuple(
        TensorSpec(f"out{index}", tensor.shape, cast(DType, tensor.dtype.name), quantization)
        for index, tensor in enumerate(tensors)
    )
    return Look(specs, digest_outputs(tensors, decoder, BUDGET), roles)


def held(
    one: Tensor,
    other: Tensor,
    quantization: Quantization | None = None,
    decoder: DecoderName = "classification",
) -> Parity:
    """One output of two files."""
    ours, theirs = (look(each, quantization=quantization, decoder=decoder) for each in (one, other))
    found = compare(decoder, ours, theirs)
    back = compare(decoder, theirs, ours)
    assert (found.same, found.outputs) == (back.same, back.outputs), "not symmetric"
    return found


def scores(**classes: float) -> NDArray[np.uint8]:
    """1001 probabilities, all 0 but those of the classes `c<number>`."""
    tensor = np.zeros((1, 1001), np.uint8)
    for name, value in classes.items():
        tensor[0, int(name[1:])] = round(value / STEP)
    return tensor


BYTES = hnp.arrays(np.uint8, st.tuples(st.just(1), st.integers(1, 1200)))
FLOATS = hnp.arrays(
    np.float32, st.tuples(st.just(1), st.integers(1, 600)), elements=st.floats(-1e6, 1e6, width=32)
)
MAPS = hnp.arrays(np.int64, st.tuples(st.integers(1, 30), st.integers(1, 30)), elements=st.integers(0, 20))
ANY = st.one_of(
    st.tuples(BYTES, st.sampled_from([PROBABILITIES, WIDE, None])),
    st.tuples(FLOATS, st.none()),
    st.tuples(MAPS, st.none()),
)
DECODERS: st.SearchStrategy[DecoderName] = st.sampled_from(["classification", "multilabel", "yolov8"])


@given(ANY, DECODERS)
def test_equal_answers_agree(given_one: tuple[Tensor, Quantization | None], decoder: DecoderName) -> None:
    """A file agrees with itself, whatever it answers, and nothing is apart."""
    tensor, quantization = given_one
    found = held(tensor, tensor, quantization, decoder)
    assert found.same
    assert {output.real for output in found.outputs} <= {0.0, None}


@given(BYTES, BYTES, st.sampled_from([PROBABILITIES, WIDE]), DECODERS)
def test_it_does_not_matter_which_file_is_which(
    one: Tensor, other: Tensor, quantization: Quantization, decoder: DecoderName
) -> None:
    """The verdict and the figures are the same both ways (`held` looks); lengths that differ disagree."""
    found = held(one, other, quantization, decoder)
    if one.shape != other.shape:
        assert not found.same
        assert "outputs differ: number 0 has shape" in found.fault


@given(BYTES, st.integers(-ROUNDING.__trunc__(), ROUNDING.__trunc__()), DECODERS)
def test_a_shift_within_rounding_agrees(tensor: Tensor, shift: int, decoder: DecoderName) -> None:
    """Up to three steps everywhere mean nothing."""
    shifted = np.clip(tensor.astype(int) + shift, 0, 255).astype(np.uint8)
    assert held(tensor, shifted, PROBABILITIES, decoder).same


@given(BYTES, st.integers(SPREAD.__trunc__() + 1, 200))
def test_a_shift_beyond_what_rounding_adds_up_to_disagrees(tensor: Tensor, shift: int) -> None:
    """More than eight steps everywhere are another model, in values that are no probabilities."""
    low = (tensor.astype(int) * (255 - shift) // 255).astype(np.uint8)
    found = held(low, low + np.uint8(shift), WIDE, "yolov8")
    assert not found.same
    assert found.outputs[0].steps == pytest.approx(shift)
    assert found.outputs[0].real == pytest.approx(shift * WIDE.scale)


@given(BYTES, st.integers(int((LOGIT / 4) / STEP + ROUNDING) + 1, 200))
def test_a_shift_beyond_half_a_logit_disagrees_in_probabilities(tensor: Tensor, shift: int) -> None:
    """Where a probability of a half could not come from, no other one can either."""
    low = (tensor.astype(int) * (255 - shift) // 255).astype(np.uint8)
    assert not held(low, low + np.uint8(shift), PROBABILITIES).same


@given(FLOATS, st.floats(0.5, 10))
def test_floats_have_steps_of_what_is_seen(tensor: Tensor, shift: float) -> None:
    """Where no scale says what a step is, half of all that is seen is too much, however large the numbers are."""
    span = float(np.ptp(np.asarray(tensor, np.float64)))
    assume(span > 1e-3 * max(1.0, float(np.abs(tensor).max())))
    moved = (tensor.astype(np.float64) + shift * span).astype(np.float32)
    assert not held(tensor, moved, None, "yolov8").same


@given(st.integers(0, 2**32), st.integers(0, 20), st.floats(1e-6, 1e3))
def test_floats_that_were_integers_go_by_the_steps_of_these(seed: int, shift: int, scale: float) -> None:
    """What the chip gave in 8 bits has the same tolerance after it became floats, also where few values are used."""
    low = np.random.default_rng(seed).integers(-30, 30, (1, 400))
    found = held((low * scale).astype(np.float32), ((low + shift) * scale).astype(np.float32), None, "yolov8")
    assert found.same is (shift <= SPREAD)
    assert found.outputs[0].steps == pytest.approx(shift, rel=1e-3)


def test_next_to_nothing_is_next_to_nothing() -> None:
    """Floats that all stand for no probability agree, however many times one is the other."""
    tiny = np.random.default_rng(1).random((1, 200)).astype(np.float32) * 1e-6
    assert held(tiny, tiny[:, ::-1] * 5).same


def test_what_an_edge_tpu_was_seen_to_do_agrees() -> None:
    """The scores that a MobileNet gave on an Edge TPU and on a CPU, as one of its users published them."""
    cpu = scores(c282=12 * STEP, c283=28 * STEP, c285=STEP, c286=206 * STEP, c533=2 * STEP, c812=3 * STEP)
    chip = scores(c282=10 * STEP, c283=33 * STEP, c285=STEP, c286=203 * STEP, c533=2 * STEP, c812=3 * STEP)
    found = held(cpu, chip, PROBABILITIES)
    assert found.same
    assert found.outputs[0].steps == pytest.approx(5)


def test_two_classes_in_doubt_may_change_places() -> None:
    """0.54 against 0.46 and the other way round is one model that does not know; 0.9 against 0.1 is not."""
    one = np.array([[138, 118]], np.uint8)
    assert held(one, one[:, ::-1], PROBABILITIES).same
    sure = np.array([[230, 26]], np.uint8)
    assert not held(sure, sure[:, ::-1], PROBABILITIES).same


def test_another_winner_is_seen_wherever_it_is() -> None:
    """Of a thousand classes only some are sampled, but the largest are told by name."""
    for winner in range(1, 1001, 37):
        found = held(scores(c0=0.4), scores(**{f"c{winner}": 0.4}), PROBABILITIES)
        assert not found.same, winner
        assert found.fault.startswith("output out0 differs by up to 0.398 (102 steps)")


def test_a_few_values_may_be_astray() -> None:
    """One in ten of those that move is no other model; one in five is."""
    calm = np.zeros((1, 250), np.uint8)
    calm[0, :100] = 100
    for number, same in ((10, True), (20, False)):
        other = calm.copy()
        other[0, :number] = 140
        assert held(calm, other, WIDE, "yolov8").same is same


def test_what_is_at_rest_hides_nothing() -> None:
    """Four values of a thousand that are elsewhere are enough where all others are nothing in both."""
    one, other = np.zeros((1, 4000), np.uint8), np.zeros((1, 4000), np.uint8)
    one[0, :4], other[0, 1000:1004] = 200, 200
    assert not held(one, other, WIDE, "yolov8").same


def test_scores_of_cells_are_probabilities() -> None:
    """The scores of an anchor-free detector may be half a logit off; its boxes may not."""
    cells = np.full((1, 64, 4), 120, np.uint8)
    other = cells + np.uint8(25)
    roles = (("boxes", 0), ("scores", 1))
    ours = look(cells, cells, decoder="fcos", quantization=PROBABILITIES, roles=roles)
    near = look(cells, other, decoder="fcos", quantization=PROBABILITIES, roles=roles)
    far = look(other, cells, decoder="fcos", quantization=PROBABILITIES, roles=roles)
    assert [each.kind for each in compare("fcos", ours, near).outputs] == ["values", "probabilities"]
    assert (compare("fcos", ours, near).same, compare("fcos", ours, far).same) == (True, False)


@pytest.mark.parametrize(("part", "same"), [(0.0, True), (0.05, True), (0.2, False), (1.0, False)])
def test_a_map_of_classes_is_judged_by_its_places(part: float, same: bool) -> None:
    """A class has no size: nine of ten places must show the same, and how far numbers are apart means nothing."""
    one = np.random.default_rng(1).integers(0, 21, (1, 97, 89))
    other = np.where(np.random.default_rng(2).random(one.shape) < part, one + 1, one)
    found = held(one, other)
    assert found.same is same
    assert (found.outputs[0].kind, found.outputs[0].steps) == ("classes", None)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_never_alike(bad: float) -> None:
    """One value that is not finite, in either file or in both, is named."""
    good = np.ones((1, 500), np.float32)
    broken = good.copy()
    broken[0, 3] = bad
    for one, other in ((good, broken), (broken, good), (broken, broken)):
        found = held(one, other)
        assert (found.same, found.fault) == (
            False,
            "output out0 gives 1 values that are infinite or no number",
        )


def test_another_input_is_named_at_once() -> None:
    """Where sizes, kinds or numbers of tensors differ, no value is looked at."""
    one = look(np.zeros((1, 5), np.uint8))
    other = replace(one, inputs=(replace(PICTURE, shape=(1, 9, 9, 3)),))
    fault = compare("classification", one, other).fault
    assert fault == "their inputs differ: number 0 has shape [1, 8, 8, 3] against [1, 9, 9, 3]"
    double = look(np.zeros((1, 5), np.uint8), np.zeros((1, 5), np.uint8))
    assert compare("classification", one, double).fault == "their outputs differ: 1 against 2"


def test_outputs_that_nobody_told_of_are_not_compared() -> None:
    """Two processes with too many outputs to tell agree as far as is known, and no output is listed."""
    silent = replace(look(np.zeros((1, 5), np.uint8)), digests=())
    assert compare("fcos", silent, silent) == Parity(same=True)


@pytest.mark.parametrize(("steps", "same"), [(5, True), (6, False)])
def test_small_probabilities_may_be_five_steps_apart(steps: int, same: bool) -> None:
    """Near 0 that is three of rounding and half a logit's worth: 3 + p / 2 in steps, for p of five steps 5.45."""
    one, other = scores(), scores(**{f"c{index}": steps * STEP for index in range(100, 140)})
    assert held(one, other, PROBABILITIES).same == same


@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
@pytest.mark.parametrize(("wrong", "same"), [(1, True), (2, False)])
def test_a_map_may_differ_in_a_tenth_of_its_places(wrong: int, same: bool, dtype: type[np.integer]) -> None:
    """Nine places of ten are alike, eight are not; in bytes too, where 3 and 7 are no four steps."""
    one, other = np.full((1, 10), 3, dtype), np.full((1, 10), 3, dtype)
    other[0, :wrong] = 7
    assert held(one, other, decoder="classmap").same == same


def test_the_highest_value_elsewhere_is_seen_between_the_samples() -> None:
    """In an output too large to be told whole, two files that are sure of different places disagree."""
    one, other = (np.zeros((1, 200_000), np.uint8) for _ in range(2))
    told = look(one, quantization=PROBABILITIES).digests[0]
    sampled = set(places(told.size, len(told.values)).tolist())
    here, there = (index for index in range(1000, 1010) if index not in sampled), 190_001
    one[0, next(here)] = 230
    other[0, there] = 230
    assert there not in sampled
    assert not held(one, other, PROBABILITIES).same
    assert held(one, one, PROBABILITIES).same
