"""The objects of a camera: confirmed N of M, held for a while, ended once."""

from typing import TypeAlias

from edged.domain.events import EndReason, TrackEnded, TrackStarted
from edged.domain.predictions import Detection, Observation
from edged.policy.matching import match
from edged.policy.presence import Sighting
from edged.policy.rules import CameraRules
from edged.policy.track import Track

TrackEvent: TypeAlias = TrackStarted | TrackEnded


class Tracker:
    """The objects of one camera.

    A detection that matches no known object opens a tentative track, silently. It starts, and gets its
    number, once N of its label's last M frames showed it; it vanishes as silently when that is out of
    reach. A started track ends at the first frame that does not show it `hold_s` or more after the last
    frame that did. Time is capture time alone.
    """

    def __init__(self, rules: CameraRules, first_track: int) -> None:
        self._rules = rules
        self._tracks: list[Track] = []
        self.next_track = first_track
        """The number of the next track to start; numbers are never used again."""

    def update(self, observation: Observation, counted: tuple[Detection, ...]) -> tuple[TrackEvent, ...]:
        """Judges the next frame's counting detections: what ended, then what started."""
        if not counted and not self._tracks:
            return ()
        pairs = match([track.detection for track in self._tracks], counted, self._rules.iou)
        for index, track in enumerate(self._tracks):
            if index in pairs:
                track.see(counted[pairs[index]], observation)
            else:
                track.miss()
        ended = self._give_up(observation.frame.captured_ns)
        known = set(pairs.values())
        self._open(observation, [item for index, item in enumerate(counted) if index not in known])
        return (*ended, *self._start())

    def adopt(self, rules: CameraRules) -> tuple[TrackEnded, ...]:
        """Goes on with other rules: started tracks of labels that are still reported live on under them.

        Those of other labels end as `stopped`; tentative ones are forgotten, and counted anew.
        """
        kept, ended = [], []
        for track in self._tracks:
            rule = rules.rule(track.detection.label)
            if track.started and rule is not None:
                track.rule = rule
                kept.append(track)
            elif track.started:
                ended.append(track.end("stopped", self._rules.zones))
        self._rules, self._tracks = rules, kept
        return tuple(ended)

    def close(self, reason: EndReason) -> tuple[TrackEnded, ...]:
        """Ends every started track and forgets the tentative ones."""
        ended = tuple(track.end(reason, self._rules.zones) for track in self._tracks if track.started)
        self._tracks.clear()
        return ended

    def sightings(self) -> dict[str, Sighting]:
        """The started tracks, counted by label."""
        found: dict[str, Sighting] = {}
        for track in self._tracks:
            if track.started:
                label = track.detection.label
                one = Sighting(1, track.detection.score, track.last_ns)
                found[label] = found[label].with_one_more(one) if label in found else one
        return found

    def _give_up(self, now_ns: int) -> list[TrackEnded]:
        over = [track for track in self._tracks if track.over(now_ns)]
        self._tracks = [track for track in self._tracks if not track.over(now_ns)]
        return [track.end("gone", self._rules.zones) for track in over if track.started]

    def _open(self, observation: Observation, fresh: list[Detection]) -> None:
        for item in fresh:
            rule = self._rules.rule(item.label)
            if rule is not None:
                self._tracks.append(Track(rule, item, observation, item.score))

    def _start(self) -> list[TrackStarted]:
        started: list[TrackStarted] = []
        for track in self._tracks:
            if track.confirmed and not track.started:
                started.append(track.start(self.next_track, self._rules.zones))
                self.next_track += 1
        return started
