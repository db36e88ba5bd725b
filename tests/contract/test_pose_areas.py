"""Poses and areas as a user meets them: real models, from the picture to the printed answer and to the events."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edged.adapters.pixels.drawing import colour_of
from edged.vision.keypoints import COCO
from tests.fakes.mosquitto import Mosquitto, Subscriber, eventually
from tests.system.machine import Machine
from tests.system.parts import camera, on_cpu

pytestmark = pytest.mark.runtime
REPOSITORY = Path(__file__).resolve().parents[2]
MOVENET = "movenet_single_pose_lightning_ptq.tflite"
DEEPLAB = "deeplabv3_mnv2_dm05_pascal_quant.tflite"
VOC = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tv",
)  # fmt: skip
FACE = {"nose": (0.517, 0.380), "left_eye": (0.600, 0.310), "right_eye": (0.445, 0.310)}
"""Where they are in the picture of the admiral, looked at by a person."""
NEAR, SCORE = 0.04, 0.29
"""The scores of this model come in few steps, 0.299 is one, and runtimes differ by some of them."""


def infer(*arguments: object, code: int = 0) -> list[Any]:
    """The answers of `edged infer --json`."""
    done = subprocess.run(
        [sys.executable, "-m", "edged", "infer", "--json", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def models(test_data: Path) -> Path:
    return test_data / "models"


@pytest.fixture(scope="module")
def images(test_data: Path) -> Path:
    return test_data / "images"


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The names of PASCAL VOC's classes."""
    path = tmp_path_factory.mktemp("voc") / "voc.txt"
    path.write_text("\n".join(VOC))
    return path


@pytest.fixture(scope="module")
def wide(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The admiral at the right of a picture of 16 to 9."""
    picture = cv2.imread(str(images / "grace_hopper.bmp"))
    assert picture is not None
    canvas = np.zeros((600, 1066, 3), np.uint8)
    canvas[:, 554:] = picture
    path = tmp_path_factory.mktemp("wide") / "wide.png"
    assert cv2.imwrite(str(path), canvas)
    return path


def test_movenet_finds_the_face_where_it_is(models: Path, images: Path, wide: Path) -> None:
    """Nose and eyes are found in a high picture and in a wide one, in the picture's own fractions."""
    high, broad = infer("--model", models / MOVENET, images / "grace_hopper.bmp", wide)
    for record, (left, width) in ((high, (0, 512)), (broad, (554, 1066))):
        (person,) = record["detections"]
        assert (record["task"], person["label"], person["label_id"]) == ("pose", "person", 0)
        assert list(person["keypoints"]) == list(COCO)
        for name, (x, y) in FACE.items():
            point = person["keypoints"][name]
            assert point["score"] > SCORE, name
            assert point["x"] == pytest.approx((left + 512 * x) / width, abs=NEAR * 512 / width), name
            assert point["y"] == pytest.approx(y, abs=NEAR), name
        assert person["score"] > 0.4
        assert person["box"]["y"] < 0.36


def test_inspecting_movenet_names_its_points(models: Path, tmp_path: Path) -> None:
    """What is printed as model.yaml holds the points, and describes the same model when it is read again."""

    def inspect(path: Path, *more: str) -> str:
        command = [sys.executable, "-m", "edged", "model", "inspect", str(path), *more]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY).stdout

    text = inspect(models / MOVENET)
    assert text.startswith("movenet_single_pose_lightning_ptq: pose, decoded as movenet\n")
    (tmp_path / MOVENET).write_bytes((models / MOVENET).read_bytes())
    manifest = text.split("as far as it is known:\n", 1)[1].replace("- nose", "- tip")
    (tmp_path / "model.yaml").write_text(manifest)
    found = json.loads(inspect(tmp_path, "--json"))
    assert (found["task"], found["keypoints"]) == ("pose", ["tip", *COCO[1:]])
    assert (found["labels"], found["warnings"]) == ({"count": 1, "source": "the decoder"}, [])


def test_movenet_sees_no_person_in_a_cat(models: Path, images: Path) -> None:
    """What looks a little like points of a body everywhere is nobody."""
    (record,) = infer("--model", models / MOVENET, images / "cat.bmp")
    assert record["detections"] == []


def test_the_raw_view_shows_every_point_by_name(models: Path, images: Path) -> None:
    """y, x and score as the model gave them."""
    (record,) = infer("--model", models / MOVENET, "--raw", images / "grace_hopper.bmp")
    (view,) = record["raw"]
    assert [each["point"] for each in view["values"]] == list(COCO)
    nose, told = view["values"][0], record["detections"][0]["keypoints"]["nose"]
    assert nose["score"]["value"] == pytest.approx(told["score"], abs=1e-6)
    assert nose["y"]["value"] == pytest.approx(told["y"], abs=1e-6)  # the picture is as high as the input


