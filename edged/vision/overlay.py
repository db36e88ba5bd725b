"""What is drawn over a picture: boxes, joined points, the class of each pixel, and words; no pixels are touched here."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edged.domain.predictions import (
    Areas,
    Classification,
    Detection,
    Detections,
    LabelSet,
    Observation,
    Prediction,
    Ranked,
    Readings,
    Text,
)
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.fit import FitPlan
from edged.vision.keypoints import LIMBS, SURE
from edged.vision.manifest import Manifest
from edged.vision.maphead import cells_in_frame, map_layout

_COLOURS = 252
"""Of a mask; class ids beyond come round again, in step with any palette whose length divides this."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Figure:
    """One object; places are fractions of the picture."""

    text: str
    colour: int
    """A class's number; whoever draws knows the colour."""
    box: tuple[float, float, float, float]
    """Left, top, width, height."""
    dots: tuple[Point, ...] = ()
    """The points that are sure."""
    lines: tuple[tuple[Point, Point], ...] = ()
    """The limbs whose both ends are."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """All that is drawn over one picture."""

    figures: tuple[Figure, ...] = ()
    words: tuple[tuple[str, int], ...] = ()
    """What is said of the whole picture, each with the number of its class."""
    mask: NDArray[np.uint8] | None = None
    """[height, width] of the picture: 0 where nothing is tinted, else 1 and more for the class's number."""


def overlay_of(prediction: Prediction, names: Sequence[str], region: str = "") -> Overlay:
    """The figures and words of a prediction; `names` are those of its key points. It has no mask.

    Words about a region begin with its name.
    """
    if isinstance(prediction, Detections):
        return Overlay(figures=tuple(_figure(item, names) for item in prediction.items))
    where = f"{region}: " if region else ""
    return Overlay(words=tuple((f"{where}{text}", number) for text, number in _all_words(prediction)))


def observed_overlay(
    observation: Observation,
    outputs: Sequence[Tensor],
    specs: Sequence[TensorSpec],
    manifest: Manifest,
    plan: FitPlan,
    size: tuple[int, int] | None = None,
) -> Overlay:
    """All that was said about a frame or a region of it, with the mask of its areas; `plan` is how it was fitted.

    `size`, width and height, is that of the picture if it is not the frame's own.
    """
    prediction = observation.prediction
    overlay = overlay_of(prediction, manifest.keypoints, observation.region)
    if not isinstance(prediction, Areas):
        return overlay
    index, shown = manifest.role("map"), [entry.label_id for entry in prediction.top]
    return replace(overlay, mask=mask_of(outputs[index], specs[index], shown, plan, size))


def merged(before: Overlay, after: Overlay) -> Overlay:
    """Two overlays of one picture; where both tint, the later one does."""
    mask = after.mask if before.mask is None else before.mask
    if before.mask is not None and after.mask is not None:
        mask = np.where(after.mask > 0, after.mask, before.mask)
    return Overlay(before.figures + after.figures, before.words + after.words, mask)


def mask_of(
    output: Tensor,
    spec: TensorSpec,
    shown: Collection[int],
    plan: FitPlan,
    size: tuple[int, int] | None = None,
) -> NDArray[np.uint8] | None:
    """The mask of a map of classes, exactly where the frame was fitted by `plan`; None for what is no such map.

    Only the classes that are `shown` are tinted, by their ids. `size`, width and height, is that of the picture if
    it is not the frame's own.
    """
    layout = map_layout(spec)
    if layout is None:
        return None
    ids = layout.ids(output).astype(np.int64)
    tinted = np.isin(ids, list(shown))
    cells = np.where(tinted, ids % _COLOURS + 1, 0).astype(np.uint8)
    return cells_in_frame(cells, plan, outside=0, size=size)


def _figure(item: Detection, names: Sequence[str]) -> Figure:
    box = item.box.clamped()
    spots = {
        name: (point.x, point.y)
        for name, point in zip(names, item.keypoints, strict=False)
        if point and point.score >= SURE
    }
    limbs = tuple((spots[one], spots[other]) for one, other in LIMBS if one in spots and other in spots)
    text = f"{item.label} {item.score:.2f}"
    return Figure(text, item.label_id, (box.x, box.y, box.w, box.h), tuple(spots.values()), limbs)


def _all_words(
    prediction: Classification | LabelSet | Areas | Readings | Text,
) -> Iterator[tuple[str, int]]:
    """What is said of the whole picture, each with the number of its class."""
    match prediction:
        case Readings(items=items):
            yield from ((f"{item.name} {item.value:.6g} {item.unit}".rstrip(), 0) for item in items)
        case Text(text=text, score=score):
            yield f"{text} {score:.2f}", 0
        case Areas(top=top):
            yield from ((_words(entry, areas=True), entry.label_id) for entry in top)
        case Classification(top=top) | LabelSet(top=top):
            yield from ((_words(entry, areas=False), entry.label_id) for entry in top)


def _words(entry: Ranked, *, areas: bool) -> str:
    return f"{entry.label} {entry.score:.1%}" if areas else f"{entry.label} {entry.score:.2f}"
