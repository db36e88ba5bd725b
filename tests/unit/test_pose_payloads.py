"""Payloads of poses and areas against their schemas, and how long they may get."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.delivery.event_payloads import EventIds, restart_end
from edged.delivery.fields import dumps, model_info
from edged.delivery.frame_payloads import frame_payload
from edged.delivery.payloads import CameraInfo
from edged.delivery.pose_payloads import areas_event, pose_event
from edged.delivery.state_payloads import info_payload
from edged.domain.events import LabelsChanged, TrackEnded, TrackStarted
from edged.domain.frame import Frame, FrameShape, PixelFormat
from edged.domain.geometry import Box
from edged.domain.moment import Moment
from edged.domain.predictions import Areas, Detection, Detections, Keypoint, ModelId, Observation, Ranked
from tests.unit.test_payloads import IDS, MS, NOW, check, labels, names, observation

NOSE, EYE = Keypoint(0.51249, 0.38052, 0.56894), Keypoint(1.0, 0.0, 0.75)
PERSON = Detection("person", 0, 0.56071, Box(0.1, 0.2, 0.3, 0.4), (NOSE, None, EYE))
SEEN = observation(Detections((PERSON,)), model="movenet")
STARTED = TrackStarted(311, PERSON, 0.5, ("drive",), SEEN)
TOP = tuple(Ranked(f"class {n}", n, 0.5 / (n + 1)) for n in range(9))


def test_a_pose_is_a_detection_with_points() -> None:
    """Points come in the model's order as x, y and score to 3, 3 and 2 digits; null for one that is no number."""
    payload = json.loads(check("pose", pose_event(STARTED, IDS, NOW)))
    assert (payload["type"], payload["phase"], payload["track"]) == ("pose", "start", IDS.track)
    assert payload["keypoints"] == [[0.512, 0.381, 0.57], None, [1.0, 0.0, 0.75]]
    assert (payload["score"], payload["threshold"], payload["zones"]) == (0.5607, 0.5, ["drive"])
    assert payload["box"] == {"x": 0.1, "y": 0.2, "w": 0.3, "h": 0.4}
    assert "box_px" not in payload


def test_the_end_of_a_pose_has_its_last_points() -> None:
    """The end adds why, how long and how sure at best."""
    event = TrackEnded(311, PERSON, 0.5, (), SEEN, "gone", 0.91239, 8_998_000 * MS, 9_000_000 * MS)
    payload = json.loads(check("pose", pose_event(event, IDS, NOW)))
    assert (payload["phase"], payload["reason"], payload["duration_s"]) == ("end", "gone", 2.0)
    assert payload["keypoints"][0] == [0.512, 0.381, 0.57]


def test_a_pose_left_open_ends_with_restart() -> None:
    """The end after a crash is made from the start, points and all."""
    start = dumps(pose_event(STARTED, IDS, NOW))
    later = Moment(5 * MS, NOW.wall_ns + 90_000 * MS, 7 * MS, synced=False)
    payload = json.loads(check("pose", restart_end(start, EventIds("garage", "7f3k9q", 9), later)))
    assert (payload["phase"], payload["reason"], payload["track"]) == ("end", "restart", IDS.track)
    assert payload["keypoints"] == json.loads(start)["keypoints"]


def test_seventeen_points_fit_beside_usual_names() -> None:
    """With names of usual length an event holds every point of a person."""
    points = tuple(Keypoint(0.1234, 0.5678, 0.9) for _ in range(17))
    seen = observation(Detections(()), model="movenet_single_pose_lightning_ptq")
    event = TrackStarted(311, PERSON._replace(keypoints=points), 0.5, ("drive", "garden"), seen)
    payload = json.loads(check("pose", pose_event(event, IDS, NOW)))
    assert payload["keypoints"] == [[0.123, 0.568, 0.9]] * 17
    assert payload["zones"] == ["drive", "garden"]


scores = st.floats(0, 1)
keypoints = st.lists(st.none() | st.builds(Keypoint, scores, scores, scores), min_size=1, max_size=24)