@pytest.fixture(scope="module")
def covered(models: Path, images: Path, labels: Path) -> list[Any]:
    """Answers to three pictures, with the raw view."""
    names = ("cat.bmp", "pets.jpg", "grace_hopper.bmp")
    return infer("--model", models / DEEPLAB, "--labels", labels, "--raw", *(images / name for name in names))


@pytest.mark.parametrize(
    ("index", "label", "label_id", "low", "high"),
    [(0, "cat", 8, 0.35, 0.48), (1, "dog", 12, 0.10, 0.18), (2, "person", 15, 0.6, 0.7)],
)
def test_deeplab_gives_sensible_areas(
    covered: list[Any], index: int, label: str, label_id: int, low: float, high: float
) -> None:
    """The largest area is what the picture shows, about as large as it is; the background is no answer."""
    record = covered[index]
    assert (record["task"], set(record["areas"][0])) == ("areas", {"label", "label_id", "area"})
    best = record["areas"][0]
    assert (best["label"], best["label_id"]) == (label, label_id)
    assert low < best["area"] < high
    assert all(each["area"] >= 0.01 and each["label_id"] for each in record["areas"])
    (view,) = record["raw"]
    counted = {each["class"]: each["cells"] for each in view["values"]}
    assert (view["role"], view["order"]) == ("map", "commonest")
    assert counted[label_id] / 513**2 == pytest.approx(best["area"], abs=1e-6)


def test_classes_without_names_are_numbered(models: Path, images: Path) -> None:
    """Without labels nobody knows which class is the background."""
    (record,) = infer("--model", models / DEEPLAB, images / "cat.bmp")
    assert [each["label"] for each in record["areas"]] == ["class_0", "class_8"]


@pytest.fixture
def machines() -> Iterator[list[Machine]]:
    """Daemons that are ended with the test."""
    made: list[Machine] = []
    yield made
    for machine in made:
        machine.close()


def run(machines: list[Machine], folder: Path, config: dict[str, Any], states: str) -> Machine:
    """A daemon that has said that a label is ON, and was then ended."""
    machines.append(Machine(folder, config))
    daemon = machines[-1]
    daemon.wait_for(lambda: any(each["state"] == "ON" for each in daemon.payloads(states)), 30)
    daemon.wait_for(daemon.frames)
    assert daemon.end()[0] == 0, daemon.log()
    return daemon


def test_the_daemon_tells_of_a_pose(
    models: Path, images: Path, tmp_path: Path, machines: list[Machine]
) -> None:
    """A person in a picture starts, with its points, is ON, and ends; info names the points once."""
    source = {"type": "images", "path": str(images / "grace_hopper.bmp"), "loop": True, "fps": 5}
    config = on_cpu(model=models / MOVENET, front=camera(source, labels=["person"]))
    daemon = run(machines, tmp_path, config, "/object/person")
    start, end = daemon.payloads("/front/event")
    assert (start["type"], start["phase"], end["phase"], end["reason"]) == ("pose", "start", "end", "stopped")
    assert (start["label"], start["track"], start["threshold"]) == ("person", end["track"], 0.5)
    points = daemon.payloads("/rig/info")[-1]["cameras"]["front"]["keypoints"]
    assert points == list(COCO)
    for name, (x, y) in FACE.items():
        assert start["keypoints"][points.index(name)][:2] == pytest.approx([x, y], abs=NEAR)
    assert daemon.payloads("/front/frame")[0]["detections"][0]["keypoints"] == start["keypoints"]
    assert [each["state"] for each in daemon.payloads("/object/person")] == ["OFF", "ON", "OFF"]


def test_the_daemon_tells_of_areas(
    models: Path, images: Path, labels: Path, tmp_path: Path, machines: list[Machine]
) -> None:
    """A hundredth of the picture is enough where nothing is said; what covers it is told and ON."""
    source = {"type": "images", "path": str(images / "cat.bmp"), "loop": True, "fps": 5}
    config = on_cpu(model=models / DEEPLAB, front=camera(source))
    config["models"]["main"]["labels_file"] = str(labels)
    daemon = run(machines, tmp_path, config, "/object/cat")
    change, last = daemon.payloads("/front/event")
    assert (change["type"], change["threshold"], last["top"]) == ("areas", 0.01, [])
    assert (change["top"][0]["label"], change["top"][0]["label_id"]) == ("cat", 8)
    assert 0.35 < change["top"][0]["area"] < 0.48
    assert daemon.payloads("/front/frame")[0]["areas"] == change["top"]
    assert [each["state"] for each in daemon.payloads("/object/cat")] == ["ON", "OFF"]


