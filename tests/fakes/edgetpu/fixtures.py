"""What a test asks for when it needs an Edge TPU: the fake library, and a hand on its plug."""

import os
import shutil
from pathlib import Path

import pytest

from edged.adapters.system.tpulock import TpuLock
from tests.fakes.edgetpu.build import NoCompilerError, build
from tests.fakes.edgetpu.golden import record_golden

MOBILENET = "mobilenet_v1_0.25_128_quant"
"""The model of `twins`; its compiled file went to the chip as a whole."""


class EdgeTpuControl:
    """Tells a running fake Edge TPU how to behave, and reads what happened to it.

    The settings are those listed at the top of `fake_edgetpu.c`; they take effect at once, in every
    process that was started with `environment`.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "edgetpu.ctl"
        self.log_path = folder / "edgetpu.log"
        self._settings: dict[str, str] = {"log": str(self.log_path)}
        self.set()

    @property
    def environment(self) -> dict[str, str]:
        """What a process that loads the library needs in its environment."""
        return {"FAKE_EDGETPU_CTL": str(self.path)}

    def set(self, **settings: object) -> None:
        """Changes some settings and keeps the others; None goes back to a default.

        `set(devices="usb:0")` pulls the plug, `set(devices=None)` puts it back.
        """
        for key, value in settings.items():
            if value is None:
                self._settings.pop(key, None)
            else:
                self._settings[key] = str(value)
        new = self.path.with_suffix(".new")
        new.write_text("".join(f"{key}={value}\n" for key, value in self._settings.items()))
        new.replace(self.path)  # a reader sees the old file or the new one, never half of it

    def _events(self) -> list[tuple[int, str]]:
        if not self.log_path.exists():
            return []
        lines = [line.split(" ", 1) for line in self.log_path.read_text().splitlines()]
        return [(int(pid), text) for pid, text in lines]

    def log(self) -> list[str]:
        """What happened so far, oldest first: `create ...`, `prepare ...`, `invoke ok n=1`, `destroy`."""
        return [text for _, text in self._events()]

    def pids(self) -> list[int]:
        """The processes that used the library, in the order of their first use."""
        return list(dict.fromkeys(pid for pid, _ in self._events()))


@pytest.fixture(scope="session")
def edgetpu_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fake libedgetpu, built once; skips where there is no C compiler."""
    try:
        return build(tmp_path_factory.mktemp("edgetpu"))
    except NoCompilerError as error:
        pytest.skip(str(error))


@pytest.fixture
def edgetpu_control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EdgeTpuControl:
    """A hand on the plug of the fake Edge TPUs of this test and of all children that it starts."""
    control = EdgeTpuControl(tmp_path)
    for name in [name for name in os.environ if name.startswith("FAKE_EDGETPU_")]:
        monkeypatch.delenv(name)
    for name, value in control.environment.items():
        monkeypatch.setenv(name, value)
    return control


@pytest.fixture
def free_edgetpu(edgetpu_control: EdgeTpuControl) -> EdgeTpuControl:
    """The same, once no other process holds this machine's Edge TPUs: a command of edged takes them all."""
    lock = TpuLock()
    assert lock.acquire_within(20), "another process holds this machine's Edge TPUs"
    lock.release()
    return edgetpu_control


@pytest.fixture
def twins(tmp_path: Path, test_data: Path, edgetpu_control: EdgeTpuControl) -> Path:
    """A folder with both files of a model; the chip answers the golden frame as the CPU's file does."""
    folder, models = tmp_path / "mobilenet", test_data / "models"
    folder.mkdir()
    shutil.copy(models / f"{MOBILENET}.tflite", folder / "net.tflite")
    shutil.copy(models / "edgetpu" / f"{MOBILENET}_edgetpu.tflite", folder / "net_edgetpu.tflite")
    record_golden(folder, tmp_path)
    edgetpu_control.set(output="known", replay_dir=tmp_path)
    return folder
