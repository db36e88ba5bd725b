"""One object over time."""

from dataclasses import dataclass

from edged.domain.events import EndReason, TrackEnded, TrackStarted
from edged.domain.predictions import Detection, Observation
from edged.policy.rules import LabelRule, Zone
from edged.policy.zones import zones_of


@dataclass(slots=True, eq=False)
class Track:
    """An object: tentative until it starts, then known by its number."""

    rule: LabelRule
    detection: Detection
    """The last one seen."""
    observation: Observation
    """The last one that showed it."""
    best_score: float
    window: int = 1
    """One bit for each of the last M frames, the newest lowest: 1 where it was seen."""
    started: bool = False
    number: int = 0
    started_ns: int = 0

    @property
    def last_ns(self) -> int:
        """`captured_ns` of the last frame that showed it."""
        return self.observation.frame.captured_ns

    @property
    def confirmed(self) -> bool:
        """Whether N of the last M frames showed it."""
        return self.window.bit_count() >= self.rule.confirm[0]

    def see(self, detection: Detection, observation: Observation) -> None:
        """Takes a frame that shows it."""
        self._shift(1)
        self.detection, self.observation = detection, observation
        self.best_score = max(self.best_score, detection.score)

    def miss(self) -> None:
        """Takes a frame that does not show it."""
        self._shift(0)

    def over(self, now_ns: int) -> bool:
        """Whether to give it up, `now_ns` being the time of the last frame."""
        if self.window & 1:
            return False
        if self.started:
            return now_ns - self.last_ns >= self.rule.hold_ns
        # After more than M - N misses in a row no M frames that include one of its sightings can hold N.
        needed, frames = self.rule.confirm
        return not self.window & ((1 << (frames - needed + 1)) - 1)

    def start(self, number: int, zones: tuple[Zone, ...]) -> TrackStarted:
        """Gives it its number, as of the frame just seen."""
        self.started, self.number, self.started_ns = True, number, self.last_ns
        return TrackStarted(
            track=number,
            detection=self.detection,
            threshold=self.rule.threshold,
            zones=zones_of(self.detection, zones),
            observation=self.observation,
        )

    def end(self, reason: EndReason, zones: tuple[Zone, ...]) -> TrackEnded:
        """What is told of its end, all as of the last frame that showed it."""
        return TrackEnded(
            track=self.number,
            detection=self.detection,
            threshold=self.rule.threshold,
            zones=zones_of(self.detection, zones),
            observation=self.observation,
            reason=reason,
            best_score=self.best_score,
            started_ns=self.started_ns,
            ended_ns=self.last_ns,
        )

    def _shift(self, seen: int) -> None:
        self.window = (self.window << 1 | seen) & ((1 << self.rule.confirm[1]) - 1)
