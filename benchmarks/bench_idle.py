"""CPU of a daemon that has next to nothing to do, beside a Python that wakes as often as its loop."""

import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack

from benchmarks.command import run_alone
from benchmarks.daemon import wait_until_online
from benchmarks.proc import cpu_s, family
from benchmarks.report import Aim, Figure, Result, Table, number, ranged
from benchmarks.rig import COLOURS, edged, environment, rigged, running
from benchmarks.rounds import ratios, spread

FPS = 0.1
SETTLE_S, WINDOW_S = 2.0, 20.0
DAEMON, WAKES, ASLEEP = "daemon", "Python that wakes 4 times a second", "Python asleep"
ABOUT = f"""There is no command yet that pauses cameras. The nearest to it: `edged run` with the pattern camera at {FPS:g}
frames a second and the bundled model `colours` on the CPU, connected to a broker; so it judges a frame every ten seconds, which a
paused one would not. All sides run at the same time, each round is a window of {WINDOW_S:g} s, and the figure is user and
system time of all threads of all processes as a share of one core. The daemon's loop wakes four times a second to look
at its deadlines; beside it a Python process that does only that, and one that sleeps."""
WAKING = "import time\nwhile True: time.sleep(0.25)"
SLEEPING = "import time\ntime.sleep(3600)"


def measure(rounds: int, busy: float) -> Result:
    """All sides at once, window by window."""
    with rigged() as rig, ExitStack() as stack:
        file, topics = rig.configure(model=COLOURS, scene="colours", accelerator={"use": "cpu"}, fps=FPS)
        commands = {
            DAEMON: edged(file),
            WAKES: [sys.executable, "-c", WAKING],
            ASLEEP: [sys.executable, "-c", SLEEPING],
        }
        pids = {
            side: stack.enter_context(running(command, environment(), rig.folder / f"{side}.log")).pid
            for side, command in commands.items()
        }
        wait_until_online(rig, topics)
        time.sleep(SETTLE_S)
        found = _windows(rounds, pids)
    figure = Figure(
        "idle_cpu",
        f"CPU of one core, idle but for a frame every {1 / FPS:.0f} s",
        "%",
        spread(found[DAEMON]),
        Aim(0.3),
    )
    rows = tuple((side, ranged(spread(percents))) for side, percents in found.items())
    above = number(ratios(found[DAEMON], found[WAKES]).median)
    table = Table(f"All sides (daemon / waking Python: {above})", ("side", "% of one core"), rows)
    return Result("idle", "Idle", ABOUT, rounds, busy, (figure,), (table,))


def _windows(rounds: int, pids: Mapping[str, int]) -> dict[str, list[float]]:
    """Percent of one core by side and window."""
    families = {side: family(pid) for side, pid in pids.items()}
    found: dict[str, list[float]] = {side: [] for side in pids}
    for _ in range(rounds):
        before = {side: cpu_s(each) for side, each in families.items()}
        start_s = time.monotonic()
        time.sleep(WINDOW_S)
        passed_s = time.monotonic() - start_s
        for side, each in families.items():
            found[side].append((cpu_s(each) - before[side]) / passed_s * 100)
    if any(family(pid) != families[side] for side, pid in pids.items()):
        raise SystemExit("a process has ended or was restarted meanwhile")
    return found


if __name__ == "__main__":
    run_alone(measure, rounds=3)
