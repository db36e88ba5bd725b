"""Holds what a subscriber hears of the demo against what the drawn scene has shown."""

import json
from dataclasses import dataclass, field
from typing import Any

from edged.adapters.cameras.cards import CardScene
from edged.domain.geometry import Box

LEAST_OVERLAP = 0.5
"""Intersection over union of a right box."""
PASS = 0.9
"""Part of the cards that has to be reported right."""


@dataclass(slots=True)
class Exam:
    """Judges each detection event as it is heard; `heard_s` is the time since the daemon was started."""

    scene: CardScene
    right: dict[int, float] = field(default_factory=dict)
    """When each card was first reported right, by its turn."""
    wrong: int = 0
    """Events that name a card which is not there."""
    last_seq: int = 0
    """Of the newest frame that anything was heard of."""

    def hear(self, payload: bytes, heard_s: float) -> str:
        """What to say of a message: right, wrong, or nothing where it does not tell of a new object."""
        try:
            message: Any = json.loads(payload)
        except ValueError:
            return ""
        if not isinstance(message, dict) or "frame" not in message:
            return ""
        seq = message["frame"]["seq"]
        self.last_seq = max(self.last_seq, seq)
        if message.get("type") != "detection" or message.get("phase") != "start":
            return ""
        return self._judge(seq, message["label"], Box(**message["box"]), heard_s)

    def _judge(self, seq: int, label: str, box: Box, heard_s: float) -> str:
        shown, turn = self.scene.at(seq), self.scene.turn(seq)
        if shown and shown.label == label and box.overlap(shown.box) >= LEAST_OVERLAP:
            self.right.setdefault(turn, heard_s)
            return f"right: card {turn + 1}"
        self.wrong += 1
        return f"wrong: card {turn + 1} is {f'a {shown.label}, elsewhere' if shown else 'gone'}"

    @property
    def shown(self) -> int:
        """Cards that have been shown to their end."""
        turn = self.scene.turn(max(1, self.last_seq))
        return turn + (self.last_seq >= self.scene.last_shown(turn))

    @property
    def reported(self) -> int:
        """Of those, how many were reported right."""
        return sum(turn < self.shown for turn in self.right)

    @property
    def passed(self) -> bool:
        """Whether enough of them were, and nothing else was; true where no card was shown to its end."""
        return self.reported >= PASS * self.shown and self.wrong <= (1 - PASS) * self.shown

    def result(self) -> str:
        """One sentence."""
        if not self.shown:
            return "it ended before the first card was shown to its end"
        first = f"the first one after {min(self.right.values()):.2f} s" if self.right else "none"
        cards = f"{self.reported} of {self.shown} cards shown were reported with the right label and place, {first}"
        return f"{cards}; {self.wrong} wrong reports"
