"""Payloads against their schemas, and what the contract says about their fields."""

import json
import re
from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types

from edged.delivery.event_payloads import (
    EventIds,
    classification_event,
    detection_event,
    labels_event,
    restart_end,
    system_event,
)
from edged.delivery.fields import box_fractions, box_pixels, dumps, model_info
from edged.delivery.frame_payloads import frame_payload
from edged.delivery.payloads import CameraInfo
from edged.delivery.schemas import PAYLOADS, payload_schema
from edged.delivery.state_payloads import (
    info_payload,
    object_state,
    problem_state,
    stats_payload,
)
from edged.delivery.stats_types import Percentiles
from edged.domain.events import (
    ClassChanged,
    EndReason,
    LabelsChanged,
    PresenceChanged,
    SystemEvent,
    TrackEnded,
    TrackStarted,
)
from edged.domain.frame import Frame, FrameShape, PixelFormat
from edged.domain.geometry import Box
from edged.domain.moment import Moment
from edged.domain.predictions import (
    Classification,
    Detection,
    Detections,
    LabelSet,
    ModelId,
    Observation,
    Prediction,
    Ranked,
)
from edged.domain.problems import Problem

MS = 1_000_000
NOW = Moment(9_000_046 * MS, 1_795_293_667_364 * MS + 200_000, 8_123_502 * MS, synced=True)
IDS = EventIds("garage", "7f3k9q", 18423, "garage-7f3k9q-t311")
PERSON = Detection("person", 0, 0.87104, Box(0.12341, 0.23333, 0.3328, 0.6542))


def observation(
    prediction: Prediction, *, name: str = "front", model: str = "ssd_mobilenet_v2_coco"
) -> Observation:
    frame = Frame(name, 912334, 9_000_000 * MS, FrameShape(PixelFormat.RGB, 640, 480))
    began_ns = frame.captured_ns + 20 * MS
    return Observation(
        frame, prediction, ModelId(model, "ab12cd34"), "edgetpu", began_ns, began_ns + 11_800_000
    )


SEEN = observation(Detections((PERSON,)))
STARTED = TrackStarted(311, PERSON, 0.6, ("drive",), SEEN)


def ended(reason: EndReason = "gone") -> TrackEnded:
    return TrackEnded(311, PERSON, 0.6, (), SEEN, reason, 0.91239, 8_998_000 * MS, 9_000_000 * MS)


def check(kind: str, payload: object) -> bytes:
    """The payload as sent, once it satisfies its schema to the letter."""
    sent = dumps(payload)  # type: ignore[arg-type]  # a TypedDict is a mapping
    Draft202012Validator(
        payload_schema(kind, strict=True), format_checker=Draft202012Validator.FORMAT_CHECKER
    ).validate(json.loads(sent))
    return sent


@pytest.mark.parametrize("kind", sorted(PAYLOADS))
def test_schemas_are_valid(kind: str) -> None:
    """Every payload has a schema of draft 2020-12, and the published one lets additions pass."""
    Draft202012Validator.check_schema(payload_schema(kind))
    assert "additionalProperties" not in payload_schema(kind)


def test_a_start_says_what_the_contract_says() -> None:
    """The example of the contract comes out field by field."""
    payload = json.loads(check("detection", detection_event(STARTED, IDS, NOW)))
    assert payload == {
        "v": 1,
        "type": "detection",
        "phase": "start",
        "id": "garage-7f3k9q-18423",
        "seq": 18423,
        "track": "garage-7f3k9q-t311",
        "ts": "2026-11-21T20:41:07.318Z",
        "ts_ms": 1795293667318,
        "clock_synced": True,
        "uptime_ms": 8123456,
        "device": "garage",
        "camera": "front",
        "label": "person",
        "label_id": 0,
        "score": 0.871,
        "threshold": 0.6,
        "box": {"x": 0.1234, "y": 0.2333, "w": 0.3328, "h": 0.6542},
        "box_px": {"x": 79, "y": 112, "w": 213, "h": 314},
        "zones": ["drive"],
        "frame": {"seq": 912334, "w": 640, "h": 480},
        "model": {"name": "ssd_mobilenet_v2_coco", "sha": "ab12cd34"},
        "accelerator": "edgetpu",
        "infer_ms": 11.8,
        "latency_ms": 46.0,
    }


