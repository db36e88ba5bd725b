"""CPU time a frame and memory of the whole daemon, beside one loop, and less what the stand-in burns itself."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.command import run_alone
from benchmarks.daemon import wait_until_online
from benchmarks.proc import Memory, command_line, cpu_s, family, memory
from benchmarks.report import Aim, Figure, Result, Table, ranged
from benchmarks.rig import Chip, Rig, chain, edged, environment, rigged, running, wait_for
from benchmarks.rounds import differences, interleaved, ratios, spread

FPS, INVOKE_MS = 60, 7
SETTLE_S, SECONDS = 1.5, 3.0
DAEMON, FRAMES, LOOP, CHIP = "daemon", "daemon, each frame published", "one loop", "the chip alone"
CHAINS = {LOOP: "loop", CHIP: "chip"}
ABOUT = f"""The pattern camera at {FPS} frames a second (640x480 RGB), the stand-in with a {INVOKE_MS} ms invoke, a 224x224
classifier. CPU is user and system time of all threads of all processes over {SECONDS:g} s, {SETTLE_S:g} s after the models are loaded,
divided by the camera's ticks in that time. The stand-in hashes its input; *the chip alone* is a process that does nothing but
one invoke a tick, and what it needs is taken off each of the others in the same round. *daemon* is `edged run` with
its outbox on disk, connected to a broker; once as configured by default, once with each frame published. The broker
is not counted. *one loop* is capture, fit, invoke and decode in one process that delivers nothing. Memory is PSS from
`smaps_rollup`, summed over the processes: pages of files that other programs map too count in part. Neither
picamera2 nor PyAV is loaded."""


@dataclass(frozen=True, slots=True)
class Use:
    """What one side needed in one round."""

    cpu_ms: float
    """A frame."""
    memory: Memory
    parts: dict[str, tuple[float, Memory]]
    """CPU a frame and memory of each process, by what it does."""


def measure(rounds: int, busy: float) -> Result:
    """All sides, interleaved."""
    with rigged() as rig:
        chip = Chip(rig.folder)
        found = interleaved(
            rounds, {side: partial(_use, side, rig, chip) for side in (DAEMON, FRAMES, LOOP, CHIP)}
        )
    figures, tables = tuple(_figures(found)), (_table(found), _parts(found), _ratios(found))
    return Result("resources", "CPU and memory", ABOUT, rounds, busy, figures, tables)


def _use(side: str, rig: Rig, chip: Chip) -> Use:
    """Starts a side, lets it settle, and watches it."""
    file, topics = rig.configure(
        model=chip.model, accelerator=chip.accelerator, fps=FPS, frames=side == FRAMES
    )
    design = CHAINS.get(side)
    ready = file.with_suffix(".ready")
    command = chain(design, chip.model, chip.library, FPS, 3600, ready) if design else edged(file)
    with running(command, environment(INVOKE_MS), rig.folder / "log") as process:
        if design:
            wait_for(ready)
        else:
            wait_until_online(rig, topics)
        time.sleep(SETTLE_S)
        pids = family(process.pid)
        before, start_s = {pid: cpu_s([pid]) for pid in pids}, time.monotonic()
        time.sleep(SECONDS)
        frames = (time.monotonic() - start_s) * FPS
        cpu_ms = {pid: (cpu_s([pid]) - before[pid]) / frames * 1e3 for pid in pids}
        used = memory(pids)
        parts = {_role(pid): (cpu_ms[pid], memory([pid])) for pid in pids}
        if family(process.pid) != pids:
            raise SystemExit(f"{side}: a process has ended or was restarted meanwhile")
    return Use(sum(cpu_ms.values()), used, parts)


def _role(pid: int) -> str:
    """`camera`, `accelerator`, or `parent`."""
    modules = [word for word in command_line(pid) if word.startswith("edged.children.")]
    return modules[0].rpartition(".")[2] if modules else "parent"


def _own(found: dict[str, list[Use]], side: str) -> list[float]:
    """CPU a frame without the chip's, round by round."""
    return differences([use.cpu_ms for use in found[side]], [use.cpu_ms for use in found[CHIP]])


def _figures(found: dict[str, list[Use]]) -> Sequence[Figure]:
    case = f"{FPS} frames a second, {INVOKE_MS} ms"
    daemon = [use.memory for use in found[DAEMON]]
    return [
        Figure(
            "cpu_per_frame",
            f"CPU a frame, all processes, {case}",
            "ms",
            spread(_own(found, DAEMON)),
            Aim(1.0),
        ),
        Figure(
            "cpu_per_frame_published",
            f"CPU a frame with each frame published, {case}",
            "ms",
            spread(_own(found, FRAMES)),
            Aim(1.0),
        ),
        Figure(
            "memory",
            "memory (PSS), all processes",
            "MB",
            spread([each.pss_mb for each in daemon]),
            Aim(130),
        ),
        Figure(
            "memory_anonymous",
            "the anonymous part of the memory",
            "MB",
            spread([each.anonymous_mb for each in daemon]),
        ),
    ]


def _table(found: dict[str, list[Use]]) -> Table:
    rows = [
        (
            side,
            ranged(spread([use.cpu_ms for use in uses])),
            "-" if side == CHIP else ranged(spread(_own(found, side))),
            ranged(spread([use.memory.pss_mb for use in uses])),
            ranged(spread([use.memory.anonymous_mb for use in uses])),
        )
        for side, uses in found.items()
    ]
    head = ("side", "CPU a frame, ms", "without the chip's, ms", "PSS, MB", "anonymous, MB")
    return Table(f"All sides ({os.cpu_count()} cores)", head, tuple(rows))


def _parts(found: dict[str, list[Use]]) -> Table:
    """Process by process; that of the accelerator has the chip's share in it."""
    rows = []
    for side in (DAEMON, FRAMES):
        for role in found[side][0].parts:
            cpu_ms, used = zip(*(use.parts[role] for use in found[side]), strict=True)
            rows.append(
                (
                    side,
                    role,
                    ranged(spread(cpu_ms)),
                    ranged(spread([each.pss_mb for each in used])),
                    ranged(spread([each.anonymous_mb for each in used])),
                )
            )
    head = ("side", "process", "CPU a frame, ms", "PSS, MB", "anonymous, MB")
    return Table("Process by process; the accelerator's has the chip's share in it", head, tuple(rows))


def _ratios(found: dict[str, list[Use]]) -> Table:
    loop_mb = [use.memory.pss_mb for use in found[LOOP]]
    rows = [
        (
            f"{side} / {LOOP}",
            ranged(ratios(_own(found, side), _own(found, LOOP))),
            ranged(ratios([use.memory.pss_mb for use in found[side]], loop_mb)),
        )
        for side in (DAEMON, FRAMES)
    ]
    return Table("Ratios within each round", ("sides", "CPU a frame", "PSS"), tuple(rows))


if __name__ == "__main__":
    run_alone(measure, rounds=3)
