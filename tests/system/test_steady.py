"""What stays as it is over many frames, and who is served when there is too much to do."""

import statistics
import time
from pathlib import Path

import pytest

from tests.fakes.edgetpu.fixtures import EdgeTpuControl
from tests.system.conftest import Start
from tests.system.machine import COLOURS, figures, resident_mb
from tests.system.parts import camera, on_cpu, on_edgetpu, pattern

pytestmark = pytest.mark.rig


@pytest.mark.parametrize("kind", ["classifier", "detector"])
def test_a_thousand_frames_leave_the_memory_flat(start: Start, test_data: Path, kind: str) -> None:
    """Between frame 200 and frame 1,200 no process grows or shrinks by 2 MB."""
    model = COLOURS if kind == "classifier" else test_data / "models" / "null_ssd_300.tflite"
    machine = start(on_cpu(model=model, front=camera(pattern(fps=200, size=(320, 240)), threshold=0.01)))
    machine.wait_for(lambda: len(machine.frames()) > 200, 30)
    pids = [machine.pid, *machine.children()]
    before = [resident_mb(pid) for pid in pids]
    machine.wait_for(lambda: len(machine.frames()) > 1200, 60)
    growth = [resident_mb(pid) - was for pid, was in zip(pids, before, strict=True)]
    figures(f"{kind}: {[round(each) for each in before]} MB, grown by {[round(each, 2) for each in growth]}")
    assert max(map(abs, growth)) < 2
    assert machine.children() == pids[1:]


def test_two_cameras_with_different_models_share_one_accelerator(start: Start, test_data: Path) -> None:
    """When both ask for more than there is, each gets its half: the rates differ by less than a fifth."""
    config = on_cpu(
        front=camera(pattern(fps=200), model="main"),
        back=camera(pattern(fps=200), model="other", threshold=0.01),
    )
    config["models"]["other"] = {"path": str(test_data / "models" / "mobilenet_v2_1.0_224_quant.tflite")}
    machine = start(config)
    machine.wait_for(lambda: machine.frames("front") and machine.frames("back"))
    before = {name: len(machine.frames(name)) for name in ("front", "back")}
    time.sleep(3)
    rates = {name: (len(machine.frames(name)) - count) / 3 for name, count in before.items()}
    figures(f"frames a second: {rates}")
    assert min(rates.values()) > 0.8 * max(rates.values()) > 8


def test_a_slow_accelerator_drops_old_frames_and_stays_up_to_date(
    start: Start, edgetpu_control: EdgeTpuControl, twins: Path, edgetpu_library: Path
) -> None:
    """With a third of the speed that the camera needs, the usual frame is answered while it is fresh."""
    edgetpu_control.set(latency_ms=50)
    config = on_edgetpu(twins, edgetpu_library)
    config["cameras"]["front"]["source"] = pattern(fps=60)
    config["stats_interval_s"] = 3
    machine = start(config)
    machine.wait_for(lambda: len(machine.payloads("/rig/stats")) >= 2)
    front = machine.payloads("/rig/stats")[-1]["cameras"]["front"]
    frames = [each.payload for each in machine.frames()][20:]
    extra_ms = sorted(each["latency_ms"] - 50 for each in frames)
    p95_ms = extra_ms[int(len(extra_ms) * 0.95)]
    figures(f"{front}; above the invoke: median {statistics.median(extra_ms):.1f}, p95 {p95_ms:.1f} ms")
    assert statistics.median(extra_ms) < 2 * 1000 / 60
    assert front["frames_dropped"] > 60
    seqs = [each["frame"]["seq"] for each in frames]
    assert seqs == sorted(set(seqs))
