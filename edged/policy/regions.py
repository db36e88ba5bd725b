"""Everything that is decided about a camera of which regions are shown to the model."""

from collections.abc import Iterable

from edged.domain.events import EndReason, PolicyEvent, PresenceChanged
from edged.domain.predictions import Observation
from edged.policy.camera import CameraPolicy
from edged.policy.presence import Presence, Sighting
from edged.policy.rules import CameraRules


class RegionsPolicy:
    """Judges each region by itself, and tells presence for the camera as a whole.

    A region has objects, a class and labels of its own; nothing in one is compared with anything in another. Tracks
    are numbered through the whole camera. A label is there while any region shows it, as often as all of them
    together, with the best of their scores.
    """

    def __init__(self, camera: str, rules: CameraRules, regions: Iterable[str], first_track: int = 1) -> None:
        self._rules = rules
        self._regions = {region: CameraPolicy(camera, rules, region=region) for region in regions}
        self._presence = Presence(camera)
        self.next_track = first_track
        """The number of the next track to start, in whichever region."""

    def start(self, at_ns: int) -> tuple[PolicyEvent, ...]:
        """An OFF state for each configured label, none where every label is reported; readings without a value."""
        readings = [event for region in self._regions.values() for event in region.start(at_ns)]
        return (*self._presence.initial(self._rules.labels, at_ns), *_own(readings))

    def update(self, *observations: Observation) -> tuple[PolicyEvent, ...]:
        """Judges the regions of the next frame, one after another, then presence.

        A frame that is not newer than the last one, or than a `close`, changes nothing.
        """
        events: list[PolicyEvent] = []
        for observation in observations:
            region = self._regions[observation.region]
            region.next_track = self.next_track
            events += region.update(observation)
            self.next_track = region.next_track
        return (*_own(events), *self._told(observations[0].frame.captured_ns))

    def adopt(self, rules: CameraRules, at_ns: int) -> tuple[PolicyEvent, ...]:
        """Goes on with other rules: what they still report lives on, the rest ends, and new labels are OFF."""
        fresh = [label for label in rules.labels if label not in self._rules.labels]
        self._rules = rules
        events = [event for region in self._regions.values() for event in region.adopt(rules, at_ns)]
        return (*_own(events), *self._told(at_ns), *self._presence.initial(fresh, at_ns))

    def close(self, reason: EndReason, at_ns: int) -> tuple[PolicyEvent, ...]:
        """Ends what is there in every region, and turns every label OFF; later frames begin anew."""
        events = [event for region in self._regions.values() for event in region.close(reason, at_ns)]
        return (*_own(events), *self._told(at_ns))

    def _told(self, at_ns: int) -> tuple[PresenceChanged, ...]:
        """What has changed in the sum of all regions."""
        found: dict[str, Sighting] = {}
        for region in self._regions.values():
            for label, sighting in region.sightings().items():
                found[label] = found[label].with_one_more(sighting) if label in found else sighting
        return self._presence.update(found, at_ns)


def _own(events: Iterable[PolicyEvent]) -> list[PolicyEvent]:
    """What a region tells of itself; presence is the camera's."""
    return [event for event in events if not isinstance(event, PresenceChanged)]
