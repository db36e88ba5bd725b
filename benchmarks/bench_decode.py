"""Decoders beside the code that is usually written for the same outputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.command import run_alone
from benchmarks.loops import median_us
from benchmarks.report import Aim, Figure, Result, Table, ranged
from benchmarks.rounds import interleaved, ratios, spread
from edged.domain.tensors import DType, Quantization, TensorSpec
from edged.ports import Tensor
from edged.vision.decoding import make_decoder
from edged.vision.fit import plan_fit
from edged.vision.labels import Labels
from edged.vision.manifest import InputRule, Manifest, NmsRule

THRESHOLD, IOU, BEST, CALLS = 0.5, 0.45, 5, 100
OURS, USUAL = "ours", "usual"
ABOUT = f"""The decoder alone, hot, on outputs made up once: blocks of {CALLS} calls, of which the median counts. *usual*
for YOLOv8: all of the tensor dequantised to float32 and transposed, the best class by `argmax` and `max`, a mask, then
suppression in numpy, box by box. *usual* for the SSD and the classifier: the loops of PyCoral's `detect.get_objects` and
`classify.get_classes`, with named tuples, written after them. Both sides find the same objects; that is checked first."""


@dataclass(frozen=True, slots=True)
class Case:
    """Outputs with two ways to read them."""

    name: str
    aim: float
    ours: Callable[[], object]
    usual: Callable[[], object]


class Spot(NamedTuple):
    """An object as the usual code has it."""

    label_id: int
    score: float
    box: tuple[float, float, float, float]


class Corners(NamedTuple):
    """PyCoral's BBox: pixels."""

    xmin: float
    ymin: float
    xmax: float
    ymax: float


def reader(
    manifest: Manifest, specs: Sequence[TensorSpec], outputs: Sequence[Tensor], side: int
) -> Callable[[], Any]:
    """One call of the product's decoder, for a frame of 640 x 480."""
    decoder = make_decoder(
        manifest,
        specs,
        Labels({index: f"class {index}" for index in range(1001)}),
        threshold=THRESHOLD,
        top_k=BEST,
        picture=TensorSpec("picture", (1, side, side, 3), "int8", None),
    )
    return partial(decoder.decode, outputs, plan_fit(640, 480, side, side, manifest.input))


def spec(name: str, tensor: Tensor, dtype: DType, quantization: Quantization | None = None) -> TensorSpec:
    """What a runtime would report."""
    return TensorSpec(name, tensor.shape, dtype, quantization)


def yolov8(objects: int) -> Case:
    """8,400 cells and 80 classes in int8, with some objects of eight cells each."""
    rng = np.random.default_rng(0)
    head = rng.integers(-128, -90, (1, 84, 8400)).astype(np.int8)
    for at in range(objects):
        cells = rng.choice(8400, 8, replace=False)
        head[0, :4, cells] = (-100 + 9 * at, -100 + 7 * at, -118, -110) + rng.integers(0, 2, (8, 4))
        head[0, 4 + at % 80, cells] = rng.integers(20, 127, 8)
    scale = Quantization(1 / 255, -128)
    manifest = Manifest(
        "m", "detection", "yolov8", InputRule(), (("head", 0),), nms=NmsRule(IOU, per_class=True)
    )
    ours = reader(manifest, [spec("head", head, "int8", scale)], [head], 640)
    return Case(
        f"YOLOv8, int8 [1, 84, 8400], {objects} objects", 10.0, ours, partial(usual_yolov8, head, scale)
    )


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
    return [Spot(int(classes[each]), float(scores[each]), tuple(corners[each].tolist())) for each in kept]


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


