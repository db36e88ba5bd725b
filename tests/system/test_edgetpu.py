"""The Edge TPU's ways to fail, each met by a restart or by the CPU, and the way back."""

import time
from pathlib import Path

import pytest

from tests.fakes.edgetpu.fixtures import EdgeTpuControl
from tests.system.conftest import Start
from tests.system.machine import Machine, figures
from tests.system.parts import on_edgetpu

pytestmark = pytest.mark.rig


@pytest.fixture
def chip(edgetpu_control: EdgeTpuControl) -> EdgeTpuControl:
    """An Edge TPU that takes 5 ms."""
    edgetpu_control.set(latency_ms=5)
    return edgetpu_control


def answers_on(machine: Machine, accelerator: str, timeout_s: float = 15.0) -> float:
    """Waits until frames are answered by it; when that was."""
    machine.wait_for(lambda: machine.answering() == accelerator, timeout_s)
    since_s = time.monotonic()
    return since_s + machine.next_frame_s(since_s, timeout_s=timeout_s)


def last_event(machine: Machine) -> str:
    events = machine.payloads("/front/event")
    return str(events[-1]["accelerator"]) if events else ""


def test_a_compiled_model_runs_on_the_edge_tpu(
    start: Start, chip: EdgeTpuControl, twins: Path, edgetpu_library: Path
) -> None:
    """With both files side by side the compiled one runs on the chip, and events say so."""
    machine = start(on_edgetpu(twins, edgetpu_library))
    machine.wait_for(lambda: last_event(machine) == "edgetpu")
    machine.wait_for(lambda: len(machine.frames()) > 20)
    assert sum(line.startswith("invoke ok") for line in chip.log()) >= 20
    assert chip.pids() == machine.children("accelerator")
    assert machine.problems() == set()
    assert machine.end()[0] == 0


def test_a_second_daemon_leaves_the_edge_tpu_alone(
    start: Start, chip: EdgeTpuControl, twins: Path, edgetpu_library: Path
) -> None:
    """The chip has one owner: another daemon never opens it, and ends with a line that names the owner."""
    first = start(on_edgetpu(twins, edgetpu_library))
    answers_on(first, "edgetpu")
    second = start(on_edgetpu(twins, edgetpu_library))
    assert second.finished(15) == 69
    assert f"process {first.pid} uses this machine's Edge TPU" in second.log()
    assert chip.pids() == first.children("accelerator")
    assert first.system_events() == []


@pytest.mark.parametrize(
    ("failure", "slow_s"),
    [
        ({"devices": "usb:0"}, 0.0),
        ({"create": "error"}, 0.0),
        ({"create": "abort"}, 0.0),
        ({"create": "hang"}, 10.0),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else "",
)
def test_without_a_chip_at_boot_the_cpu_stands_in_until_there_is_one(
    start: Start,
    chip: EdgeTpuControl,
    twins: Path,
    edgetpu_library: Path,
    failure: dict[str, str],
    slow_s: float,
) -> None:
    """No chip, or one that fails or hangs when it is opened: the CPU answers, and hands over when it comes."""
    chip.set(**failure)
    started_s = time.monotonic()
    machine = start(on_edgetpu(twins, edgetpu_library, start_deadline_s=3))
    assert answers_on(machine, "cpu") - started_s < 3 + slow_s
    machine.wait_for(lambda: last_event(machine) == "cpu")
    machine.wait_for(lambda: machine.problems() == {"tpu_lost"})
    assert "accelerator_fallback" in machine.system_events()
    chip.set(devices=None, create=None)
    answers_on(machine, "edgetpu")
    machine.wait_for(lambda: last_event(machine) == "edgetpu")
    machine.wait_for(lambda: machine.problems() == set())
    assert machine.system_events()[-1] == "accelerator_return"
    assert machine.end()[0] == 0


@pytest.mark.parametrize("how", ["abort", "segv", "exit", "error", "hang", "unplug"])
def test_a_chip_that_fails_at_work_is_replaced_by_the_cpu_and_returns(
    start: Start, chip: EdgeTpuControl, twins: Path, edgetpu_library: Path, how: str
) -> None:
    """Whatever kills or freezes an invoke, the CPU answers within two seconds of it (of its detection)."""
    machine = start(on_edgetpu(twins, edgetpu_library, start_deadline_s=3))
    answers_on(machine, "edgetpu")
    chip.set(**({"devices": "usb:0"} if how == "unplug" else {"invoke": how}))
    failed_s = time.monotonic()
    took_s = answers_on(machine, "cpu") - failed_s
    figures(f"{how}: {took_s:.2f} s until the CPU answered")
    assert took_s < 2 + (1.3 if how == "hang" else 0)
    machine.wait_for(lambda: last_event(machine) == "cpu")
    machine.wait_for(lambda: "tpu_lost" in machine.problems())
    assert machine.system_events().count("accelerator_fallback") == 1
    chip.set(devices=None, invoke=None)
    answers_on(machine, "edgetpu")
    machine.wait_for(lambda: machine.problems() == set())
    assert machine.system_events()[-1] == "accelerator_return"
    assert machine.end()[0] == 0


def test_one_abort_is_only_a_restart(
    start: Start, chip: EdgeTpuControl, twins: Path, edgetpu_library: Path
) -> None:
    """A chip that fails once is started again, and nobody falls back."""
    machine = start(on_edgetpu(twins, edgetpu_library))
    answers_on(machine, "edgetpu")
    chip.set(invoke="abort")
    machine.wait_for(lambda: any("invoke abort" in line for line in chip.log()))
    chip.set(invoke=None)
    since_s = time.monotonic()
    figures(f"next result {machine.next_frame_s(since_s):.2f} s after the abort")
    machine.wait_for(lambda: machine.system_events() == ["accelerator_restart"])
    assert machine.answering() == "edgetpu"
    machine.wait_for(lambda: machine.problems() == set())


def test_a_hanging_chip_does_not_delay_the_end(
    start: Start, chip: EdgeTpuControl, twins: Path, edgetpu_library: Path
) -> None:
    """SIGTERM and SIGINT end the daemon with 0 within three seconds while the chip hangs."""
    machine = start(on_edgetpu(twins, edgetpu_library, deadline_s=30))
    answers_on(machine, "edgetpu")
    chip.set(invoke="hang")
    machine.wait_for(lambda: any("invoke hang" in line for line in chip.log()))
    code, took_s = machine.end()
    assert (code, took_s < 3) == (0, True)