@pytest.mark.parametrize("reason", get_args(EndReason))
def test_an_end_adds_reason_duration_and_best_score(reason: EndReason) -> None:
    """The end of a track carries why, how long and how sure at best."""
    payload = json.loads(check("detection", detection_event(ended(reason), IDS, NOW)))
    assert (payload["phase"], payload["reason"]) == ("end", reason)
    assert (payload["duration_s"], payload["best_score"]) == (2.0, 0.9124)


def test_a_track_left_open_ends_with_restart() -> None:
    """The end after a crash is made from the start: same track, new id, present time."""
    start = dumps(detection_event(STARTED, IDS, NOW))
    later = Moment(5 * MS, NOW.wall_ns + 90_000 * MS, 7 * MS, synced=False)
    payload = json.loads(check("detection", restart_end(start, EventIds("garage", "7f3k9q", 9), later)))
    assert (payload["phase"], payload["reason"], payload["track"]) == ("end", "restart", IDS.track)
    assert (payload["id"], payload["seq"], payload["uptime_ms"]) == ("garage-7f3k9q-9", 9, 7)
    assert (payload["clock_synced"], payload["duration_s"]) == (False, 90.046)


def test_classifications_list_the_best() -> None:
    """A classification lists label, index and score, and an empty list means that nothing is sure."""
    top = tuple(Ranked(f"traffic light {n}", n, 0.5) for n in range(9))
    event = ClassChanged(top, 0.3, observation(Classification(top)))
    payload = json.loads(check("classification", classification_event(event, IDS, NOW)))
    assert payload["top"][0] == {"label": "traffic_light_0", "label_id": 0, "score": 0.5}
    assert len(payload["top"]) == 5
    nothing = ClassChanged((), 0.3, observation(Classification(())))
    assert json.loads(check("classification", classification_event(nothing, IDS, NOW)))["top"] == []


def test_labels_list_what_holds() -> None:
    """A change of the labels lists the five best that hold; an empty list means that none does."""
    top = tuple(Ranked(f"label {n}", n, 0.5) for n in range(9))
    event = LabelsChanged(top, 0.3, observation(LabelSet(top)))
    payload = json.loads(check("labels", labels_event(event, IDS, NOW)))
    assert (payload["type"], len(payload["top"])) == ("labels", 5)
    nothing = LabelsChanged((), 0.3, observation(LabelSet(())))
    assert json.loads(check("labels", labels_event(nothing, IDS, NOW)))["top"] == []


def test_states_statistics_and_problems_match_their_schemas() -> None:
    """Object states, frames, problems, statistics and info are what their schemas say."""
    change = PresenceChanged("front", "person", True, 2, 0.87, NOW.monotonic_ns, 9_000_000 * MS)
    assert json.loads(check("object", object_state(change, "person", NOW)))["state"] == "ON"
    never = PresenceChanged("front", "cat", False, 0, 0.0, NOW.monotonic_ns, None)
    assert json.loads(check("object", object_state(never, "cat", NOW)))["last_seen"] is None
    assert json.loads(check("frame", frame_payload((SEEN,), NOW)))["detections"][0]["label"] == "person"
    ranked = observation(Classification((Ranked("cat", 3, 0.5),)))
    assert json.loads(check("frame", frame_payload((ranked,), NOW)))["top"][0]["label_id"] == 3
    problem = Problem("tpu_lost", "the TPU is gone", "plug it in", 8_999_000 * MS)
    assert json.loads(check("problem", problem_state([problem], NOW)))["state"] == "ON"
    assert json.loads(check("problem", problem_state([], NOW)))["state"] == "OFF"
    times: Percentiles = {"p50": 1.0, "p95": 2.0, "p99": 3.0}
    check(
        "stats",
        stats_payload(
            NOW,
            cameras={
                "front": {"fps": 30.0, "frames_dropped": 0, "invoke_ms": times, "latency_ms": times},
                "back": {"fps": 0.0, "frames_dropped": 0},
            },
            temperatures_c={"cpu": 51.23},
            throttled=["under-voltage"],
            outbox={"pending": 0, "published": 3, "dropped": {"offline": 2}},
            reconnects=0,
            restarts={"front": 1},
        ),
    )
    camera: CameraInfo = {
        "model": model_info(SEEN.model),
        "accelerator": "cpu",
        "threshold": 0.5,
        "labels": {"person": 0.5},
    }
    check(
        "info", info_payload(version="1", schema="x", boot_id="b", config_sha="c", cameras={"front": camera})
    )


