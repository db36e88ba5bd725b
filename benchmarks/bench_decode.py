"""Decoders beside the code that is usually written for the same outputs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks import usual
from benchmarks.command import run_alone
from benchmarks.loops import median_us
from benchmarks.report import Aim, Figure, Result, Table, ranged
from benchmarks.rig import models_folder
from benchmarks.rounds import interleaved, ratios, spread
from edged.adapters.runtimes.tflite import TfliteRuntimes
from edged.adapters.storage.bundles import load_bundle
from edged.domain.tensors import Quantization, TensorSpec
from edged.vision.decoding import make_decoder
from edged.vision.fit import plan_fit
from edged.vision.labels import Labels
from edged.vision.manifest import InputRule, Manifest, NmsRule

THRESHOLD, IOU, BEST, CALLS = 0.5, 0.45, 5, 100
FRAME = (640, 480)
OURS, USUAL = "ours", "usual"
ABOUT = f"""Hot blocks of {CALLS} calls, of which the median counts. YOLOv8: the decoder alone, on outputs that are made
up once. *usual* goes the way of Ultralytics' example for TFLite: it dequantises all of the tensor to float32, takes the best
score of each cell, masks, takes the classes of what is left, and suppresses by OpenCV; *numpy alone*: the same with
suppression in numpy, box by box, as `edgetpu-yolo` has it. SSD and classifier: from the end of an invoke to the answer, by
the daemon's runtime and decoder; *usual* goes the way of PyCoral's `detect.get_objects` and `classify.get_classes`, which
ask the interpreter for its tensors' details each time. Both sides find the same; that is checked first."""


@dataclass(frozen=True, slots=True)
class Case:
    """Outputs with two ways to read them."""

    name: str
    aim: float | None
    ours: Callable[[], object]
    usual: Callable[[], object]


def yolov8(objects: int, *, by_opencv: bool) -> Case:
    """8,400 cells and 80 classes in int8, with some objects of eight cells each; OpenCV suppresses, or numpy."""
    rng = np.random.default_rng(0)
    head = rng.integers(-128, -90, (1, 84, 8400)).astype(np.int8)
    for at in range(objects):
        cells = rng.choice(8400, 8, replace=False)
        head[0, :4, cells] = np.array((-100 + 9 * at, -100 + 7 * at, -118, -110)) + rng.integers(0, 2, (8, 4))
        head[0, 4 + at % 80, cells] = rng.integers(20, 127, 8)
    scale = Quantization(1 / 255, -128)
    manifest = Manifest(
        "m", "detection", "yolov8", InputRule(), (("head", 0),), nms=NmsRule(IOU, per_class=True)
    )
    decoder = make_decoder(
        manifest,
        [TensorSpec("head", head.shape, "int8", scale)],
        Labels({index: f"class {index}" for index in range(80)}),
        threshold=THRESHOLD,
        top_k=1,
        picture=TensorSpec("picture", (1, 640, 640, 3), "int8", None),
    )
    ours = partial(decoder.decode, [head], plan_fit(*FRAME, 640, 640, manifest.input))
    name = f"YOLOv8, int8 [1, 84, 8400], {objects} objects"
    if by_opencv:
        return Case(
            name, 10.0, ours, partial(usual.yolov8, head, scale, THRESHOLD, usual.opencv(THRESHOLD, IOU))
        )
    return Case(
        f"{name}, numpy alone", None, ours, partial(usual.yolov8, head, scale, THRESHOLD, usual.in_numpy(IOU))
    )


def ssd(threshold: float, passing: int) -> Case:
    """A detector of ten rows whose arithmetic is none."""
    ours, interpreter = interpreted("null_ssd_300", threshold)
    return Case(f"SSD, 10 rows, {passing} pass", 10.0, ours, partial(usual.objects, interpreter, threshold))


def classifier() -> Case:
    """1,001 classes in uint8."""
    ours, interpreter = interpreted("mobilenet_v2_1.0_224_quant", 0.0)
    return Case(f"classifier, top {BEST} of 1,001", 4.0, ours, partial(usual.classes, interpreter, BEST, 0.0))


def interpreted(name: str, threshold: float) -> tuple[Callable[[], object], Any]:
    """The product's way from the end of an invoke to an answer, and the interpreter that was invoked."""
    bundle = load_bundle(models_folder() / f"{name}.tflite")
    runtime = TfliteRuntimes(library=None, device="", threads=1).load(str(bundle.cpu))
    shape = runtime.inputs[0].shape
    runtime.set_input(np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8))
    runtime.invoke()
    decoder = make_decoder(bundle.manifest, runtime.outputs, bundle.labels, threshold=threshold, top_k=BEST)
    plan = plan_fit(*FRAME, shape[2], shape[1], bundle.manifest.input)
    interpreter = runtime._interpreter  # noqa: SLF001  both sides read the same tensors
    return lambda: decoder.decode(runtime.get_outputs(), plan), interpreter


def answer(found: Any) -> list[float]:
    """The scores, best first, whichever side says it; of equal ones the two may take different classes."""
    rows = getattr(found, "items", None) or getattr(found, "top", None) or found
    return sorted((round(float(each.score), 5) for each in rows), reverse=True)


def cases() -> Iterator[Case]:
    """All of them."""
    for objects in (3, 20):
        for by_opencv in (True, False):
            yield yolov8(objects, by_opencv=by_opencv)
    yield ssd(0.88, 2)
    yield ssd(0.5, 10)
    yield classifier()


def measure(rounds: int, busy: float) -> Result:
    """All cases, the sides of each in turn."""
    figures, rows = [], []
    for case in cases():
        if answer(case.ours()) != answer(case.usual()):
            raise SystemExit(f"{case.name}: the sides disagree")
        found = interleaved(
            rounds, {OURS: partial(median_us, case.ours, CALLS), USUAL: partial(median_us, case.usual, CALLS)}
        )
        times = ratios(found[USUAL], found[OURS])
        key = "_".join(case.name.lower().replace(",", "").split())
        figures.append(
            Figure(
                f"decode_{key}",
                f"{case.name}: usual code to ours",
                "times",
                times,
                Aim(case.aim, at_least=True) if case.aim else None,
            )
        )
        rows.append((case.name, *(ranged(spread(found[side])) for side in (OURS, USUAL)), ranged(times)))
    table = Table("One call", ("outputs", "ours, us", "usual, us", "times"), tuple(rows))
    return Result("decode", "Decoders", ABOUT, rounds, busy, tuple(figures), (table,))


if __name__ == "__main__":
    run_alone(measure, rounds=15)
