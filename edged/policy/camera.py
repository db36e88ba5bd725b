"""Everything that is decided about one camera."""

from edged.domain.events import EndReason, PolicyEvent, PresenceChanged, ReadingState
from edged.domain.predictions import (
    Areas,
    Classification,
    Detection,
    Detections,
    LabelSet,
    Observation,
    Readings,
    Text,
)
from edged.policy.changes import ClassWatch
from edged.policy.labels import LabelWatch
from edged.policy.presence import Presence, Sighting
from edged.policy.rules import CameraRules
from edged.policy.texts import TextWatch
from edged.policy.thresholds import counted_detections
from edged.policy.tracker import Tracker
from edged.policy.values import ValueWatch


class CameraPolicy:
    """Turns what a model says about a camera's frames into what is told.

    There is no tick: time passes only by frames, so that a recording gives the same events each time.
    Whoever notices that no frames come any more calls `close`.
    """

    def __init__(self, camera: str, rules: CameraRules, first_track: int = 1, *, region: str = "") -> None:
        self._rules = rules
        self._tracker = Tracker(rules, first_track)
        self._classes = ClassWatch(rules)
        self._labels = LabelWatch(rules)
        self._values = ValueWatch(camera, rules, region)
        self._text = TextWatch(camera, rules, region)
        self._presence = Presence(camera)
        self._newest = (-1, 0)
        """`captured_ns` and `seq` of the newest frame; `seq` alone starts anew with the camera."""

    @property
    def next_track(self) -> int:
        """The number of the next track to start: the `first_track` of this policy's successor."""
        return self._tracker.next_track

    @next_track.setter
    def next_track(self, number: int) -> None:
        """Goes on from a higher number, where others have taken those before it."""
        self._tracker.next_track = number

    def start(self, at_ns: int) -> tuple[PresenceChanged | ReadingState, ...]:
        """An OFF state for each configured label, none where every label is reported; readings without a value."""
        return (
            *self._presence.initial(self._rules.labels, at_ns),
            *self._values.start(at_ns),
            *self._text.start(at_ns),
        )

    def update(self, observation: Observation) -> tuple[PolicyEvent, ...]:
        """Judges the next frame: tracks that ended, tracks that started, then presence.

        A frame that is not newer than the last one, or than a `close`, changes nothing.
        """
        frame, prediction = observation.frame, observation.prediction
        if (frame.captured_ns, frame.seq) <= self._newest:
            return ()
        self._newest = (frame.captured_ns, frame.seq)
        changes: tuple[PolicyEvent, ...]
        match prediction:
            case Detections():
                changes = self._tracker.update(observation, self.counted(observation))
            case Classification():
                changes = self._classes.update(observation, prediction)
            case LabelSet() | Areas():
                changes = self._labels.update(observation, prediction)
            case Readings():
                changes = self._values.update(observation, prediction)
            case Text():
                changes = self._text.update(observation, prediction)
        return (*changes, *self._presence.update(self.sightings(), frame.captured_ns))

    def counted(self, observation: Observation) -> tuple[Detection, ...]:
        """The detections of this frame that count, confirmed or not."""
        prediction = observation.prediction
        return counted_detections(prediction.items, self._rules) if isinstance(prediction, Detections) else ()

    def adopt(self, rules: CameraRules, at_ns: int) -> tuple[PolicyEvent, ...]:
        """Goes on with other rules: what they still report lives on, the rest ends, and new labels are OFF."""
        fresh = [label for label in rules.labels if label not in self._rules.labels]
        self._rules = rules
        self._text.adopt(rules)
        return (
            *self._tracker.adopt(rules),
            *self._classes.adopt(rules),
            *self._labels.adopt(rules),
            *self._values.adopt(rules, at_ns),
            *self._presence.update(self.sightings(), at_ns),
            *self._presence.initial(fresh, at_ns),
        )

    def close(self, reason: EndReason, at_ns: int) -> tuple[PolicyEvent, ...]:
        """Ends every track, the class, the labels and the readings, and turns every label OFF; later frames begin anew.

        A result that was still under way, of a frame captured before `at_ns`, is then ignored.
        """
        self._newest = max(self._newest, (at_ns, 0))
        return (
            *self._tracker.close(reason),
            *self._classes.close(),
            *self._labels.close(),
            *self._values.close(at_ns),
            *self._text.close(at_ns),
            *self._presence.update({}, at_ns),
        )

    def sightings(self) -> dict[str, Sighting]:
        """What is there of each label; a model has one task, so that only one of these has any."""
        return {**self._tracker.sightings(), **self._classes.sightings(), **self._labels.sightings()}
