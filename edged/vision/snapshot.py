"""What a snapshot shows of a frame: how large it is, and what is drawn over it."""

from collections.abc import Sequence
from dataclasses import dataclass

from edged.domain.frame import FrameShape
from edged.domain.predictions import Observation, Observations
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.vision.fit import FitPlan
from edged.vision.manifest import Manifest
from edged.vision.overlay import Figure, Overlay, Point, merged, observed_overlay

MOST_SIDE = 1920
MOST_FIGURES, MOST_WORDS = 50, 20
"""Of a crowded frame the best are drawn: more could not be told apart."""
MOST_LETTERS = 80
"""Of a label or a text: more would not fit into the picture."""
_DIGITS = 6
"""Of a place in fractions of the picture, which has no million pixels across: all has to fit into one message."""
_REGION_COLOUR = 17
"""Grey."""
Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sheet:
    """How large a snapshot may be."""

    side: int
    """Longest side in pixels; a smaller frame keeps its size."""
    most_bytes: int


def picture_size(shape: FrameShape, side: int) -> Size:
    """Width and height of a frame whose longest side is at most `side`, in its proportions."""
    longest = max(shape.width, shape.height)
    if longest <= side:
        return shape.width, shape.height
    return max(1, round(shape.width * side / longest)), max(1, round(shape.height * side / longest))


def frame_overlay(
    observations: Observations,
    outputs: Sequence[Sequence[Tensor]],
    *,
    specs: Sequence[TensorSpec],
    manifest: Manifest,
    plans: Sequence[FitPlan],
    size: Size,
) -> Overlay:
    """All that the model said about a frame, as it is drawn over a picture of that size.

    `outputs` and `plans` are those of the whole frame or of each region, in the order of the observations; `specs`
    describe the outputs of one of them.
    """
    whole = Overlay()
    for observation, part, plan in zip(observations, outputs, plans, strict=True):
        whole = merged(whole, observed_overlay(observation, part, specs, manifest, plan, size))
    outlines = tuple(_outlines(observations, plans))
    figures = tuple(map(_brief, whole.figures[:MOST_FIGURES])) + outlines
    words = tuple((text[:MOST_LETTERS], number) for text, number in whole.words[:MOST_WORDS])
    return Overlay(figures, words, whole.mask)


def _brief(figure: Figure) -> Figure:
    """The same, said in fewer bytes."""
    left, top, width, height = (round(side, _DIGITS) for side in figure.box)
    return Figure(
        figure.text[:MOST_LETTERS],
        figure.colour,
        (left, top, width, height),
        tuple(map(_rounded, figure.dots)),
        tuple((_rounded(start), _rounded(end)) for start, end in figure.lines),
    )


def _rounded(point: Point) -> Point:
    return round(point[0], _DIGITS), round(point[1], _DIGITS)


def _outlines(observations: Sequence[Observation], plans: Sequence[FitPlan]) -> list[Figure]:
    """A frame around each region, with its name."""
    return [
        Figure(
            observation.region,
            _REGION_COLOUR,
            (area.x / plan.width, area.y / plan.height, area.w / plan.width, area.h / plan.height),
        )
        for observation, plan in zip(observations, plans, strict=True)
        if (area := plan.area)
    ]
