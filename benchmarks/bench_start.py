"""From exec to the first event, beside the import of numpy."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Timer

from benchmarks.command import run_alone
from benchmarks.report import Aim, Figure, Result, Table, number, ranged
from benchmarks.rig import CAMERA, COLOURS, PATIENCE_S, ROOT, edged, environment, rigged
from benchmarks.rounds import interleaved, ratios, spread

FPS = 30
DAEMON, NUMPY = "daemon", "import numpy"
OTHERS = {
    NUMPY: "import numpy",
    "python alone": "pass",
    "what the parent imports": "import edged.cli.run",
    "what the accelerator's process imports": (
        "import edged.children.accelerator as each; each.TfliteRuntimes(library=None, device='', threads=1)"
    ),
    "what the camera's process imports": "import edged.children.camera, edged.adapters.cameras.pattern",
}
ABOUT = f"""From starting the process until the first event of the camera has been read from its standard output: `edged run
--publish stdout` with the pattern camera at {FPS} frames a second and the bundled model `colours` on the CPU. Beside it `python -c
"import numpy"` of the same Python, from its start to its end. For where the time goes, processes that only import
what the daemon's three do: the parent's comes first, then the children's at the same time. Files are in the page cache and compiled: one run of
each before the first does not count."""


def first_event_s(file: Path, topic: str) -> float:
    """One start of the daemon, until its first message on a topic."""
    begin_s = time.monotonic()
    with subprocess.Popen(
        edged(file, "stdout"), cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout  # noqa: S101  it was asked for
        alarm = Timer(PATIENCE_S, process.kill)
        alarm.start()
        for line in process.stdout:
            if json.loads(line)["topic"] == topic:
                took_s = time.monotonic() - begin_s
                alarm.cancel()
                process.terminate()
                process.communicate()
                return took_s
    raise SystemExit(f"no event of the daemon within {PATIENCE_S:g} s")


def run_s(code: str) -> float:
    """One run of a line of Python."""
    begin_s = time.monotonic()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(), check=True)
    return time.monotonic() - begin_s


def measure(rounds: int, busy: float) -> Result:
    """All sides, interleaved."""
    with rigged() as rig:
        file, topics = rig.configure(model=COLOURS, scene="colours", accelerator={"use": "cpu"}, fps=FPS)
        sides: dict[str, Callable[[], float]] = {
            DAEMON: lambda: first_event_s(file, topics.camera_event(CAMERA)),
            **{side: partial(run_s, code) for side, code in OTHERS.items()},
        }
        interleaved(1, sides)
        found = interleaved(rounds, sides)
    figure = Figure(
        "first_event",
        "exec to the first event, to `import numpy`",
        "times",
        ratios(found[DAEMON], found[NUMPY]),
        Aim(5.0),
    )
    rows = tuple(
        (
            side,
            ranged(spread([each * 1e3 for each in seconds])),
            number(ratios(seconds, found[NUMPY]).median),
        )
        for side, seconds in found.items()
    )
    table = Table("All sides", ("side", "ms", "to import numpy"), rows)
    return Result("start", "Start", ABOUT, rounds, busy, (figure,), (table,))


if __name__ == "__main__":
    run_alone(measure, rounds=9)
