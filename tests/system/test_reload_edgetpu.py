"""The one Edge TPU of a machine, while a daemon starts or changes its configuration."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from edged.adapters.system.asking import ask
from edged.adapters.system.tpulock import TpuLock
from tests.system.conftest import Start
from tests.system.machine import Machine
from tests.system.parts import camera, on_cpu, on_edgetpu, pattern

pytestmark = pytest.mark.rig


@pytest.fixture
def control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a daemon that prints its messages listens too."""
    path = tmp_path / "control.sock"
    monkeypatch.setenv("EDGED_SOCKET", str(path))
    return path


@pytest.fixture
def technician() -> Iterator[TpuLock]:
    """Another process's hold on the Edge TPU."""
    lock = TpuLock()
    assert lock.acquire()
    yield lock
    lock.release()


def change(machine: Machine, config: dict[str, Any]) -> None:
    """Writes another configuration for a daemon that runs."""
    kept = yaml.safe_load(machine.file.read_text())
    machine.file.write_text(
        yaml.safe_dump({"device": kept["device"], "state_dir": kept["state_dir"], **config})
    )


def test_a_start_that_waits_for_the_chip_says_so(
    start: Start,
    twins: Path,
    edgetpu_library: Path,
    technician: TpuLock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The service manager hears for whom the daemon waits and how long that may take, then READY."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        machine = start(on_edgetpu(twins, edgetpu_library))
        heard: list[str] = []
        while not heard or not heard[-1].startswith("STATUS=waiting"):
            heard.append(manager.recv(4096).decode())
        assert heard[-1].startswith("STATUS=waiting for the Edge TPU, which process ")
        assert manager.recv(4096) == b"EXTEND_TIMEOUT_USEC=15000000"
        technician.release()
        while heard[-1] != "READY=1":
            heard.append(manager.recv(4096).decode())
    machine.wait_for(lambda: machine.answering() == "edgetpu")


def test_a_change_that_needs_a_busy_chip_is_refused(
    start: Start, twins: Path, edgetpu_library: Path, technician: TpuLock, control: Path
) -> None:
    """Nothing that runs is touched; as soon as the chip is free, the same file is taken."""
    machine = start(on_cpu(model=twins, front=camera(pattern(), threshold=0.01)))
    machine.next_frame_s(time.monotonic())
    children = machine.children()
    change(machine, on_edgetpu(twins, edgetpu_library))
    answer = ask([control], "reload", timeout_s=30)
    assert (answer.exit_code, "uses this machine's Edge TPU" in answer.text) == (69, True), answer
    machine.wait_for(lambda: machine.problems() == {"config_refused"})
    assert machine.children() == children
    technician.release()
    assert ask([control], "reload", timeout_s=30).exit_code == 0
    machine.wait_for(lambda: machine.answering() == "edgetpu")
    machine.wait_for(lambda: machine.problems() == set())


def test_a_chip_that_is_no_longer_wanted_is_free(
    start: Start, twins: Path, edgetpu_library: Path, control: Path
) -> None:
    """After a change to the CPU another process may have the Edge TPU; back again, the daemon has it."""
    machine = start(on_edgetpu(twins, edgetpu_library))
    machine.wait_for(lambda: machine.answering() == "edgetpu")
    lock = TpuLock()
    assert not lock.acquire()
    change(machine, on_cpu(model=twins, front=camera(pattern(), threshold=0.01)))
    assert ask([control], "reload", timeout_s=30).exit_code == 0
    assert machine.answering() == "cpu"
    machine.wait_for(lock.acquire)
    lock.release()
    change(machine, on_edgetpu(twins, edgetpu_library))
    assert ask([control], "reload", timeout_s=30).exit_code == 0
    machine.wait_for(lambda: machine.answering() == "edgetpu")
    assert not lock.acquire()
