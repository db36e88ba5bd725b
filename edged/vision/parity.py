"""Whether two files of one model answer alike, by the digests of what each said about the golden frame."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edged.domain.tensors import TensorSpec
from edged.vision.digest import LISTS, Digest, places, real, to_real
from edged.vision.manifest import DecoderName
from edged.vision.parity_lists import Listed, compare_lists, is_finite
from edged.vision.parity_places import Seen, by_place
from edged.vision.quantise import are_shares, real_range
from edged.vision.specs import difference

Kind = Literal["values", "probabilities", "list", "classes"]
ROUNDING = 3.0
"""Quantisation steps that mean nothing."""
SPREAD = 8.0
"""Steps that the rounding of many layers in a row may add up to in a value that is no probability."""
LOGIT = 0.5
"""Of a probability, how far the logit behind it may be off: p (1 - p) times this, besides the rounding."""
STRAY = 1 / 8
"""The part of the values that are not at rest which may lie further apart."""
ALIKE = 0.9
"""The part of a map's places that must show the same class."""
_STEPS = 255
_FEW = 32
"""In how many steps what a tensor without a scale shows is thought to be divided, at most and at least."""
_SAME = 1e-5
"""The part of themselves or of all that is seen by which floats may differ and still be equal."""
_CLASSES: frozenset[DecoderName] = frozenset({"classification", "binary", "multilabel"})


@dataclass(frozen=True, slots=True)
class OutputParity:
    """How far one output of the two files differs."""

    name: str
    kind: Kind
    same: bool
    steps: float | None
    """Largest difference in steps of the quantisation; None where nothing was measured."""
    real: float | None
    """The same in real values."""
    note: str


@dataclass(frozen=True, slots=True)
class Parity:
    """Whether the files answer alike; symmetric in the two."""

    same: bool
    fault: str = ""
    """The first thing that is not alike, for people."""
    outputs: tuple[OutputParity, ...] = ()


def compare(decoder: DecoderName, ours: Seen, theirs: Seen) -> Parity:
    """Holds what two processes saw against each other."""
    for kind in ("inputs", "outputs"):
        fault = difference(getattr(ours, kind), getattr(theirs, kind))
        if fault:
            return Parity(same=False, fault=f"their {kind} differ: {fault}")
    if not (ours.digests and theirs.digests):
        return Parity(same=True)
    fault = strange(decoder, ours) or strange(decoder, theirs)
    if fault:
        return Parity(same=False, fault=fault)
    pairs = zip(by_place(ours), by_place(theirs), strict=False)
    found = [(one.where, _outputs(decoder, one, other)) for one, other in pairs]
    outputs = tuple(_worst(each) for each in zip(*[_placed(*each) for each in found], strict=True))
    wrong = next((each for each in outputs if not each.same), None)
    return Parity(wrong is None, _words(wrong) if wrong else "", outputs)


def strange(decoder: DecoderName, seen: Seen) -> str:
    """What is infinite or no number in the outputs, for people; empty where nothing is."""
    return next((fault for place in by_place(seen) if (fault := _strange(decoder, place))), "")


def _strange(decoder: DecoderName, seen: Listed) -> str:
    if decoder == "ssd":  # what lies behind the last row means nothing
        return "" if is_finite(seen) else "an object in the list has values that are infinite or no number"
    for spec, digest in zip(seen.outputs, seen.digests, strict=False):
        if digest.odd:
            return f"output {spec.name} gives {digest.odd} values that are infinite or no number"
    return ""


def _placed(where: str, outputs: Sequence[OutputParity]) -> list[OutputParity]:
    """Outputs that say in which picture they are not alike."""
    if not where:
        return list(outputs)
    return [
        each if each.same else replace(each, note=where + (f": {each.note}" if each.note else ""))
        for each in outputs
    ]


def _worst(pictures: Sequence[OutputParity]) -> OutputParity:
    """What one output shows in that of the pictures in which it differs most."""
    return max(pictures, key=lambda each: (not each.same, each.real or 0.0))


def _outputs(decoder: DecoderName, ours: Listed, theirs: Listed) -> tuple[OutputParity, ...]:
    parts = {index: part for part, index in ours.roles}
    if decoder in LISTS:
        return _lists(decoder, ours, theirs)
    return tuple(
        _map(spec, one, other)
        if decoder == "classmap" and spec.quantization is None and not spec.dtype.startswith("float")
        else _one(spec, one, other, probable=decoder in _CLASSES or parts.get(index, "").startswith("scores"))
        for index, (spec, one, other) in enumerate(
            zip(ours.outputs, ours.digests, theirs.digests, strict=False)
        )
    )


def _lists(decoder: DecoderName, ours: Listed, theirs: Listed) -> tuple[OutputParity, ...]:
    """The outputs of a list have one verdict together; each has its own figures."""
    found = compare_lists(decoder, ours, theirs)
    return tuple(
        OutputParity(spec.name, "list", found.same, *_in_steps(found.far.get(index), spec), found.note)
        for index, spec in enumerate(ours.outputs)
    )


