"""A whole daemon looks once whether the Edge TPU and the CPU twin answer alike, and nothing else notices."""

import os
import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from edged.adapters.system.asking import ask
from edged.daemon.parity import LATE_S
from tests.fakes.edgetpu.fixtures import EdgeTpuControl
from tests.fakes.mosquitto import Mosquitto, Subscriber, eventually
from tests.system.conftest import Start
from tests.system.machine import Machine, figures
from tests.system.parts import on_edgetpu, pattern

pytestmark = pytest.mark.rig
FPS = 60


@pytest.fixture
def chip(edgetpu_control: EdgeTpuControl) -> EdgeTpuControl:
    """An Edge TPU that takes 5 ms."""
    edgetpu_control.set(latency_ms=5)
    return edgetpu_control


def busy(twins: Path, library: Path, **more: Any) -> dict[str, Any]:
    """A camera at 60 frames a second on the Edge TPU."""
    config = on_edgetpu(twins, library, **more)
    config["cameras"]["front"]["source"] = pattern(fps=FPS)
    return config


def trial_of(machine: Machine) -> int:
    """The process that runs the CPU twin, as soon as it is there."""
    machine.wait_for(lambda: machine.answering() == "edgetpu" and machine.frames())
    (chip,) = machine.children("accelerator")
    (trial,) = machine.wait_for(lambda: set(machine.children("accelerator")) - {chip})
    return trial


def test_subscribers_hear_of_twins_that_disagree_and_that_they_agree_again(
    start: Start,
    chip: EdgeTpuControl,
    twins: Path,
    edgetpu_library: Path,
    mosquitto: Mosquitto,
) -> None:
    """Over a broker: the problem and its event; after a change of the configuration with a right chip it is over."""
    mosquitto.start()
    heard = Subscriber(mosquitto.port, "edged/rig/#")
    chip.set(offset=40)
    config = {**busy(twins, edgetpu_library), "mqtt": {"host": "127.0.0.1", "port": mosquitto.port}}
    machine = start(config, to_broker=True)

    def said(topic: str) -> str:
        return (heard.payloads(f"edged/rig/{topic}") or [b""])[-1].decode()

    assert eventually(lambda: '"twins_disagree"' in said("problem"), LATE_S + 20), machine.log()
    assert eventually(lambda: '"twins_disagree"' in said("event"), 5)
    assert '"severity":"error"' in said("event")
    chip.set(offset=None)
    kept = yaml.safe_load(machine.file.read_text())
    kept["accelerators"]["main"]["retry_s"] = 3
    machine.file.write_text(yaml.safe_dump(kept))
    assert ask([Path(kept["state_dir"]) / "control.sock"], "reload", timeout_s=30).exit_code == 0
    assert eventually(lambda: '"state":"OFF"' in said("problem"), 5)
    assert eventually(lambda: "answer alike" in machine.log(), LATE_S + 10), machine.log()
    assert '"state":"OFF"' in said("problem")
    heard.close()


def test_no_frame_waits_for_the_look(
    start: Start, chip: EdgeTpuControl, twins: Path, edgetpu_library: Path
) -> None:
    """From a second before the CPU twin starts until a second after its end, no run of frames is left out."""
    machine = start(busy(twins, edgetpu_library))
    machine.wait_for(machine.frames)
    began_s = time.monotonic()
    machine.wait_for(lambda: "answer alike" in machine.log(), LATE_S + 15)
    time.sleep(1)
    frames = [each for each in machine.frames() if each.at_s > began_s + LATE_S - 2]
    seqs = [each.payload["frame"]["seq"] for each in frames]
    longest = max(later - earlier - 1 for earlier, later in pairwise(seqs))
    figures(f"{len(seqs)} frames of {seqs[-1] - seqs[0] + 1}; at most {longest} left out in a row")
    assert len(seqs) >= 0.95 * (seqs[-1] - seqs[0] + 1)
    assert longest < FPS / 4
    assert (machine.problems(), machine.system_events()) == (set(), [])
    assert machine.end()[0] == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV], ids=["killed", "crashed"])
def test_a_look_that_crashes_harms_nobody(
    start: Start, chip: EdgeTpuControl, twins: Path, edgetpu_library: Path, number: signal.Signals
) -> None:
    """A line in the log, no problem, no event, no restart; frames go on."""
    machine = start(busy(twins, edgetpu_library))
    os.kill(trial_of(machine), number)
    machine.wait_for(lambda: "the CPU twin was not compared" in machine.log())
    machine.next_frame_s(time.monotonic())
    assert (machine.problems(), machine.system_events()) == (set(), [])
    assert len(machine.children("accelerator")) == 1
    assert machine.end()[0] == 0


def test_a_chip_that_hangs_during_the_look_is_met_as_ever(
    start: Start, chip: EdgeTpuControl, twins: Path, edgetpu_library: Path
) -> None:
    """It is restarted, the CPU stands in and hands over, and in the end the twins agree."""
    machine = start(busy(twins, edgetpu_library, start_deadline_s=3))
    trial = trial_of(machine)
    os.kill(trial, signal.SIGSTOP)
    chip.set(invoke="hang")
    machine.wait_for(lambda: machine.answering() == "cpu", 20)
    chip.set(invoke=None)
    machine.wait_for(lambda: machine.answering() == "edgetpu", 20)
    machine.wait_for(lambda: machine.problems() == set())
    os.kill(trial, signal.SIGCONT)
    machine.wait_for(lambda: len(machine.children("accelerator")) == 1)
    assert "answer alike" in machine.log()
    assert machine.system_events().count("accelerator_fallback") == 1
    assert "twins_disagree" not in machine.system_events()


def test_the_end_does_not_wait_for_the_look(
    start: Start, chip: EdgeTpuControl, twins: Path, edgetpu_library: Path
) -> None:
    """SIGTERM in the midst of it ends the daemon within three seconds, with 0."""
    machine = start(busy(twins, edgetpu_library))
    os.kill(trial_of(machine), signal.SIGSTOP)
    code, took_s = machine.end()
    assert (code, took_s < 3) == (0, True)


def test_a_killed_daemon_leaves_no_look_behind(
    start: Start, chip: EdgeTpuControl, twins: Path, edgetpu_library: Path
) -> None:
    """SIGKILL in the midst of it: the process that runs the CPU twin goes with the others."""
    machine = start(busy(twins, edgetpu_library))
    trial = trial_of(machine)
    machine.process.kill()
    machine.process.wait()
    assert eventually(lambda: not Path(f"/proc/{trial}").exists() or "zombie" in status(trial), 5)


def status(pid: int) -> str:
    """What the kernel says of a process; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return ""


def test_the_look_leaves_nothing_open(
    start: Start, chip: EdgeTpuControl, twins: Path, edgetpu_library: Path
) -> None:
    """After it the daemon has as many descriptors and mappings of result memory as before."""
    machine = start(busy(twins, edgetpu_library))
    machine.wait_for(lambda: machine.answering() == "edgetpu" and machine.frames())
    before = held(machine.pid)
    machine.wait_for(lambda: "answer alike" in machine.log(), LATE_S + 15)
    machine.wait_for(lambda: len(machine.children("accelerator")) == 1)
    assert eventually(lambda: held(machine.pid) == before), (before, held(machine.pid))


def held(pid: int) -> tuple[int, int]:
    """How many descriptors a process has, and how many times it has mapped memory for results."""
    mapped = Path(f"/proc/{pid}/maps").read_text().count("edged-results")
    return len(list(Path(f"/proc/{pid}/fd").iterdir())), mapped
