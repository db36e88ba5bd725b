"""A daemon whose cameras have regions: names in events, presence of the whole, and no picture lost."""

import shutil
import signal
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from tests.system.conftest import Start
from tests.system.machine import Machine, figures
from tests.system.parts import camera, on_cpu

pytestmark = pytest.mark.rig
RGB = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 230)}
REGIONS = {"left": [0, 0, 0.3, 1], "middle": [0.35, 0, 0.3, 1], "right": [0.7, 0, 0.3, 1]}


def wall(path: Path, *colours: str) -> None:
    """A picture of three fields, one for each region."""
    pixels = np.full((64, 160, 3), 128, np.uint8)
    for (left, _, width, _), colour in zip(REGIONS.values(), colours, strict=True):
        pixels[:, round(left * 160) : round((left + width) * 160)] = RGB[colour][::-1]
    cv2.imwrite(str(path), pixels)


@pytest.fixture
def walls(tmp_path: Path) -> Path:
    """Three pictures: something in the middle goes from red to green and back."""
    folder = tmp_path / "walls"
    folder.mkdir()
    wall(folder / "1.png", "red", "red", "blue")
    wall(folder / "2.png", "red", "green", "blue")
    wall(folder / "3.png", "red", "red", "blue")
    return folder


def shown(machine: Machine) -> list[tuple[str, str]]:
    """The changes of class so far: region and label."""
    return [
        (each["region"], each["top"][0]["label"] if each["top"] else "")
        for each in machine.payloads("/front/event")
    ]


def counts(machine: Machine) -> list[int]:
    """How many regions were said to be red, in order."""
    return [each["count"] for each in machine.payloads("/front/object/red")]


def test_a_counter_is_read_region_by_region(start: Start, walls: Path) -> None:
    """Each region has a class of its own; a label's presence is the sum of them; `info` and `frame` name them."""
    source = {"type": "images", "path": str(walls), "fps": 20}
    machine = start(on_cpu(front=camera(source, regions=REGIONS)))
    assert machine.finished(20) == 0
    assert shown(machine)[:5] == [
        ("left", "red"),
        ("middle", "red"),
        ("right", "blue"),
        ("middle", "green"),
        ("middle", "red"),
    ]
    there = iter((2, 1, 2, 0))  # of states that wait to be sent only the last one is
    assert all(count in there for count in counts(machine)), counts(machine)
    assert counts(machine)[-1] == 0
    assert machine.payloads("/rig/info")[0]["cameras"]["front"]["regions"] == list(REGIONS)
    first = machine.frames()[0].payload
    assert [(each["region"], each["label"]) for each in first["top"] if each["score"] > 0.9] == [
        ("left", "red"),
        ("middle", "red"),
        ("right", "blue"),
    ]


def test_cameras_with_and_without_regions_share_a_model(start: Start, walls: Path) -> None:
    """Two cameras on one model, one in regions and one as a whole: neither disturbs the other."""
    source = {"type": "images", "path": str(walls), "fps": 20}
    plain = {"type": "pattern", "scene": "colours", "size": [160, 120], "fps": 60, "frames": 60}
    machine = start(on_cpu(front=camera(source, regions=REGIONS), back=camera(plain)))
    assert machine.finished(20) == 0
    assert [each.payload["frame"]["seq"] for each in machine.frames()] == [1, 2, 3]
    assert all(regions_of(each.payload) == list(REGIONS) for each in machine.frames())
    whole = [each.payload["top"] for each in machine.frames("back")]
    assert whole
    assert not any("region" in entry for top in whole for entry in top)


def test_all_regions_are_of_the_same_frame(start: Start, test_data: Path) -> None:
    """Whatever moves: four regions of one place say the same to the last digit, in every frame that is judged."""
    source = {"type": "pattern", "scene": "colours", "size": [160, 120], "fps": 200, "frames": 400, "seed": 3}
    regions = {f"again_{at}": [0.2, 0.2, 0.5, 0.5] for at in range(4)}
    model = test_data / "models" / "mobilenet_v1_0.25_128_quant.tflite"
    machine = start(on_cpu(model=model, front=camera(source, regions=regions, top_k=5, threshold=0.001)))
    assert machine.finished(20) == 0
    answers = [
        [
            [(each["label"], each["score"]) for each in frame.payload["top"] if each["region"] == region]
            for region in regions
        ]
        for frame in machine.frames()
    ]
    figures(f"{len(answers)} frames, {len({str(each) for each in answers})} of them different")
    assert len({str(each) for each in answers}) > 10
    assert all(each == [each[0]] * 4 for each in answers)