def _in_steps(far: float | None, spec: TensorSpec) -> tuple[float | None, float | None]:
    scale = spec.quantization.scale if spec.quantization and not spec.dtype.startswith("float") else None
    return (far / scale if scale and far is not None else None), far


def _one(spec: TensorSpec, one: Digest, other: Digest, *, probable: bool) -> OutputParity:
    if spec.quantization is None and spec.dtype in {"int32", "int64", "bool"}:
        return _map(spec, one, other)
    pairs = _pairs(spec, one, other)
    is_probability = probable and _within_0_and_1(spec, one, other)
    step = _step(spec, pairs, least=1 / (_STEPS + 1) if is_probability else 0.0)
    apart = np.abs(pairs[0] - pairs[1])
    extra = _logit_slack(pairs) if is_probability else (SPREAD - ROUNDING) * step
    stray, moving = _stray(pairs, apart > (ROUNDING * step + extra) * (1 + _SAME), step)
    far = float(apart.max(initial=0.0))
    same = stray <= STRAY * moving
    note = f"{stray} of {moving} values that are not at rest lie too far apart" if stray else ""
    kind: Kind = "probabilities" if is_probability else "values"
    return OutputParity(spec.name, kind, same, far / step, far, note)


def _stray(pairs: NDArray[np.float64], beyond: NDArray[np.bool_], step: float) -> tuple[int, int]:
    """How many values are too far apart, and how many move at all; the rest of an output is often one value."""
    rest = float(np.median(pairs)) if pairs.size else 0.0
    moving = np.abs(pairs - rest).max(axis=0, initial=0.0) > ROUNDING * step
    return int(np.sum(beyond & moving)), int(np.sum(moving))


def _logit_slack(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """By the value of each pair that is more in doubt."""
    chance = np.clip(pairs, 0.0, 1.0)
    return LOGIT * np.asarray((chance * (1 - chance)).max(axis=0, initial=0.0))


def _pairs(spec: TensorSpec, one: Digest, other: Digest) -> NDArray[np.float64]:
    """2 x N real values to be held against each other: samples, extremes, and the places of the largest."""
    stored = [*zip(one.values, other.values, strict=False), (one.low, other.low), (one.high, other.high)]
    stored += [(value, there) for value, there in _at_peaks(one, other)]
    stored += [(there, value) for value, there in _at_peaks(other, one)]
    return to_real(np.array(stored, np.float64).T, spec)


def _at_peaks(one: Digest, other: Digest) -> list[tuple[float, float]]:
    """Each of the largest values with the other's at that place, or with the most that it can be there."""
    if not (one.peaks and other.peaks):
        return []
    known = dict(zip(places(other.size, len(other.values)).tolist(), other.values, strict=True))
    known |= dict(other.peaks)
    most = min(value for _, value in other.peaks)
    return [(value, known.get(index, min(value, most))) for index, value in one.peaks]


def _step(spec: TensorSpec, pairs: NDArray[np.float64], *, least: float) -> float:
    """What counts as one step: an 8-bit tensor's scale, or what the values of others show of the one behind them."""
    if spec.quantization and spec.dtype in {"uint8", "int8"}:
        return spec.quantization.scale
    return max(_grain(np.unique(pairs)), least) or 1.0


def _grain(levels: NDArray[np.float64]) -> float:
    """The smallest gap between values, which a chip's 8 bits leave also where they became floats.

    At least a 255th of all that is seen, and at most a 32nd.
    """
    gaps = np.diff(levels)
    span = float(np.sum(gaps))
    gaps = gaps[gaps > _SAME * span]
    smallest = float(np.min(gaps)) if gaps.size else 0.0
    return min(max(smallest, span / _STEPS), span / _FEW)


def _within_0_and_1(spec: TensorSpec, one: Digest, other: Digest) -> bool:
    low, high = real_range(spec)
    if spec.dtype.startswith("float"):
        low, high = min(one.low, other.low), max(one.high, other.high)
    return are_shares(low, high)


def _map(spec: TensorSpec, one: Digest, other: Digest) -> OutputParity:
    """A map of classes, in which differences have no size."""
    ours, theirs = real(one, spec), real(other, spec)
    number = min(len(ours), len(theirs))
    alike = int(np.sum(ours[:number] == theirs[:number]))
    note = f"{number - alike} of {number} places differ" if alike < number else ""
    return OutputParity(spec.name, "classes", alike >= ALIKE * number, None, None, note)


def _words(wrong: OutputParity) -> str:
    """What is wrong with an output, in a few words."""
    by = f" by up to {wrong.real:.3g}" if wrong.real else ""
    steps = f" ({wrong.steps:.0f} steps)" if wrong.steps else ""
    return f"output {wrong.name} differs{by}{steps}{': ' + wrong.note if wrong.note else ''}"