@settings(max_examples=60)
@given(
    *(names, names, st.just("") | names, labels, st.lists(names, max_size=9)),
    *(st.text(max_size=200), keypoints, st.booleans()),
)
def test_poses_take_less_than_a_kilobyte(
    device: str,
    camera: str,
    region: str,
    label: str,
    zones: list[str],
    model: str,
    points: list[Keypoint | None],
    short: bool,
) -> None:
    """Even with the longest names start, end and restart stay under 1,000 bytes; the surest points are kept."""
    device, big = (device[:4], 7) if short else (device, 2**40)
    frame = Frame(camera, big, 9_000_000 * MS, FrameShape(PixelFormat.RGB, 4056, 3040))
    seen = Observation(
        frame, Detections(()), ModelId(model, "ab12cd34"), "edgetpu", 0, 11_123_456_789, region
    )
    found = Detection(label, 99_999, 0.12345, Box(0.12345, 0.12345, 0.87654, 0.87654), tuple(points))
    ids = EventIds(device, "abcdef", big, f"{device}-abcdef-t{big}")
    moment = Moment(10**17, NOW.wall_ns, 10**17, synced=False)
    start = TrackStarted(big, found, 0.12345, tuple(zones), seen)
    end = TrackEnded(big, found, 0.12345, tuple(zones), seen, "camera_lost", 0.12345, 1, 10**15 + 1_234_567)
    sent = check("pose", pose_event(start, ids, moment))
    late = Moment(10**17, NOW.wall_ns + 10**15, 10**17, synced=False)
    again = check("pose", restart_end(sent, replace(ids, seq=2**45), late))
    for each in (sent, check("pose", pose_event(end, ids, moment)), again):
        assert len(each) < 1000
        told = json.loads(each)["keypoints"]
        assert len(told) == len(points)
        kept = [point.score for point, shown in zip(points, told, strict=True) if point and shown]
        left = [point.score for point, shown in zip(points, told, strict=True) if point and not shown]
        assert min(kept, default=0.0) >= max(left, default=0.0) or not kept


def test_areas_list_the_largest() -> None:
    """A change of the areas lists the five largest with the part of the picture that each covers."""
    event = LabelsChanged(TOP, 0.01, observation(Areas(TOP)))
    payload = json.loads(check("areas", areas_event(event, IDS, NOW)))
    assert payload["top"][1] == {"label": "class_1", "label_id": 1, "area": 0.25}
    assert (payload["type"], len(payload["top"])) == ("areas", 5)
    nothing = LabelsChanged((), 0.01, observation(Areas(())))
    assert json.loads(check("areas", areas_event(nothing, IDS, NOW)))["top"] == []


@settings(max_examples=60)
@given(names, names, names, st.lists(labels, min_size=5, max_size=9), st.text(max_size=200))
def test_areas_take_less_than_a_kilobyte(
    device: str, camera: str, region: str, found: list[str], model: str
) -> None:
    """Even with the longest names an event of areas stays under 1,000 bytes."""
    top = tuple(Ranked(label, 90_000 + n, 0.12345) for n, label in enumerate(found))
    seen = replace(observation(Areas(top), name=camera, model=model), region=region)
    event = LabelsChanged(top, 0.12345, seen)
    assert len(check("areas", areas_event(event, EventIds(device, "abcdef", 2**40), NOW))) < 1000


@pytest.mark.parametrize("objects", [1, 100])
def test_frames_have_points_and_areas(objects: int) -> None:
    """An overlay gets the points of the twenty best objects, and areas under a key of their own."""
    sent = check("frame", frame_payload((observation(Detections((PERSON,) * objects)),), NOW))
    found = json.loads(sent)["detections"]
    assert [("keypoints" in each) for each in found] == [at < 20 for at in range(objects)]
    assert found[0]["keypoints"] == [[0.512, 0.381, 0.57], None, [1.0, 0.0, 0.75]]
    areas = json.loads(check("frame", frame_payload((observation(Areas(TOP)),), NOW)))["areas"]
    assert areas[0] == {"label": "class_0", "label_id": 0, "area": 0.5}


def test_points_are_of_the_best_objects_in_all_regions() -> None:
    """Where one region alone has more than twenty poses, a better one in the next still has its points."""
    weak = replace(SEEN, prediction=Detections((PERSON._replace(score=0.5),) * 30), region="a")
    payload = frame_payload((weak, replace(SEEN, region="b")), NOW)
    found = json.loads(check("frame", payload))["detections"]
    assert [each["region"] for each in found] == ["a"] * 30 + ["b"]
    assert [at for at, each in enumerate(found) if "keypoints" in each] == [*range(19), 30]


def test_info_names_the_points() -> None:
    """A subscriber learns once what the points are called, in their order."""
    camera: CameraInfo = {
        "model": model_info(SEEN.model),
        "accelerator": "cpu",
        "threshold": 0.5,
        "labels": {},
        "keypoints": ["nose", "left_eye"],
    }
    check(
        "info", info_payload(version="1", schema="x", boot_id="b", config_sha="c", cameras={"front": camera})
    )