def test_no_picture_is_lost_with_the_accelerator(start: Start, tmp_path: Path, test_data: Path) -> None:
    """Killed again and again in the middle of a frame's runs, every picture is answered once, in all its regions."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(1, 41):
        shutil.copy(test_data / "images" / "cat.bmp", folder / f"{number:02}.bmp")
    model = test_data / "models" / "mobilenet_v2_1.0_224_quant.tflite"
    regions = {f"part_{at}": [0.2 * at, 0, 0.2, 1] for at in range(5)}
    source = {"type": "images", "path": str(folder), "fps": 240}
    machine = start(on_cpu(model=model, front=camera(source, regions=regions, top_k=1, threshold=0.001)))
    for answered in (3, 20):
        machine.wait_for(lambda answered=answered: len(machine.frames()) >= answered)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        time.sleep(0.03)  # into the runs of the next frame
        machine.kill("accelerator")
    assert machine.finished(60) == 0
    assert [each.payload["frame"]["seq"] for each in machine.frames()] == list(range(1, 41))
    assert [each for each in machine.payloads("/rig/event") if each["code"] == "picture_skipped"] == []
    assert all(regions_of(each.payload) == list(regions) for each in machine.frames())
    figures(f"restarts: {machine.system_events().count('accelerator_restart')}")


def test_a_frame_of_many_runs_is_no_hang(start: Start, test_data: Path) -> None:
    """The accelerator's deadline holds for one run of the model: a frame of sixteen may take longer than that."""
    source = {"type": "pattern", "scene": "colours", "size": [160, 120], "fps": 30}
    regions = {f"part_{at}": [at / 16, 0, 1 / 16, 1] for at in range(16)}
    model = test_data / "models" / "yolov8n_a_fullint.tflite"
    config = on_cpu(model=model, front=camera(source, regions=regions))
    config["accelerators"]["main"]["deadline_s"] = 0.2
    machine = start(config)
    machine.wait_for(lambda: len(machine.frames()) > 4, 40)
    assert "accelerator_restart" not in machine.system_events()
    first, last = machine.frames()[0].at_s, machine.frames()[-1].at_s
    figures(f"{(last - first) / (len(machine.frames()) - 1):.2f} s a frame")


def regions_of(payload: dict[str, Any]) -> list[str]:
    return [each["region"] for each in payload["top"]]


def test_changed_regions_start_the_camera_anew(start: Start, walls: Path) -> None:
    """A reload with other regions is another machine; one with another threshold alone touches no process."""
    source = {"type": "images", "path": str(walls), "fps": 20, "loop": True}
    machine = start(on_cpu(front=camera(source, regions=REGIONS)))
    machine.wait_for(lambda: {1, 2} <= set(counts(machine)))
    pids = machine.children()
    assert "the new rules count" in reload(machine, "threshold", 0.4)
    assert machine.children() == pids
    assert "started again" in reload(machine, "regions", {"all": [0, 0, 1, 1]})
    machine.wait_for(lambda: [each for each in machine.frames() if regions_of(each.payload)[0] == "all"])
    assert machine.payloads("/rig/info")[-1]["cameras"]["front"]["regions"] == ["all"]


def reload(machine: Machine, key: str, value: object) -> str:
    """Changes a key of the camera; what the daemon says of it."""
    config = yaml.safe_load(machine.file.read_text())
    config["cameras"]["front"][key] = value
    machine.file.write_text(yaml.safe_dump(config, sort_keys=False))
    before = machine.system_events().count("config_reloaded")
    machine.process.send_signal(signal.SIGHUP)
    machine.wait_for(lambda: machine.system_events().count("config_reloaded") > before)
    return str(
        [each for each in machine.payloads("/rig/event") if each["code"] == "config_reloaded"][-1]["message"]
    )