def test_a_crash_ends_the_pose_that_it_left_open(
    models: Path, images: Path, tmp_path: Path, machines: list[Machine]
) -> None:
    """After kill -9 the next run tells a broker of the end, with the points of the start."""
    broker = Mosquitto(tmp_path)
    broker.start()
    heard = Subscriber(broker.port, "edged/rig/front/event")
    source = {"type": "images", "path": str(images / "grace_hopper.bmp"), "loop": True, "fps": 5}
    config = on_cpu(model=models / MOVENET, front=camera(source, labels=["person"]))
    config["mqtt"] = {"host": "127.0.0.1", "port": broker.port}
    topic = "edged/rig/front/event"
    try:
        machines.append(Machine(tmp_path / "run", config, to_broker=True))
        assert eventually(lambda: heard.payloads(topic), 30), machines[0].log()
        machines[0].process.kill()
        machines[0].process.wait()
        machines.append(Machine(tmp_path / "run", config, to_broker=True))
        assert eventually(lambda: len({json.loads(each)["id"] for each in heard.payloads(topic)}) > 1, 30)
    finally:
        heard.close()
        broker.stop()
    told = {each["id"]: each for each in map(json.loads, heard.payloads(topic))}
    start, end = list(told.values())[:2]
    assert (start["phase"], end["phase"], end["reason"]) == ("start", "end", "restart")
    assert (end["type"], end["track"], end["keypoints"]) == ("pose", start["track"], start["keypoints"])


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare model that gives three scores for each cell, with its labels beside it."""
    for package in ("flatbuffers", "ai_edge_litert"):
        pytest.importorskip(package, reason="writing the model needs flatbuffers and LiteRT's schema")
    from tests.fakes.areas import CLASSES, areas_model  # noqa: PLC0415  after the check for what it needs

    folder = tmp_path_factory.mktemp("areas")
    (folder / "cells.tflite").write_bytes(areas_model())
    (folder / "labels.txt").write_text("\n".join(CLASSES))
    return folder


def test_a_map_of_scores_is_counted_within_the_letterbox(scores: Path, tmp_path: Path) -> None:
    """Three quarters of a wide picture are red and a quarter is green, whatever lies in the padding.

    What is drawn is tinted to the pixel, and only where a class was told.
    """
    (tmp_path / "model.yaml").write_text(
        "name: cells\ndecoder: classmap\ninput: {resize: letterbox, fill: 0}\nlabels: labels.txt\n"
    )
    for name in ("cells.tflite", "labels.txt"):
        (tmp_path / name).write_bytes((scores / name).read_bytes())
    picture = np.zeros((64, 128, 3), np.uint8)
    picture[:, :96], picture[:, 96:] = (0, 0, 255), (0, 255, 0)
    assert cv2.imwrite(str(tmp_path / "wide.png"), picture)
    bare, given = (infer("--model", place, "--raw", tmp_path / "wide.png")[0] for place in (scores, tmp_path))
    expected = [("red", 1, 0.75), ("green", 2, 0.25)]
    for record in (bare, given):
        assert [(each["label"], each["label_id"], each["area"]) for each in record["areas"]] == expected
    counted = {each["class"]: each["cells"] for each in given["raw"][0]["values"]}
    assert counted == {0: 8, 1: 6, 2: 2}
    infer("--model", tmp_path, "--threshold", 0.5, "--draw", tmp_path / "drawn.png", tmp_path / "wide.png")
    drawn = cv2.imread(str(tmp_path / "drawn.png"))
    assert drawn is not None
    tint = [(255 * (colour == 2) + part) // 2 for colour, part in enumerate(reversed(colour_of(1)))]
    assert (drawn[40:, :96] == tint).all()
    assert (drawn[:, 96:] == (0, 255, 0)).all()
    tinted_by_region(tmp_path, tint)


def tinted_by_region(folder: Path, tint: list[int]) -> None:
    """A region's tint lies in the region and nowhere else, and its words begin with its name."""
    regions = ("--region=left=0,0,0.5,1", "--region=green=0.75,0,0.25,1")
    records = infer(
        "--model", folder, "--raw", "--threshold", 0.5, *regions,
        "--draw", folder / "parts.png", folder / "wide.png",
    )  # fmt: skip
    found = [(each["region"], [area["label"] for area in each["areas"]]) for each in records]
    assert found == [("left", ["red"]), ("green", ["green"])]
    assert [sum(each["cells"] for each in record["raw"][0]["values"]) for record in records] == [16, 16]
    drawn = cv2.imread(str(folder / "parts.png"))
    assert drawn is not None
    assert (drawn[44:, :64] == tint).all()
    assert (drawn[44:, 64:96] == (0, 0, 255)).all()
    assert not (drawn[44:, 96:] == (0, 255, 0)).all(axis=2).any()
