"""What a drawn frame shows, and what every scene can say of its frames."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from edged.adapters.cameras.sprite import Sprite
from edged.domain.geometry import Box


@dataclass(frozen=True, slots=True)
class Placed:
    """A sprite over the ground, and what a model should say of it."""

    label: str
    """What it is."""
    look: str
    """Which of the scene's sprites it is drawn with."""
    box: Box
    """The object in fractions of the frame."""
    left: int
    """Pixels, as `top`: where the sprite's corner lies; both even, so that they fall on whole chroma samples."""
    top: int


class Scene(Protocol):
    """What is shown, as a pure function of the frame's number."""

    def sprites(self) -> Mapping[str, Sprite]:
        """Every sprite by its name."""

    def at(self, seq: int) -> Placed | None:
        """What frame `seq`, from 1, shows; None for the bare ground."""