def ssd(rows: int, passing: int) -> Case:
    """The float outputs of a detector with its post-processing."""
    rng = np.random.default_rng(0)
    corners = rng.random((1, rows, 2), np.float32) * 0.5
    boxes = np.concatenate((corners, corners + 0.25), axis=2)
    classes = rng.integers(0, 90, (1, rows)).astype(np.float32)
    scores = np.linspace(0.9, 0.6, rows, dtype=np.float32)[None]
    scores[0, passing:] = np.linspace(0.4, 0.1, rows - passing)
    outputs = [boxes, classes, scores, np.array([rows], np.float32)]
    names = ("boxes", "classes", "scores", "count")
    manifest = Manifest(
        "m", "detection", "ssd", InputRule(), tuple((name, at) for at, name in enumerate(names))
    )
    specs = [spec(name, tensor, "float32") for name, tensor in zip(names, outputs, strict=True)]
    ours = reader(manifest, specs, outputs, 300)
    return Case(f"SSD, {rows} rows, {passing} pass", 10.0, ours, partial(usual_objects, outputs))


def usual_objects(outputs: Sequence[Any]) -> list[Spot]:
    """As PyCoral's detect.get_objects: an object of each row that passes, its box scaled in pixels and back."""
    boxes, classes, scores, count = outputs[0][0], outputs[1][0], outputs[2][0], int(outputs[3][0])

    def made(index: int) -> Spot:
        ymin, xmin, ymax, xmax = boxes[index]
        box = Corners(xmin, ymin, xmax, ymax)
        box = Corners(*(edge * side for edge, side in zip(box, (300, 300, 300, 300), strict=True)))
        box = Corners(
            *(edge * scale for edge, scale in zip(box, (640 / 300, 1.6, 640 / 300, 1.6), strict=True))
        )
        whole = tuple(int(edge) for edge in box)
        return Spot(int(classes[index]), float(scores[index]), whole)  # type: ignore[arg-type]  # four of them

    return [made(index) for index in range(count) if scores[index] >= THRESHOLD]


def classifier() -> Case:
    """1,001 classes in uint8, three of which pass."""
    scores = np.random.default_rng(0).integers(0, 20, (1, 1001)).astype(np.uint8)
    scores[0, [7, 286, 653]] = (140, 250, 200)
    scale = Quantization(1 / 256, 0)
    manifest = Manifest("m", "classification", "classification", InputRule(), (("scores", 0),))
    ours = reader(manifest, [spec("scores", scores, "uint8", scale)], [scores], 224)
    return Case(f"classifier, top {BEST} of 1,001", 4.0, ours, partial(usual_classes, scores, scale))


def usual_classes(stored: Tensor, scale: Quantization) -> list[Spot]:
    """As PyCoral's classify.get_classes: all dequantised, a mask over all, a partition, and a sort."""
    scores = scale.scale * (stored[0].astype(np.int64) - scale.zero_point)
    top = min(BEST, len(scores))
    chosen = np.argpartition(scores, -top)[-top:]
    found = [
        Spot(int(each), float(scores[each]), (0, 0, 0, 0)) for each in chosen if scores[each] >= THRESHOLD
    ]
    return sorted(found, key=lambda each: -each.score)


def answer(found: Any) -> list[tuple[int, float]]:
    """Class and score of each, best first, whichever side says it."""
    rows = getattr(found, "items", None) or getattr(found, "top", None) or found
    return sorted(((each.label_id, round(each.score, 5)) for each in rows), key=lambda row: (-row[1], row[0]))


def measure(rounds: int, busy: float) -> Result:
    """All cases, the sides of each in turn."""
    figures, rows = [], []
    for case in (yolov8(3), yolov8(20), ssd(10, 2), ssd(10, 10), ssd(100, 5), classifier()):
        if answer(case.ours()) != answer(case.usual()):
            raise SystemExit(f"{case.name}: the sides disagree")
        found = interleaved(
            rounds, {OURS: partial(median_us, case.ours, CALLS), USUAL: partial(median_us, case.usual, CALLS)}
        )
        times = ratios(found[USUAL], found[OURS])
        figures.append(
            Figure(
                f"decode_{case.name}",
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
