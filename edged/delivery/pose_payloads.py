"""Payloads of events of poses and of areas; times come in as values."""

from collections.abc import Mapping, Sequence

from edged.delivery import payloads, pose_types
from edged.delivery.event_payloads import EventIds, ended, fitting, judged, room_of_region
from edged.delivery.fields import box_fractions, dumps, keypoint_numbers, ranked_area, rounded
from edged.delivery.topics import SlugOf, slug
from edged.domain.events import LabelsChanged, TrackEnded, TrackStarted
from edged.domain.moment import Moment
from edged.domain.predictions import Keypoint

_MOST_BYTES = 900
"""Of a seen pose: with what its end adds, be it after a crash, it stays under 1,000."""
_ZONES_BYTES = 44
_NULL = "null,"
_LONGEST_POINT = len("[0.123,0.123,0.12],")


def pose_event(
    event: TrackStarted | TrackEnded, ids: EventIds, moment: Moment, slug_of: SlugOf = slug
) -> pose_types.PoseEvent:
    """The start or end of an object with key points; `moment` is when it was decided."""
    seen = _seen_pose(event, ids, moment, slug_of)
    if isinstance(event, TrackStarted):
        return {**seen, "phase": "start"}
    return {**seen, **ended(event)}


def areas_event(
    event: LabelsChanged, ids: EventIds, moment: Moment, slug_of: SlugOf = slug
) -> pose_types.AreasEvent:
    """A change of the classes that cover enough of the picture; at most the five largest are listed."""
    return {
        **judged(event.observation, event.threshold, ids, moment),
        "type": "areas",
        "top": [ranked_area(ranked, slug_of) for ranked in event.top[: payloads.MAX_TOP]],
    }


def _seen_pose(
    event: TrackStarted | TrackEnded, ids: EventIds, moment: Moment, slug_of: SlugOf
) -> pose_types.SeenPose:
    seen, nulls = event.detection, len(event.detection.keypoints) * len(_NULL)
    payload: pose_types.SeenPose = {
        **judged(event.observation, event.threshold, ids, moment),
        "type": "pose",
        "track": ids.track,
        "label": slug_of(seen.label, seen.label_id),
        "label_id": seen.label_id,
        "score": rounded(seen.score),
        "box": box_fractions(seen.box),
        "zones": [],
        "keypoints": [],
    }
    payload["zones"] = fitting(
        event.zones, min(_ZONES_BYTES - room_of_region(event.observation.region), _room(payload) - nulls)
    )
    payload["keypoints"] = _surest(seen.keypoints, _room(payload) - nulls)
    return payload


def _room(payload: Mapping[str, object]) -> int:
    """The bytes that are left."""
    return _MOST_BYTES - len(dumps(payload))


def _surest(keypoints: Sequence[Keypoint | None], room: int) -> list[list[float] | None]:
    """The points in their order, as many of the surest as `room` bytes hold beyond null for each."""
    most = max(0, room // (_LONGEST_POINT - len(_NULL)))
    known = [(-point.score, index) for index, point in enumerate(keypoints) if point]
    kept = {index for _, index in sorted(known)[:most]}
    return [keypoint_numbers(point) if index in kept else None for index, point in enumerate(keypoints)]
