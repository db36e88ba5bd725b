"""What was said of the last frames, kept until it is known which of them was copied for a picture."""

from edged.domain.moment import Moment
from edged.vision.overlay import Overlay

MOST = 64
"""Answers: where a model is fast and the machine busy, many come before the painter has had its turn."""
MOST_MASKS = 6
"""Of a model of areas: each mask is as large as the picture, and such models are slow."""


class Said:
    """Overlays of one camera's frames by sequence number, with the moments at which they were captured."""

    def __init__(self) -> None:
        self._answers: dict[int, tuple[Overlay, Moment]] = {}

    def add(self, seq: int, overlay: Overlay, captured: Moment) -> None:
        """Keeps one more; the oldest ones go."""
        self._answers[seq] = overlay, captured
        most = MOST if overlay.mask is None else MOST_MASKS
        for old in sorted(self._answers)[:-most]:
            del self._answers[old]

    def of(self, seq: int) -> tuple[Overlay, Moment] | None:
        """What was said of a frame, if it is still there."""
        return self._answers.get(seq)

    def later_than(self, seq: int) -> bool:
        """Whether a later frame was answered: what was not said of this one will not come."""
        return any(each > seq for each in self._answers)
