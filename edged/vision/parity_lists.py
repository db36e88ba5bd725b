"""Whether two lists of found objects are alike, in which near-equal scores may have changed places."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edged.domain.tensors import TensorSpec
from edged.vision.digest import Digest, real
from edged.vision.manifest import DecoderName

OVERLAP = 0.5
"""Intersection over union from which two boxes are one."""
HALF = 0.5
"""How much of the rows that stand out must be found in the other list; and a row's part without its class."""
SURE = 0.5
"""No graph drops a row whose score is above this."""
_ROUNDING, _LOGIT = 3 / 256, 0.5
_BOX, _ROW = 4, 6
Floats = NDArray[np.float64]


class Listed(Protocol):
    """What a process found out about a model that lists objects."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The outputs."""

    @property
    def roles(self) -> tuple[tuple[str, int], ...]:
        """Which output plays which part."""

    @property
    def digests(self) -> tuple[Digest, ...]:
        """The beginning of each output."""


@dataclass(frozen=True, slots=True)
class ListParity:
    """How two lists differ."""

    same: bool
    far: Mapping[int, float]
    """By the number of an output, the largest difference of rows that are in both."""
    note: str


@dataclass(frozen=True, slots=True)
class _Rows:
    """Objects, best first."""

    scores: Floats
    classes: Floats
    boxes: Floats
    """N x 4; in which order the edges come does not matter for overlaps."""
    full: bool
    """Whether there was no room for more."""


def compare_lists(decoder: DecoderName, ours: Listed, theirs: Listed) -> ListParity:
    """Holds the rows that stand out in either list against the other; symmetric in the two."""
    one, other = _rows(decoder, ours), _rows(decoder, theirs)
    there, back = _Search(one, other), _Search(other, one)
    rows = there.wanted + back.wanted
    found = there.found + back.found
    note = f"{rows - found:g} of {rows} rows that stand out are not in the other list" if found < rows else ""
    same = min(there.part, back.part) >= HALF
    return ListParity(
        same,
        _far(decoder, dict(ours.roles), there, back),
        note or ("" if rows else "no row stands out"),
    )


def is_finite(seen: Listed) -> bool:
    """Whether all numbers of an SSD's rows are, and how many there are."""
    rows, count = _rows("ssd", seen), seen.digests[dict(seen.roles)["count"]].values
    return all(np.isfinite(each).all() for each in (rows.scores, rows.classes, rows.boxes, count))


def _far(
    decoder: DecoderName, place: Mapping[str, int], there: "_Search", back: "_Search"
) -> dict[int, float]:
    score, edge = max(there.score, back.score), max(there.edge, back.edge)
    if decoder == "ssd":
        return {place["boxes"]: edge, place["scores"]: score} if "boxes" in place else {}
    return {place.get("head", 0): max(edge, score)}


class _Search:
    """Looks for rows of one list in another."""

    def __init__(self, rows: _Rows, among: _Rows) -> None:
        self.wanted = 0
        self.found = 0.0
        self.score = self.edge = 0.0
        """Largest differences of a row that was found."""
        for row in np.flatnonzero(_standing_out(rows, among)):
            self.wanted += 1
            self._look(rows, int(row), among)

    @property
    def part(self) -> float:
        """How much of what was wanted was found."""
        return self.found / self.wanted if self.wanted else 1.0

    def _look(self, rows: _Rows, row: int, among: _Rows) -> None:
        score = rows.scores[row]
        near = np.abs(among.scores - score) <= np.maximum(_slack(among.scores), _slack(score))
        here = np.flatnonzero(near & (_overlaps(rows.boxes[row], among.boxes) >= OVERLAP))
        if not here.size:
            return
        alike = here[among.classes[here] == rows.classes[row]]
        self.found += 1.0 if alike.size else HALF
        best = min(alike if alike.size else here, key=lambda each: abs(among.scores[each] - score))
        self.score = max(self.score, float(abs(among.scores[best] - score)))
        self.edge = max(self.edge, float(np.abs(among.boxes[best] - rows.boxes[row]).max()))


def _standing_out(rows: _Rows, among: _Rows) -> NDArray[np.bool_]:
    """Rows so good that the other list must have them, and at least half as good as the best of all."""
    scores = np.concatenate([rows.scores, among.scores])
    if not rows.scores.size:
        return np.zeros(0, bool)
    floor = (
        float(np.min(among.scores)) if among.full and among.scores.size else min(float(np.min(scores)), SURE)
    )
    slack = _slack(rows.scores)
    stands: NDArray[np.bool_] = (rows.scores > floor + slack) & (rows.scores >= np.max(scores) * HALF)
    return stands


def _slack(scores: Floats) -> Floats:
    """How far a score may be off: its rounding, and what half a logit makes of it."""
    chance = np.clip(scores, 0.0, 1.0)
    return _ROUNDING + _LOGIT * chance * (1 - chance)


def _overlaps(box: Floats, boxes: Floats) -> Floats:
    """Intersection over union with each; 1 with an equal box, even one without a size."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    inside = np.clip(high - low, 0, None).prod(axis=1)
    sizes = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)
    whole = sizes + np.clip(box[2:] - box[:2], 0, None).prod() - inside
    shares: Floats = np.divide(inside, whole, out=np.zeros_like(inside), where=whole > 0)
    shares[(boxes == box).all(axis=1)] = 1.0
    return shares


def _rows(decoder: DecoderName, seen: Listed) -> _Rows:
    values = [real(digest, spec) for digest, spec in zip(seen.digests, seen.outputs, strict=True)]
    place = dict(seen.roles)
    if decoder == "ssd":
        boxes, classes, scores, count = (
            values[place[part]] for part in ("boxes", "classes", "scores", "count")
        )
        there = min(len(scores), len(classes), len(boxes) // _BOX)
        said = float(count[0]) if count.size and np.isfinite(count[0]) else 0.0
        number = int(np.clip(said, 0, there))
        rows = boxes[: number * _BOX].reshape(-1, _BOX)
        return _Rows(scores[:number], np.rint(classes[:number]), rows, full=number == there)
    head = values[place.get("head", 0)]
    table = head[: len(head) // _ROW * _ROW].reshape(-1, _ROW)
    table = table[np.argsort(-table[:, 4], kind="stable")]
    return _Rows(table[:, 4], np.rint(table[:, 5]), table[:, :_BOX], full=True)
