"""Named parts of a camera's frame, each of which is shown to the model by itself."""

from dataclasses import dataclass

from edged.domain.geometry import Box

MOST_REGIONS = 16
"""Of one camera: each of them costs an invoke, or a place in one."""


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the frame with its name; the box lies within the frame and has a size."""

    name: str
    box: Box
