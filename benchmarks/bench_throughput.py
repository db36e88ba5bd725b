"""Rate and latency of the daemon on a chip that sleeps, beside one loop and a queue of frames."""

from collections.abc import Callable
from functools import partial

from benchmarks.command import run_alone
from benchmarks.daemon import Run, run_daemon
from benchmarks.report import Aim, Figure, Result, Table, number, ranged
from benchmarks.rig import Chip, Rig, chain, environment, rigged, samples_of
from benchmarks.rounds import Spread, interleaved, ratios, spread
from benchmarks.samples import WARM_UP_S, Sample, timing, warmed

RATES = {60: 60.3, 240: 240.0}
"""Frames a second as the tables name them, and as they are: see `daemon.first_tick_ms`."""
CASES = tuple((fps, ms) for fps in RATES for ms in (7, 15))
WINDOW_S = 2.0
DAEMON, OTHERS = "daemon", {"one loop": "loop", "queue": "queue"}
ABOUT = f"""The stand-in for the Edge TPU sleeps 7 or 15 ms an invoke; the camera is the pattern, 640x480 RGB, at
{RATES[60]:g} ("60") or {RATES[240]:g} frames a second, for a classifier of 224x224. Each run is a fresh process, of which
{WINDOW_S:g} s count, after at least {WARM_UP_S:g} s. *daemon* is `edged run` with its outbox, connected to a broker; at 60 frames a
second it publishes each frame. Its rate and latency are those of its own `stats`. *one loop*: capture, fit, invoke,
decode and judge in turn in one process. *queue*: a capture process puts frames into shared memory and their numbers into
a queue of two, a detector process takes them in order; a frame that meets a full queue is dropped. Both are made of the
daemon's own camera, fit, runtime, decoder and policy, and publish nothing. *of limit*: results as a share of min(camera
rate, 1 / median invoke). Latency runs from the camera's tick to the decision, less the median invoke."""


def measure(rounds: int, busy: float) -> Result:
    """All designs in all cases, interleaved."""
    with rigged() as rig:
        chip = Chip(rig.folder)
        sides: dict[str, Callable[[], Run]] = {}
        for fps, ms in CASES:
            sides[_key(fps, ms, DAEMON)] = partial(_daemon, rig, chip, fps, ms)
            for name, design in OTHERS.items():
                sides[_key(fps, ms, name)] = partial(_other, chip, design, fps, ms)
        found = interleaved(rounds, sides)
    figures = (*_throughput(found), *_latency(found))
    return Result(
        "throughput", "Rate and latency", ABOUT, rounds, busy, figures, (_table(found), _ratios(found))
    )


def _key(fps: int, ms: int, side: str) -> str:
    return f"{fps} / {ms} {side}"


def _daemon(rig: Rig, chip: Chip, fps: int, ms: int) -> Run:
    return run_daemon(
        rig,
        chip,
        model=chip.model,
        fps=RATES[fps],
        invoke_ms=ms,
        window_s=WINDOW_S,
        frames=fps == min(RATES),
    )


def _other(chip: Chip, design: str, fps: int, ms: int) -> Run:
    command = chain(design, chip.model, chip.library, RATES[fps], WARM_UP_S + WINDOW_S)
    rows = [Sample(*row) for row in samples_of(command, environment(ms))]
    return Run(timing(warmed(rows), RATES[fps]))


def _of(runs: list[Run], value: str) -> list[float]:
    return [getattr(run.timing, value) for run in runs]


def _throughput(found: dict[str, list[Run]]) -> list[Figure]:
    return [
        Figure(
            f"throughput_240_{ms}",
            f"results at 240 frames a second and a {ms} ms invoke, of the chip's limit",
            "%",
            spread(_of(found[_key(240, ms, DAEMON)], "share")),
            Aim(98.5, at_least=True),
        )
        for ms in (7, 15)
    ]


def _latency(found: dict[str, list[Run]]) -> list[Figure]:
    runs, figures = found[_key(60, 7, DAEMON)], []
    for index, (name, limit) in enumerate((("p50", 1.0), ("p99", 2.0))):
        figures += [
            Figure(
                f"decided_{name}",
                f"capture to decision above the invoke, 60 frames a second, 7 ms, {name}",
                "ms",
                spread(_of(runs, f"{name}_ms")),
            ),
            Figure(
                f"published_{name}",
                f"capture to a subscriber of `frame` through mosquitto above the invoke, 60 frames a second, 7 ms, {name}",
                "ms",
                spread([run.heard_ms[index] for run in runs]),
                Aim(limit),
            ),
        ]
    return figures


def _table(found: dict[str, list[Run]]) -> Table:
    rows = []
    for fps, ms in CASES:
        for side in (DAEMON, *OTHERS):
            runs = found[_key(fps, ms, side)]
            cells = [ranged(spread(_of(runs, value))) for value in ("share", "p50_ms", "p99_ms")]
            rows.append((f"{fps} / {ms}", side, *cells, number(spread(_of(runs, "invoke_ms")).median)))
    head = ("fps / ms", "design", "of limit, %", "p50 above invoke, ms", "p99 above invoke, ms", "invoke, ms")
    return Table("All designs", head, tuple(rows))


def _ratios(found: dict[str, list[Run]]) -> Table:
    """Latencies with the invoke: without it some are near zero, and their ratio says nothing."""

    def whole(side: str, value: str) -> list[float]:
        runs = found[side]
        return [one + two for one, two in zip(_of(runs, value), _of(runs, "invoke_ms"), strict=True)]

    rows = []
    for fps, ms in CASES:
        ours = _key(fps, ms, DAEMON)
        for side in OTHERS:
            theirs = _key(fps, ms, side)
            values: list[Spread] = [
                ratios(_of(found[ours], "share"), _of(found[theirs], "share")),
                *(ratios(whole(ours, each), whole(theirs, each)) for each in ("p50_ms", "p99_ms")),
            ]
            rows.append((f"{fps} / {ms}", f"{DAEMON} / {side}", *map(ranged, values)))
    head = ("fps / ms", "sides", "rate", "p50 with the invoke", "p99 with the invoke")
    return Table("Ratios within each round", head, tuple(rows))


if __name__ == "__main__":
    run_alone(measure, rounds=3)
