"""Decoders beside the code that is usually written for the same outputs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.command import run_alone
from benchmarks.loops import median_us
from benchmarks.report import Aim, Figure, Result, Table, ranged
from benchmarks.rig import models_folder
from benchmarks.rounds import interleaved, ratios, spread
from edged.adapters.runtimes.tflite import TfliteRuntimes
from edged.adapters.storage.bundles import load_bundle
from edged.domain.tensors import Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.decoding import make_decoder
from edged.vision.fit import plan_fit
from edged.vision.labels import Labels
from edged.vision.manifest import InputRule, Manifest, NmsRule

THRESHOLD, IOU, BEST, CALLS = 0.5, 0.45, 5, 100
FRAME = (640, 480)
OURS, USUAL = "ours", "usual"
ABOUT = f"""Hot blocks of {CALLS} calls, of which the median counts. YOLOv8: the decoder alone, on outputs that are made
up once. *usual* dequantises all of the tensor to float32, takes the best class of each cell by `argmax` and `max`, masks, and
suppresses in numpy, box by box. SSD and classifier: from the end of an invoke to the answer, by the daemon's runtime and
decoder; *usual* goes the way of PyCoral's `detect.get_objects` and `classify.get_classes`, which ask the interpreter for
its tensors' details each time. Both sides find the same; that is checked first."""


@dataclass(frozen=True, slots=True)
class Case:
    """Outputs with two ways to read them."""

    name: str
    aim: float
    ours: Callable[[], object]
    usual: Callable[[], object]


class Corners(NamedTuple):
    """A box as the usual code has it."""

    left: float
    top: float
    right: float
    bottom: float


class Spot(NamedTuple):
    """An object as the usual code has it."""

    label_id: int
    score: float
    box: Corners


def yolov8(objects: int) -> Case:
    """8,400 cells and 80 classes in int8, with some objects of eight cells each."""
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
    return Case(name, 10.0, ours, partial(usual_yolov8, head, scale))


def usual_yolov8(head: Tensor, scale: Quantization) -> list[Spot]:
    """Everything dequantised, then the textbook."""
    rows = ((head[0].astype(np.float32) - scale.zero_point) * scale.scale).T
    classes, scores = rows[:, 4:].argmax(axis=1), rows[:, 4:].max(axis=1)
    mask = scores >= THRESHOLD
    boxes, classes, scores = rows[mask, :4], classes[mask], scores[mask]
    corners = np.concatenate((boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2), axis=1)
    kept = usual_suppression(
        corners + classes[:, None] * 10.0, scores
    )  # a class's boxes overlap only their own
    return [Spot(int(classes[each]), float(scores[each]), Corners(*corners[each].tolist())) for each in kept]


def usual_suppression(corners: NDArray[np.float64], scores: NDArray[np.float32]) -> list[int]:
    """Greedy, the rest of the boxes at once for each that stays."""
    left, top, right, bottom = corners.T
    areas = (right - left) * (bottom - top)
    order = scores.argsort()[::-1]
    kept = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        across = np.minimum(right[best], right[rest]) - np.maximum(left[best], left[rest])
        down = np.minimum(bottom[best], bottom[rest]) - np.maximum(top[best], top[rest])
        shared = np.maximum(across, 0) * np.maximum(down, 0)
        order = rest[shared / (areas[best] + areas[rest] - shared) <= IOU]
    return kept


def ssd(threshold: float, passing: int) -> Case:
    """A detector of ten rows whose arithmetic is none."""
    ours, interpreter = interpreted("null_ssd_300", threshold)
    return Case(f"SSD, 10 rows, {passing} pass", 10.0, ours, partial(usual_objects, interpreter, threshold))


def classifier() -> Case:
    """1,001 classes in uint8."""
    ours, interpreter = interpreted("mobilenet_v2_1.0_224_quant", 0.0)
    return Case(f"classifier, top {BEST} of 1,001", 4.0, ours, partial(usual_classes, interpreter, 0.0))


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


def usual_objects(interpreter: Any, threshold: float) -> list[Spot]:
    """Each tensor looked up in the interpreter's details, an object for each row that passes, its box in pixels."""

    def tensor(at: int) -> Any:
        return interpreter.tensor(interpreter.get_output_details()[at]["index"])()

    boxes, classes, scores, count = tensor(0)[0], tensor(1)[0], tensor(2)[0], int(tensor(3)[0])
    _, height, width, _ = interpreter.get_input_details()[0]["shape"]

    def made(row: int) -> Spot:
        top, left, bottom, right = boxes[row]
        box = Corners(left * width, top * height, right * width, bottom * height)
        whole = Corners(int(box.left), int(box.top), int(box.right), int(box.bottom))
        return Spot(int(classes[row]), float(scores[row]), whole)

    return [made(row) for row in range(count) if scores[row] >= threshold]


def usual_classes(interpreter: Any, threshold: float) -> list[Spot]:
    """All dequantised, the best by a partition, and a sort."""
    details = interpreter.get_output_details()[0]
    stored = interpreter.tensor(details["index"])().flatten()
    scale, zero_point = details["quantization"]
    scores = scale * (stored.astype(np.int64) - zero_point)
    chosen = np.argpartition(scores, -BEST)[-BEST:]
    found = [
        Spot(int(each), scores[each], Corners(0, 0, 0, 0)) for each in chosen if scores[each] >= threshold
    ]
    return sorted(found, key=lambda each: each.score, reverse=True)


def answer(found: Any) -> list[float]:
    """The scores, best first, whichever side says it; of equal ones the two may take different classes."""
    rows = getattr(found, "items", None) or getattr(found, "top", None) or found
    return sorted((round(float(each.score), 5) for each in rows), reverse=True)


def measure(rounds: int, busy: float) -> Result:
    """All cases, the sides of each in turn."""
    figures, rows = [], []
    for case in (yolov8(3), yolov8(20), ssd(0.88, 2), ssd(0.5, 10), classifier()):
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
                Aim(case.aim, at_least=True),
            )
        )
        rows.append((case.name, *(ranged(spread(found[side])) for side in (OURS, USUAL)), ranged(times)))
    table = Table("One call", ("outputs", "ours, us", "usual, us", "times"), tuple(rows))
    return Result("decode", "Decoders", ABOUT, rounds, busy, tuple(figures), (table,))


if __name__ == "__main__":
    run_alone(measure, rounds=15)
