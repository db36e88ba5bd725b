"""Models that take several pictures at once: what they look like to a decoder, which reads one picture's part.

Such a model's input is [places, height, width, channels], and each of its outputs begins with the same axis.
"""

from collections.abc import Sequence
from dataclasses import replace

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor

MOST_PLACES = 64
"""Pictures that a model may take at once."""


def passes(pictures: int, places: int) -> int:
    """How often a model with so many places has to run for so many pictures."""
    return -(-pictures // places)


def outputs_of_one(
    outputs: Sequence[TensorSpec], places: int, where: str, *, final: bool = False
) -> tuple[TensorSpec, ...]:
    """What one picture's part of each output is: the same with a leading axis of 1.

    Raises ModelError where an output of a model with several places does not begin with one entry for each. A shape
    without axes is one that an invoke has to show, unless the shapes are `final`.
    """
    if places == 1:
        return tuple(outputs)
    for spec in outputs:
        if (spec.shape or final) and spec.shape[:1] != (places,):
            raise ModelError(
                f"model {where} takes {places} pictures at once, but its output {spec.name} is {list(spec.shape)}",
                f"convert it so that each output begins with {places}, or so that it takes one picture",
            )
    return tuple(of_one(spec) for spec in outputs)


def of_one(spec: TensorSpec) -> TensorSpec:
    """A tensor of several places as if there were one; a shape that is still open stays open."""
    return replace(spec, shape=(1, *spec.shape[1:])) if spec.shape else spec


class Parts:
    """Cuts what one or more runs of a model gave into the outputs of each picture.

    The pictures lie in the places of the first run, then in those of the next; what is left over in the last one
    is padding, whose answers are dropped.
    """

    def __init__(self, *, outputs: int, places: int, pictures: int) -> None:
        self._is_whole = places == 1
        runs = [divmod(picture, places) for picture in range(pictures)]
        self._cuts = [(slice(run * outputs, (run + 1) * outputs), slice(at, at + 1)) for run, at in runs]
        """For each picture the outputs of its run, and its place in them."""

    def of(self, tensors: Sequence[Tensor]) -> list[Sequence[Tensor]]:
        """For each picture its outputs, with a leading axis of 1; `tensors` are those of the first run, then the next."""
        if self._is_whole:
            return [tensors[run] for run, _ in self._cuts]
        return [[output[place] for output in tensors[run]] for run, place in self._cuts]
