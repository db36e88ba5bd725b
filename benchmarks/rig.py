"""What daemons under measurement need: models, a stand-in for the Edge TPU, a broker, a configuration."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edged.adapters.system.broker import PrivateBroker, find_mosquitto
from edged.delivery.topics import Topics
from tests.fakes.edgetpu.build import build

ROOT = Path(__file__).resolve().parents[1]
CAMERA = "scene"
CHIP_MODEL = "mobilenet_v2_1.0_224_quant"
COLOURS = ROOT / "models" / "colours"
BASE = "edged"
PATIENCE_S = 30.0
"""For whatever a side has to do before it can be measured."""


def models_folder() -> Path:
    """The folder of third-party models, found as the tests find it."""
    folder = (ROOT / os.environ.get("EDGED_TEST_DATA", "../shared") / "models").resolve()
    if not folder.is_dir():
        raise SystemExit(f"no test data: set EDGED_TEST_DATA (looked in {folder})")
    return folder


class Chip:
    """A stand-in for the Edge TPU that sleeps through its invokes, and a model for it."""

    def __init__(self, folder: Path) -> None:
        self.library = build(folder)
        self.model = folder / f"{CHIP_MODEL}.tflite"
        models = models_folder()
        shutil.copy(models / self.model.name, folder)
        shutil.copy(models / "edgetpu" / f"{CHIP_MODEL}_edgetpu.tflite", folder)

    @property
    def accelerator(self) -> dict[str, str]:
        """Its section in a configuration."""
        return {"use": "edgetpu", "library": str(self.library)}


class Rig:
    """A folder, a broker, and configurations in it; each daemon has a name of its own, so none hears of another."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self._numbers = itertools.count(1)

    def configure(
        self,
        *,
        model: Path,
        accelerator: Mapping[str, Any],
        fps: float,
        scene: str = "cards",
        frames: bool = False,
        stats_interval_s: float = 30.0,
    ) -> tuple[Path, Topics]:
        """A configuration with one pattern camera; `frames` publishes what the model says about each frame."""
        device = f"bench{next(self._numbers)}"
        source = {"type": "pattern", "scene": scene, "fps": fps}
        publish = {"frame": frames, "frame_max_fps": 240}
        configuration = {
            "base": BASE,
            "device": device,
            "state_dir": str(self.folder / device),
            "stats_interval_s": stats_interval_s,
            "mqtt": {"host": "127.0.0.1", "port": self.port},
            "accelerators": {"main": dict(accelerator)},
            "models": {"m": {"path": str(model)}},
            "cameras": {CAMERA: {"source": source, "model": "m", "publish": publish}},
        }
        file = self.folder / f"{device}.yaml"
        file.write_text(json.dumps(configuration), encoding="utf-8")  # JSON is YAML
        return file, Topics(BASE, device)


@contextmanager
def rigged() -> Iterator[Rig]:
    """A rig for the time of a benchmark."""
    program = find_mosquitto()
    if program is None:
        raise SystemExit("mosquitto is not installed: apt-get install mosquitto")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="edged-bench-")))
        broker = PrivateBroker(program, folder)
        broker.start()
        stack.callback(broker.stop)
        yield Rig(folder, broker.port)


def environment(invoke_ms: float = 0) -> dict[str, str]:
    """Of a side whose invokes on the stand-in take so long; compiled sources are kept, as an installation has them."""
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        "FAKE_EDGETPU_LATENCY_MS": str(invoke_ms),
        "FAKE_EDGETPU_OUTPUT": "zero",
        "PYTHONPATH": str(ROOT),
    }


def edged(file: Path, publish: str = "mqtt") -> list[str]:
    """The command line of a daemon."""
    return [sys.executable, "-m", "edged", "run", "--config", str(file), "--publish", publish]


def chain(
    design: str, model: Path, library: Path | None, fps: float, seconds: float, ready: Path | None = None
) -> list[str]:
    """The command line of another design, see `chains.py`."""
    arguments = (design, model, library or "-", fps, seconds, ready or "")
    return [sys.executable, "-m", "benchmarks.chains", *map(str, arguments)]


def wait_for(file: Path) -> None:
    """Returns once a chain has made its file; raises SystemExit where it does not."""
    until_s = time.monotonic() + PATIENCE_S
    while not file.exists():
        if time.monotonic() > until_s:
            raise SystemExit(f"{file.name} was not ready in time")
        time.sleep(0.02)


def samples_of(command: list[str], variables: Mapping[str, str]) -> Any:
    """Runs a side that prints one JSON value at its end."""
    done = subprocess.run(command, env=dict(variables), cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def running(
    command: list[str], variables: Mapping[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """A side in the background; its log is shown where it has ended by itself or the benchmark gives up."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, env=dict(variables), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=file
        )
    code = None
    try:
        yield process
        code = process.poll()
    except SystemExit:
        _show(log)
        raise
    finally:
        process.terminate()
        process.wait()
    if code is not None:
        _show(log)
        raise SystemExit(f"{' '.join(command)} has ended with {code}")


def _show(log: Path) -> None:
    sys.stderr.write(log.read_text("utf-8", "replace"))
