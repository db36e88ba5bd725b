"""Sources that end: every picture is judged once, and then the daemon ends by itself."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.system.conftest import Start
from tests.system.machine import Machine, figures
from tests.system.parts import camera, on_cpu, pattern

pytestmark = pytest.mark.rig


@pytest.fixture
def folder(tmp_path: Path, test_data: Path) -> Path:
    """Thirty pictures; the fifth and the last cannot be read."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    sources = sorted((test_data / "images").glob("*.bmp"))
    for number in range(1, 31):
        shutil.copy(sources[number % len(sources)], pictures / f"{number:02}.bmp")
    for number in (5, 30):
        (pictures / f"{number:02}.bmp").write_bytes(b"BM no picture")
    return pictures


def judged(machine: Machine) -> list[int]:
    return [each.payload["frame"]["seq"] for each in machine.frames()]


def skipped(machine: Machine) -> list[str]:
    return [each["message"] for each in machine.payloads("/rig/event") if each["code"] == "picture_skipped"]


def test_every_picture_of_a_folder_is_judged_once(start: Start, folder: Path) -> None:
    """An unreadable picture is an event of the device; the daemon ends with 0 after the last one."""
    machine = start(on_cpu(front=camera({"type": "images", "path": str(folder), "fps": 100})))
    assert machine.finished(20) == 0
    assert judged(machine) == [number for number in range(1, 30) if number != 5]
    assert ["05.bmp" in skipped(machine)[0], "30.bmp" in skipped(machine)[1]] == [True, True]
    assert machine.payloads("/front/status")[-1] == "offline"
    assert machine.payloads("/rig/status")[-1] == "offline"


def test_sources_that_end_at_different_times_are_all_waited_for(start: Start) -> None:
    """The daemon ends with the last of its sources."""
    machine = start(on_cpu(front=camera(pattern(frames=10)), back=camera(pattern(frames=60))))
    assert machine.finished(20) == 0
    assert max(each.payload["frame"]["seq"] for each in machine.frames("back")) == 60


def test_a_picture_that_dies_with_the_accelerator_is_told_of(
    start: Start, folder: Path, test_data: Path
) -> None:
    """No picture vanishes in silence, and none is judged twice, when the process that holds it is killed."""
    # Slower than 240 frames a second, so that each result is published.
    model = test_data / "models" / "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
    machine = start(on_cpu(model=model, front=camera({"type": "images", "path": str(folder), "fps": 240})))
    machine.wait_for(lambda: len(judged(machine)) > 5)
    machine.kill("accelerator")
    assert machine.finished(20) == 0
    lost = [int(text.split()[1]) for text in skipped(machine) if "was lost" in text]
    figures(f"lost with the process: {lost}")
    assert judged(machine) == sorted(set(judged(machine)))
    assert sorted([*judged(machine), *lost]) == [number for number in range(1, 30) if number != 5]


def test_a_stopped_accelerator_does_not_make_a_folder_end_early(start: Start, folder: Path) -> None:
    """The last picture is waited for, though its source has ended long before."""
    config = on_cpu(front=camera({"type": "images", "path": str(folder), "fps": 100}))
    config["accelerators"]["main"]["deadline_s"] = 1
    machine = start(config)
    machine.wait_for(lambda: judged(machine))
    os.kill(machine.children("accelerator")[0], signal.SIGSTOP)
    stopped_s = time.monotonic()
    assert machine.finished(20) == 0
    assert time.monotonic() - stopped_s > 0.9
    assert judged(machine)[-1] == 29