def test_a_nan_is_refused() -> None:
    """A score that is not a number is a bug and never leaves the device."""
    broken = TrackStarted(1, Detection("a", 0, float("nan"), PERSON.box), 0.5, (), SEEN)
    with pytest.raises(ValueError, match="JSON"):
        dumps(detection_event(broken, IDS, NOW))


fractions = st.floats(-2, 3)


@given(st.builds(Box, fractions, fractions, st.floats(0, 3), st.floats(0, 3)))
def test_boxes_stay_inside_the_frame(box: Box) -> None:
    """Whatever the model says, fractions stay within 0..1 and pixels are integers inside the frame."""
    inside = box_fractions(box)
    assert all(0 <= value <= 1 for value in (inside["x"], inside["y"], inside["w"], inside["h"]))
    assert round(inside["x"] + inside["w"], 4) <= 1
    assert round(inside["y"] + inside["h"], 4) <= 1
    pixels = box_pixels(box, 640, 480)
    assert all(isinstance(value, int) and value >= 0 for value in pixels.values())
    assert pixels["x"] + pixels["w"] <= 640
    assert pixels["y"] + pixels["h"] <= 480


names = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=32, max_size=32)
labels = st.text(min_size=1, max_size=80)
scores = st.floats(0, 1)


@settings(max_examples=60)
@given(names, names, labels, st.lists(names, max_size=20), scores, st.text(max_size=200), st.booleans())
def test_detections_take_less_than_a_kilobyte(
    device: str, camera: str, label: str, zones: list[str], score: float, model: str, synced: bool
) -> None:
    """Even with the longest names an event is valid and stays under 1,000 bytes."""
    big = 2**40
    shape = FrameShape(PixelFormat.RGB, 4056, 3040)
    frame = Frame(camera, big, 9_000_000 * MS, shape)
    seen = Observation(frame, Detections(()), ModelId(model, "ab12cd34"), "edgetpu", 0, 11_123_456_789)
    detection = Detection(label, 99_999, score, Box(0.12345, 0.12345, 0.87654, 0.87654))
    event = TrackEnded(big, detection, score, tuple(zones), seen, "camera_lost", score, 1, 10**15 + 1_234_567)
    ids = EventIds(device, "abcdef", big, f"{device}-abcdef-t{big}")
    moment = Moment(10**17, NOW.wall_ns, 10**17, synced)
    assert len(check("detection", detection_event(event, ids, moment))) < 1000


@settings(max_examples=60)
@given(names, names, st.lists(labels, min_size=5, max_size=9), st.text(max_size=200))
def test_classifications_take_less_than_a_kilobyte(
    device: str, camera: str, found: list[str], model: str
) -> None:
    """Even with the longest names a classification stays under 1,000 bytes."""
    top = tuple(Ranked(label, 90_000 + n, 0.12345) for n, label in enumerate(found))
    event = ClassChanged(top, 0.12345, observation(Classification(top), name=camera, model=model))
    ids = EventIds(device, "abcdef", 2**40)
    assert len(check("classification", classification_event(event, ids, NOW))) < 1000


@given(st.text(max_size=1000), st.text(max_size=1000))
def test_system_events_take_less_than_a_kilobyte(message: str, fix: str) -> None:
    """Overlong words are cut, so that a system event stays under 1,000 bytes and valid."""
    event = SystemEvent("c" * 32, "warning", message, fix, NOW.monotonic_ns)
    ids = EventIds("d" * 32, "abcdef", 2**40)
    assert len(check("system", system_event(event, ids, NOW))) < 1000


@given(st.integers(0, 4_000_000_000_000))
def test_timestamps_are_rfc_3339(ms: int) -> None:
    """`ts` is UTC with milliseconds, and the same instant as `ts_ms`."""
    moment = Moment(0, ms * MS, 0, synced=True)
    payload = system_event(SystemEvent("c", "info", "m", "f", 0), IDS, moment)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", payload["ts"])
    assert round(datetime.fromisoformat(payload["ts"]).astimezone(UTC).timestamp() * 1000) == ms
    assert payload["ts_ms"] == ms
