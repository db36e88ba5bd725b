"""The daemon's rate and latency on a chip that sleeps 7 ms, beside one loop that does everything in turn.

The chip is the tests' stand-in for an Edge TPU (it sleeps; the real one needs USB too), the camera the
pattern at 60 and 240 fps. Rounds are interleaved. usage: bench_throughput.py [ROUNDS [SECONDS]]
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from edged.adapters.cameras.pattern import PatternCamera
from edged.adapters.pixels.opencv import Fitter, prepare
from edged.adapters.runtimes.tflite import TfliteRuntimes
from edged.adapters.storage.bundles import load_bundle
from edged.vision.decoding import make_decoder

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("EDGED_TEST_DATA", ROOT.parent / "shared")) / "models"
MODEL = "mobilenet_v1_0.25_128_quant"
LATENCY_MS = 7
sys.path.insert(0, str(ROOT))


def main(rounds: int, seconds: float) -> None:
    """Prints, for each frame rate, both designs: rate as a share of what the chip allows, and latency."""
    from tests.fakes.edgetpu.build import build  # noqa: PLC0415  the tests are beside us, not installed

    os.environ.update(FAKE_EDGETPU_LATENCY_MS=str(LATENCY_MS), FAKE_EDGETPU_OUTPUT="zero")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library = build(folder)
        shutil.copy(DATA / f"{MODEL}.tflite", folder)
        shutil.copy(DATA / "edgetpu" / f"{MODEL}_edgetpu.tflite", folder)
        found: dict[tuple[int, str], list[tuple[float, float, float]]] = {}
        for _ in range(rounds):
            for fps in (60, 240):
                found.setdefault((fps, "daemon"), []).append(daemon(folder, library, fps, seconds))
                found.setdefault((fps, "one loop"), []).append(loop(folder, library, fps, seconds))
    print(
        f"{'fps':>4} {'design':10} {'% of limit':>11} {'p50 - invoke':>13} {'p99 - invoke':>13}  (medians, ms)"
    )
    for (fps, design), rows in sorted(found.items()):
        share, p50, p99 = (statistics.median(row[i] for row in rows) for i in range(3))
        print(f"{fps:4} {design:10} {share:11.2f} {p50:13.2f} {p99:13.2f}")


def daemon(folder: Path, library: Path, fps: int, seconds: float) -> tuple[float, float, float]:
    """`edged run`, by its own statistics; latency runs from capture to decision."""
    file = folder / "edged.yaml"
    configuration: dict[str, Any] = {
        "device": "bench",
        "stats_interval_s": seconds,
        "accelerators": {"main": {"use": "edgetpu", "library": str(library)}},
        "models": {"m": {"path": str(folder / f"{MODEL}.tflite")}},
        "cameras": {"scene": {"source": {"type": "pattern", "fps": fps}, "model": "m"}},
    }
    file.write_text(json.dumps(configuration), encoding="utf-8")
    command = [sys.executable, "-m", "edged", "run", "--config", str(file), "--publish", "stdout"]
    reports: list[dict[str, Any]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout  # noqa: S101  it was asked for
        for line in process.stdout:
            message = json.loads(line)
            if message["topic"].endswith("/stats"):
                reports.append(message["payload"]["cameras"]["scene"])
                if len(reports) == 2:  # noqa: PLR2004  the first holds the start
                    process.terminate()
                    break
        process.communicate()
    last = reports[-1]
    invoke_ms = last["invoke_ms"]["p50"]
    limit = min(fps, 1000 / invoke_ms)
    latency = last["latency_ms"]
    return last["fps"] / limit * 100, latency["p50"] - invoke_ms, latency["p99"] - invoke_ms


def loop(folder: Path, library: Path, fps: int, seconds: float) -> tuple[float, float, float]:
    """Capture, fit, invoke and decode one after the other, in one process."""
    command = [sys.executable, __file__, "loop", str(folder), str(library), str(fps), str(seconds)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    share, p50, p99 = json.loads(out)
    return share, p50, p99


def loop_work(folder: Path, library: Path, fps: int, seconds: float) -> tuple[float, float, float]:
    """The same parts as the daemon's, in one loop."""
    prepare()
    bundle = load_bundle(folder / f"{MODEL}.tflite")
    runtime = TfliteRuntimes(library=str(library), device="", threads=1).load(str(bundle.edgetpu))
    fitter = Fitter(runtime.inputs[0], bundle.manifest.input)
    scratch = np.zeros(runtime.inputs[0].shape, np.uint8)
    decoder = make_decoder(bundle.manifest, runtime.outputs, bundle.labels, threshold=0.5, top_k=3)
    camera = PatternCamera(size=(640, 480), fps=fps)
    buffer = memoryview(bytearray(camera.open()))
    invokes, latencies = [], []
    start_s = time.monotonic()
    while time.monotonic() - start_s < seconds:
        captured = camera.read(buffer)
        assert captured  # noqa: S101  it never ends
        pixels = np.frombuffer(buffer, np.uint8).reshape(captured.shape.array_shape)
        plan = fitter.fit(pixels, captured.shape, scratch)
        runtime.set_input(scratch)
        before_ns = time.monotonic_ns()
        runtime.invoke()
        after_ns = time.monotonic_ns()
        decoder.decode(runtime.get_outputs(), plan)
        invokes.append((after_ns - before_ns) / 1e6)
        latencies.append((time.monotonic_ns() - captured.captured_ns) / 1e6)
    rate = len(invokes) / (time.monotonic() - start_s)
    invoke_ms = statistics.median(invokes)
    ordered = sorted(latencies)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return rate / min(fps, 1000 / invoke_ms) * 100, p50 - invoke_ms, p99 - invoke_ms


if __name__ == "__main__":
    if sys.argv[1:2] == ["loop"]:
        print(
            json.dumps(loop_work(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))
        )
    else:
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else 3,
            float(sys.argv[2]) if len(sys.argv) > 2 else 5,  # noqa: PLR2004  a position
        )
