"""What a process saw of a model that takes several pictures at once, picture by picture."""

from dataclasses import dataclass
from typing import Protocol

from edged.domain.tensors import TensorSpec
from edged.vision.digest import Digest, places
from edged.vision.parity_lists import Listed


class Seen(Listed, Protocol):
    """What a process found out about a model by running it on the golden frame; no digests where there were too many."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs."""


@dataclass(frozen=True, slots=True)
class Place:
    """One picture's part of it."""

    where: str
    """For people; empty where the model takes one picture."""
    outputs: tuple[TensorSpec, ...]
    roles: tuple[tuple[str, int], ...]
    digests: tuple[Digest, ...]


def by_place(seen: Seen) -> list[Place]:
    """What was told of each picture; of a model with many it may be some of them."""
    number = max(len(seen.outputs), 1)
    told = len(seen.digests) // number
    taken = seen.inputs[0].shape[0] if told > 1 else 1
    return [
        Place(
            f"picture {place + 1} of {taken}" if taken > 1 else "",
            seen.outputs,
            seen.roles,
            seen.digests[at * number : (at + 1) * number],
        )
        for at, place in enumerate(places(taken, told).tolist())
    ]
