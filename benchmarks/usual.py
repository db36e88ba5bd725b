"""The code that is usually written for the same outputs, step by step as its authors have published it."""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.domain.tensors import Quantization
from edged.ports import Tensor

BARS, SIDE = (0.0, 0.0), 640
"""Left and upper bar of a picture that was fitted in, as fractions of the input, and the frame's longer side in pixels."""
Suppression = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]], Iterable[int]]
"""Left, top, width and height of boxes, their scores and classes; which of them stay."""


class Corners(NamedTuple):
    """A box as the usual code has it."""

    left: float
    top: float
    right: float
    bottom: float

    def scaled(self, across: float, down: float) -> "Corners":
        """In pixels."""
        return Corners(
            left=self.left * across, top=self.top * down, right=self.right * across, bottom=self.bottom * down
        )

    def mapped(self, change: Callable[[float], float]) -> "Corners":
        """Each edge changed."""
        return Corners(
            left=change(self.left),
            top=change(self.top),
            right=change(self.right),
            bottom=change(self.bottom),
        )


class Spot(NamedTuple):
    """An object as the usual code has it."""

    label_id: int
    score: float
    box: Corners


class Kind(NamedTuple):
    """A class as the usual code has it."""

    label_id: int
    score: float


def yolov8(head: Tensor, scale: Quantization, threshold: float, suppression: Suppression) -> list[Spot]:
    """As Ultralytics' example for TFLite reads [1, 4 + C, N].

    All of it becomes float32, boxes go to the frame, then the best score of each cell, a mask, the classes of what is
    left, and suppression.
    """
    outputs = (head.astype(np.float32) - scale.zero_point) * scale.scale
    outputs[:, 0] -= BARS[0]
    outputs[:, 1] -= BARS[1]
    outputs[:, :4] *= SIDE
    rows = outputs.transpose(0, 2, 1)
    rows[..., 0] -= rows[..., 2] / 2
    rows[..., 1] -= rows[..., 3] / 2
    scores = rows[0, :, 4:].max(-1)
    keep = scores >= threshold
    boxes, scores, classes = rows[0, keep, :4], scores[keep], rows[0, keep, 4:].argmax(-1)
    return [_spot(boxes[each], scores[each], classes[each]) for each in suppression(boxes, scores, classes)]


def _spot(box: Any, score: Any, label_id: Any) -> Spot:
    left, top, width, height = box.tolist()
    return Spot(int(label_id), float(score), Corners(left, top, left + width, top + height))


def opencv(threshold: float, iou: float) -> Suppression:
    """OpenCV's own suppression, class by class."""

    def kept(
        boxes: NDArray[np.float32], scores: NDArray[np.float32], classes: NDArray[np.intp]
    ) -> Iterable[int]:
        ids: Any = classes.astype(np.int32)
        return cv2.dnn.NMSBoxesBatched(boxes, scores, ids, threshold, iou)  # type: ignore[arg-type]  # takes arrays

    return kept


def in_numpy(iou: float) -> Suppression:
    """Greedy, the rest of the boxes at once for each that stays; a class's boxes are moved away from the others'."""

    def kept(
        boxes: NDArray[np.float32], scores: NDArray[np.float32], classes: NDArray[np.intp]
    ) -> Iterable[int]:
        left, top = boxes[:, 0] + classes * 4096.0, boxes[:, 1]
        right, bottom = left + boxes[:, 2], top + boxes[:, 3]
        areas = (right - left) * (bottom - top)
        order = scores.argsort()[::-1]
        while order.size:
            best, rest = order[0], order[1:]
            yield int(best)
            across = np.minimum(right[best], right[rest]) - np.maximum(left[best], left[rest])
            down = np.minimum(bottom[best], bottom[rest]) - np.maximum(top[best], top[rest])
            shared = np.maximum(across, 0) * np.maximum(down, 0)
            order = rest[shared / (areas[best] + areas[rest] - shared) <= iou]

    return kept


def objects(interpreter: Any, threshold: float) -> list[Spot]:
    """As PyCoral's `detect.get_objects`.

    Each tensor is looked up in the interpreter's details; a row that passes has a box of its fractions, one in pixels
    and one in whole pixels.
    """
    signatures = interpreter._get_full_signature_list()  # noqa: SLF001  PyCoral asks for it, too
    if signatures or _tensor(interpreter, 3).size != 1:
        raise SystemExit("the usual code needs boxes, classes, scores and count here, in this order")
    boxes, classes, scores = (_tensor(interpreter, at)[0] for at in range(3))
    count = int(_tensor(interpreter, 3)[0])
    _, height, width, _ = interpreter.get_input_details()[0]["shape"]

    def made(row: int) -> Spot:
        top, left, bottom, right = boxes[row]
        box = Corners(left=left, top=top, right=right, bottom=bottom).scaled(width, height).mapped(int)
        return Spot(label_id=int(classes[row]), score=float(scores[row]), box=box)

    return [made(row) for row in range(count) if scores[row] >= threshold]


def classes(interpreter: Any, best: int, threshold: float) -> list[Kind]:
    """As PyCoral's `classify.get_classes`: all dequantised, the best by a partition, and a sort."""
    details = interpreter.get_output_details()[0]
    stored = interpreter.tensor(details["index"])().flatten()
    scale, zero_point = details["quantization"]
    scores = scale * (stored.astype(np.int64) - zero_point)
    chosen = np.argpartition(scores, -best)[-best:]
    found = [Kind(each, scores[each]) for each in chosen if scores[each] >= threshold]
    return sorted(found, key=itemgetter(1), reverse=True)


def _tensor(interpreter: Any, at: int) -> Any:
    return interpreter.tensor(interpreter.get_output_details()[at]["index"])()
