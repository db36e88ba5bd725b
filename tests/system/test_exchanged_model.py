"""A model's file that is exchanged under a running daemon: nothing runs that nobody has looked at."""

import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.system.conftest import Start
from tests.system.machine import COLOURS
from tests.system.parts import on_cpu

pytestmark = pytest.mark.rig


def test_an_exchanged_file_waits_for_a_reload(start: Start, tmp_path: Path) -> None:
    """The next process refuses another file under the old name and a problem says so; a reload takes it."""
    folder = Path(shutil.copytree(COLOURS, tmp_path / "colours"))
    (folder / "model.yaml").unlink()
    machine = start(on_cpu(model=folder))
    machine.next_frame_s(time.monotonic())
    with (folder / "colours.tflite").open("ab") as file:
        file.write(bytes(4))
    before = machine.payloads("/rig/info")[-1]["cameras"]["front"]["model"]
    machine.kill("accelerator")
    machine.wait_for(
        lambda: "was changed after it had been examined" in str(machine.payloads("/rig/problem"))
    )
    assert "was changed after it had been examined" in machine.log()
    machine.process.send_signal(signal.SIGHUP)
    machine.next_frame_s(time.monotonic())
    machine.wait_for(lambda: not machine.problems())
    assert machine.payloads("/rig/info")[-1]["cameras"]["front"]["model"] != before
    assert machine.end()[0] == 0
