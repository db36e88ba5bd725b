"""The payload about one frame, for overlays; times come in as values."""

from collections.abc import Container

from edged.delivery import frame_types
from edged.delivery.fields import (
    box_fractions,
    frame_info,
    keypoint_numbers,
    milliseconds,
    ranked_area,
    ranked_label,
    regional,
    rounded,
    timestamp,
)
from edged.delivery.payloads import Regional
from edged.delivery.reading_payloads import read_value, short_text
from edged.delivery.topics import SlugOf, slug
from edged.domain.moment import Moment
from edged.domain.predictions import (
    Areas,
    Classification,
    Detection,
    Detections,
    LabelSet,
    Observation,
    Observations,
    Readings,
    Text,
)

MOST_POSES = 20
"""Objects of a frame, in all its regions, that are told with their key points, the best ones; the others without."""


def frame_payload(
    observations: Observations, moment: Moment, slug_of: SlugOf = slug
) -> frame_types.FramePayload:
    """What the model says about one frame, down to the camera's lowest threshold: that of its regions together."""
    frame = observations[0].frame
    taken = moment.at(frame.captured_ns)
    payload: frame_types.FramePayload = {
        "v": 1,
        "ts": timestamp(taken),
        "ts_ms": taken.wall_ns // 1_000_000,
        "camera": frame.camera,
        "frame": frame_info(frame),
        "latency_ms": milliseconds(moment.monotonic_ns - taken.monotonic_ns),
    }
    best = _best(observations)
    for observation in observations:
        _add(payload, observation, slug_of, best)
    return payload


def _best(observations: Observations) -> frozenset[int]:
    """The places of the best objects in the list of all."""
    predictions = [each.prediction for each in observations]
    scores = [item.score for each in predictions if isinstance(each, Detections) for item in each.items]
    return frozenset(sorted(range(len(scores)), key=lambda at: -scores[at])[:MOST_POSES])


def _add(
    payload: frame_types.FramePayload, observation: Observation, slug_of: SlugOf, best: Container[int]
) -> None:
    """What is said about the frame or one region of it, each entry with the region's name."""
    where = regional(observation.region)
    match observation.prediction:
        case Detections(items=items):
            detections = payload.setdefault("detections", [])
            for item in items:
                detections.append(_detection(item, slug_of, where, with_points=len(detections) in best))
        case Classification(top=top) | LabelSet(top=top):
            payload.setdefault("top", []).extend({**where, **ranked_label(each, slug_of)} for each in top)
        case Areas(top=top):
            payload.setdefault("areas", []).extend({**where, **ranked_area(each, slug_of)} for each in top)
        case Readings(items=readings):
            payload.setdefault("values", []).extend({**where, **read_value(each)} for each in readings)
        case Text(text=text, score=score):
            payload.setdefault("texts", []).append(
                {**where, "text": short_text(text), "score": rounded(score)}
            )


def _detection(
    seen: Detection, slug_of: SlugOf, where: Regional, *, with_points: bool
) -> frame_types.FrameDetection:
    payload: frame_types.FrameDetection = {
        "label": slug_of(seen.label, seen.label_id),
        "label_id": seen.label_id,
        "score": rounded(seen.score),
        "box": box_fractions(seen.box),
    }
    if "region" in where:
        payload["region"] = where["region"]
    if seen.keypoints and with_points:
        payload["keypoints"] = [keypoint_numbers(each) for each in seen.keypoints]
    return payload
