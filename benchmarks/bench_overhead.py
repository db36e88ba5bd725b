"""Fit and decode above a bare invoke, beside other loops and other programs; and the hop between processes."""

import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.command import run_alone
from benchmarks.daemon import run_daemon
from benchmarks.loops import Loops, median_us, random_frame
from benchmarks.report import Aim, Figure, Result, Table, number, ranged
from benchmarks.rig import chain, environment, models_folder, rigged, samples_of
from benchmarks.rival import PROGRAMS, CannotRunError, Rival
from benchmarks.rounds import differences, interleaved, ratios, spread
from benchmarks.samples import WARM_UP_S, Sample, timing, warmed
from edged.adapters.pixels.opencv import prepare
from edged.domain.frame import PixelFormat

SSD, CLASSIFIER = "null_ssd_300", "null_classifier_224"
CALLS = 100
HOP_ROUNDS, HOP_S, HOP_FPS = 3, 1.5, 60
ABOUT = f"""Models that do no arithmetic (`{SSD}`: ten rows that all pass the threshold; `{CLASSIFIER}`: 1,001 classes) on
the CPU, in one process, hot: blocks of {CALLS} calls on one 640x480 frame, of which the median counts. Every figure is
above *bare* (set the input, invoke, get the outputs) of the same round. *ours*: the daemon's fit and decoder.
*leanest*: one `cv2.resize` and the least that makes an answer of the outputs. *Pillow*: a resize in Pillow, every
output dequantised, sorted and made into dictionaries. *mediapipe* and *tflite-support*: their own runtimes, in processes
of their own that time themselves; they take no I420, so OpenCV changes it first, as in the two loops. The bare invoke
that is taken off them is ours."""
HOP = f"""Hop between processes: from the camera's tick to the decision in the parent, less the median invoke, of `edged run`
with `{CLASSIFIER}` on the CPU and the pattern camera at {HOP_FPS} frames a second, less the same of one loop in one process
that does the same work, policy included."""


@dataclass(frozen=True, slots=True)
class Case:
    """A model and a pixel format, with what each side needed above the bare invoke, round by round, in us."""

    name: str
    pixel_format: PixelFormat
    bare_us: list[float]
    above_us: dict[str, list[float]]

    @property
    def label(self) -> str:
        """For tables."""
        return f"{self.name}, {self.pixel_format.name}"


def measure(rounds: int, busy: float) -> Result:
    """All models and pixel formats in turn, the sides of each interleaved."""
    prepare()
    notes: list[str] = []
    cases = [
        _case(name, pixel_format, rounds, notes)
        for name in (SSD, CLASSIFIER)
        for pixel_format in (PixelFormat.RGB, PixelFormat.I420)
    ]
    return Result(
        "overhead",
        "Fit and decode",
        f"{ABOUT}\n\n{HOP}",
        rounds,
        busy,
        (*map(_figure, cases), _hop(min(rounds, HOP_ROUNDS))),
        (_table(cases), _ratios(cases)),
        tuple(dict.fromkeys(notes)),
    )


def _case(name: str, pixel_format: PixelFormat, rounds: int, notes: list[str]) -> Case:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = interleaved(rounds, _sides(stack, folder, name, pixel_format, notes))
    bare = found.pop("bare")
    return Case(name, pixel_format, bare, {side: differences(us, bare) for side, us in found.items()})


def _sides(
    stack: ExitStack, folder: Path, name: str, pixel_format: PixelFormat, notes: list[str]
) -> dict[str, Callable[[], float]]:
    """What can run here; what cannot is noted."""
    model = models_folder() / f"{name}.tflite"
    loops = Loops(model, pixel_format)
    sides: dict[str, Callable[[], float]] = {
        side: partial(median_us, work, CALLS)
        for side, work in (("bare", loops.bare), ("ours", loops.ours), ("leanest", loops.leanest))
    }
    try:
        loops.import_pillow()
        sides["Pillow"] = partial(median_us, loops.pillow, CALLS)
    except ImportError as error:
        notes.append(f"Pillow: {error}.")
    pixels = folder / f"{pixel_format.name}.npy"
    np.save(pixels, random_frame(pixel_format))
    for program in PROGRAMS:
        try:
            rival = Rival(program, model, loops.task, pixels)
        except CannotRunError as error:
            notes.append(f"{error}.")
            continue
        stack.callback(rival.close)
        notes.append(f"{program}: version {rival.version}.")
        sides[program] = partial(rival.median_us, CALLS)
    return sides


def _figure(case: Case) -> Figure:
    """The aim is set for the detector."""
    return Figure(
        f"overhead_{case.name}_{case.pixel_format.name.lower()}",
        f"fit and decode above a bare invoke, {case.label}, to the leanest loop",
        "times",
        ratios(case.above_us["ours"], case.above_us["leanest"]),
        Aim(1.5) if case.name == SSD else None,
    )


def _table(cases: list[Case]) -> Table:
    rows = [
        (case.label, side, ranged(spread(us)), number(statistics.median(case.bare_us)))
        for case in cases
        for side, us in case.above_us.items()
    ]
    return Table("Above the bare invoke", ("model, frame", "side", "us", "bare, us"), tuple(rows))


def _ratios(cases: list[Case]) -> Table:
    rows = [
        (case.label, side, *(ranged(ratios(us, case.above_us[base])) for base in ("leanest", "ours")))
        for case in cases
        for side, us in case.above_us.items()
    ]
    return Table(
        "Ratios within each round", ("model, frame", "side", "to the leanest", "to ours"), tuple(rows)
    )


def _hop(rounds: int) -> Figure:
    model = models_folder() / f"{CLASSIFIER}.tflite"
    command = chain("loop", model, None, HOP_FPS, WARM_UP_S + HOP_S)

    def daemon() -> float:
        run = run_daemon(rig, None, model=model, fps=HOP_FPS, invoke_ms=0, window_s=HOP_S, frames=False)
        return run.timing.p50_ms * 1e3

    def loop() -> float:
        rows = [Sample(*row) for row in samples_of(command, environment())]
        return timing(warmed(rows), HOP_FPS).p50_ms * 1e3

    with rigged() as rig:
        found = interleaved(rounds, {"daemon": daemon, "loop": loop})
    above = spread(differences(found["daemon"], found["loop"]))
    return Figure("hop", "the hops between three processes, above the same work in one (p50)", "us", above)


if __name__ == "__main__":
    run_alone(measure, rounds=11)
