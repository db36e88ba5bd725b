"""The payload of whatever the policy decided to tell."""

from collections.abc import Mapping
from typing import TypeAlias

from edged.delivery.event_payloads import EventIds, classification_event, detection_event, labels_event
from edged.delivery.pose_payloads import areas_event, pose_event
from edged.delivery.reading_payloads import text_event, value_event
from edged.delivery.topics import SlugOf
from edged.domain.events import (
    ClassChanged,
    LabelsChanged,
    TextChanged,
    TrackEnded,
    TrackStarted,
    ValueChanged,
)
from edged.domain.moment import Moment
from edged.domain.predictions import Areas

Told: TypeAlias = TrackStarted | TrackEnded | ClassChanged | LabelsChanged | ValueChanged | TextChanged


def payload_of(event: Told, ids: EventIds, moment: Moment, slug_of: SlugOf) -> Mapping[str, object]:
    """The event as it is published; `moment` is when it was decided."""
    match event:
        case TrackStarted() | TrackEnded():
            build = pose_event if event.detection.keypoints else detection_event
            return build(event, ids, moment, slug_of)
        case ClassChanged():
            return classification_event(event, ids, moment, slug_of)
        case LabelsChanged():
            build_set = areas_event if isinstance(event.observation.prediction, Areas) else labels_event
            return build_set(event, ids, moment, slug_of)
        case ValueChanged():
            return value_event(event, ids, moment, slug_of)
        case TextChanged():
            return text_event(event, ids, moment, slug_of)
