"""What is told of a region names it; of a camera without regions nothing has changed."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.delivery.event_payloads import (
    EventIds,
    classification_event,
    detection_event,
    labels_event,
    restart_end,
)
from edged.delivery.fields import dumps
from edged.delivery.frame_payloads import frame_payload
from edged.delivery.state_payloads import info_payload
from edged.domain.events import ClassChanged, LabelsChanged, TrackEnded, TrackStarted
from edged.domain.frame import Frame, FrameShape, PixelFormat
from edged.domain.geometry import Box
from edged.domain.moment import Moment
from edged.domain.predictions import Classification, Detection, Detections, ModelId, Observation, Ranked
from tests.unit.test_payloads import IDS, MS, NOW, PERSON, SEEN, STARTED, check, labels, names, observation

TOP = (Ranked("seven", 7, 0.97), Ranked("one", 1, 0.02))


def of_region(seen: Observation, region: str = "digit_1") -> Observation:
    return replace(seen, region=region)


def test_events_name_the_region() -> None:
    """A start, a change of class and a change of labels carry it; without regions there is no such field."""
    started = replace(STARTED, observation=of_region(SEEN))
    payload = json.loads(check("detection", detection_event(started, IDS, NOW)))
    assert payload.pop("region") == "digit_1"
    assert payload == json.loads(check("detection", detection_event(STARTED, IDS, NOW)))
    ranked = of_region(observation(Classification(TOP)))
    told = check("classification", classification_event(ClassChanged(TOP, 0.5, ranked), IDS, NOW))
    assert json.loads(told)["region"] == "digit_1"
    told = check("labels", labels_event(LabelsChanged(TOP, 0.5, ranked), IDS, NOW))
    assert json.loads(told)["region"] == "digit_1"


def test_the_end_after_a_crash_keeps_the_region() -> None:
    """It is made from the start, in whose region the object was."""
    start = dumps(detection_event(replace(STARTED, observation=of_region(SEEN)), IDS, NOW))
    ended = json.loads(check("detection", restart_end(start, EventIds("garage", "7f3k9q", 9), NOW)))
    assert (ended["region"], ended["reason"]) == ("digit_1", "restart")


def test_a_frame_lists_its_regions_flat() -> None:
    """One list for the whole frame, region after region, each entry with its region."""
    ranked = observation(Classification(TOP))
    payload = frame(
        of_region(ranked, "a"), of_region(observation(Classification(())), "b"), of_region(ranked, "c")
    )
    assert [(each["region"], each["label_id"]) for each in payload["top"]] == [
        ("a", 7),
        ("a", 1),
        ("c", 7),
        ("c", 1),
    ]
    seen = frame(of_region(SEEN, "a"), of_region(SEEN, "b"))
    assert [(each["region"], each["label"]) for each in seen["detections"]] == [
        ("a", "person"),
        ("b", "person"),
    ]
    assert "region" not in frame(SEEN)["detections"][0]


def frame(*observations: Observation) -> Any:
    return json.loads(check("frame", frame_payload(observations, NOW)))


def test_info_lists_the_regions() -> None:
    """A camera with regions says their names in their order."""
    camera: Any = {
        "model": {"name": "m", "sha": "ab12cd34"},
        "accelerator": "cpu",
        "threshold": 0.5,
        "labels": {},
        "regions": ["digit_1", "digit_2"],
    }
    told = info_payload(version="1", schema="x", boot_id="b", config_sha="c", cameras={"wall": camera})
    assert json.loads(check("info", told))["cameras"]["wall"]["regions"] == ["digit_1", "digit_2"]


@settings(max_examples=60)
@given(names, names, names, labels, st.lists(names, max_size=20), st.text(max_size=200))
def test_events_of_regions_take_less_than_a_kilobyte(
    device: str, camera: str, region: str, label: str, zones: list[str], model: str
) -> None:
    """Even with the longest names an event of a region is valid and stays under 1,000 bytes."""
    big = 2**40
    shot = Frame(camera, big, 9_000_000 * MS, FrameShape(PixelFormat.RGB, 4056, 3040))
    seen = Observation(shot, Detections(()), ModelId(model, "ab12cd34"), "edgetpu", 0, 11_123_456_789, region)
    detection = Detection(label, 99_999, 0.12345, Box(0.12345, 0.12345, 0.87654, 0.87654))
    ids = EventIds(device, "abcdef", big, f"{device}-abcdef-t{big}")
    moment = Moment(10**17, NOW.wall_ns, 10**17, synced=False)
    event = TrackEnded(
        big, detection, 0.12345, tuple(zones), seen, "camera_lost", 0.12345, 1, 10**15 + 1_234_567
    )
    assert len(check("detection", detection_event(event, ids, moment))) < 1000
    top = tuple(Ranked(f"{number}{label}", 90_000 + number, 0.12345) for number in range(9))
    assert (
        len(check("classification", classification_event(ClassChanged(top, 0.12345, seen), ids, moment)))
        < 1000
    )
    assert len(check("labels", labels_event(LabelsChanged(top, 0.12345, seen), ids, moment))) < 1000


@pytest.mark.parametrize(("region", "kept"), [("", 4), ("r" * 32, 2)])
def test_a_region_takes_of_the_room_for_zones(region: str, kept: int) -> None:
    """Four zones of the longest names fit into an event, two of them beside the longest region."""
    zones = tuple(f"{number}" * 32 for number in range(6))
    event = TrackStarted(1, PERSON, 0.5, zones, of_region(SEEN, region))
    assert json.loads(check("detection", detection_event(event, IDS, NOW)))["zones"] == list(zones[:kept])
