"""What the rigs share: a daemon that is surely gone afterwards, and a model in two forms."""

import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.edgetpu.fixtures import MOBILENET, EdgeTpuControl
from tests.fakes.edgetpu.golden import record_golden
from tests.fakes.mosquitto import Mosquitto
from tests.system.machine import Machine

Start = Callable[..., Machine]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a daemon with a configuration; at the end of the test no process of it may be left."""
    machines: list[Machine] = []

    def begin(config: Mapping[str, Any], *, to_broker: bool = False) -> Machine:
        machines.append(Machine(tmp_path / f"run{len(machines)}", config, to_broker=to_broker))
        return machines[-1]

    yield begin
    for machine in machines:
        machine.close()
    for machine in machines:
        assert "Traceback" not in machine.log(), machine.log()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker, not yet started."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(folder)
    yield broker
    broker.stop()


@pytest.fixture
def twins(tmp_path: Path, test_data: Path, edgetpu_control: EdgeTpuControl) -> Path:
    """A folder with a classifier for the CPU and its compiled twin, each with its labels inside.

    The Edge TPU answers the golden frame as the CPU does, and any other one with a class that depends on it.
    """
    folder = tmp_path / "mobilenet"
    folder.mkdir()
    sources = {
        "mobilenet.tflite": test_data / "models" / f"{MOBILENET}.tflite",
        "mobilenet_edgetpu.tflite": test_data / "models" / "edgetpu" / f"{MOBILENET}_edgetpu.tflite",
    }
    for name, source in sources.items():
        shutil.copy(source, folder / name)
        with zipfile.ZipFile(folder / name, "a") as archive:
            archive.write(test_data / "models" / "imagenet_labels.txt", "labels.txt")
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    record_golden(folder / "mobilenet.tflite", recordings)
    edgetpu_control.set(output="known", replay_dir=recordings)
    return folder
