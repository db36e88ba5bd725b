"""The same picture through the same interpreter, with different work around the invoke."""

import statistics
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.adapters.pixels.opencv import Fitter
from edged.adapters.runtimes.tflite import TfliteRuntime, TfliteRuntimes
from edged.adapters.storage.bundles import load_bundle
from edged.domain.frame import FrameShape, PixelFormat
from edged.vision.decoding import make_decoder

THRESHOLD, BEST = 0.5, 10
SHAPE = (640, 480)


def random_frame(pixel_format: PixelFormat) -> NDArray[np.uint8]:
    """Noise, the same each time."""
    shape = FrameShape(pixel_format, *SHAPE).array_shape
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def median_us(work: Callable[[], object], calls: int) -> float:
    """Median time of one call."""
    times = []
    for _ in range(calls):
        start = time.perf_counter_ns()
        work()
        times.append(time.perf_counter_ns() - start)
    return statistics.median(times) / 1e3


class Loops:
    """Ways from one frame to an answer; each method is one call."""

    def __init__(self, model: Path, pixel_format: PixelFormat) -> None:
        bundle = load_bundle(model)
        self.task = bundle.manifest.decoder
        self._runtime: TfliteRuntime = TfliteRuntimes(library=None, device="", threads=1).load(
            str(bundle.cpu)
        )
        spec = self._runtime.inputs[0]
        self._scratch: NDArray[np.uint8] = np.zeros(spec.shape, np.uint8)
        self._size = (spec.shape[2], spec.shape[1])
        self._runtime.set_input(self._scratch)
        self._runtime.invoke()
        self._shape = FrameShape(pixel_format, *SHAPE)
        self._frame = random_frame(pixel_format)
        self._whole: NDArray[np.uint8] = np.empty((SHAPE[1], SHAPE[0], 3), np.uint8)
        self._planes = pixel_format is PixelFormat.I420
        self._fitter = Fitter(spec, bundle.manifest.input)
        self._decoder = make_decoder(
            bundle.manifest, self._runtime.outputs, bundle.labels, threshold=THRESHOLD, top_k=BEST
        )
        self._pillow: Any = None

    def bare(self) -> None:
        """Set, invoke, get."""
        self._runtime.set_input(self._scratch)
        self._runtime.invoke()
        self._runtime.get_outputs()

    def ours(self) -> None:
        """The product's fit and decoder."""
        plan = self._fitter.fit(self._frame, self._shape, self._scratch)
        self._runtime.set_input(self._scratch)
        self._runtime.invoke()
        self._decoder.decode(self._runtime.get_outputs(), plan)

    def leanest(self) -> object:
        """One resize in OpenCV, and the least that answers: rows above the threshold, or the best class."""
        cv2.resize(self._rgb(), self._size, dst=self._scratch[0])
        self._runtime.set_input(self._scratch)
        self._runtime.invoke()
        outputs: list[Any] = self._runtime.get_outputs()
        if self.task == "classification":
            best = int(outputs[0][0].argmax())
            return best, outputs[0][0, best]
        boxes, classes, scores, count = outputs
        rows = range(int(count[0]))
        return [(classes[0, i], scores[0, i], boxes[0, i]) for i in rows if scores[0, i] >= THRESHOLD]

    def pillow(self) -> object:
        """A resize in Pillow, every output dequantised to float, sorted, and made into dictionaries."""
        picture = self._pillow.fromarray(self._rgb()).resize(self._size, self._pillow.Resampling.BILINEAR)
        self._runtime.set_input(np.asarray(picture)[np.newaxis])
        self._runtime.invoke()
        return [
            _everything(spec.quantization, output)
            for spec, output in zip(self._runtime.outputs, self._runtime.get_outputs(), strict=True)
        ]

    def import_pillow(self) -> None:
        """Raises ImportError where it is not installed."""
        self._pillow = import_module("PIL.Image")

    def _rgb(self) -> NDArray[np.uint8]:
        if not self._planes:
            return self._frame
        cv2.cvtColor(self._frame, cv2.COLOR_YUV2RGB_I420, dst=self._whole)
        return self._whole


def _everything(quantization: Any, output: Any) -> list[dict[str, float]]:
    scale, zero_point = (quantization.scale, quantization.zero_point) if quantization else (1.0, 0)
    values = ((output.astype(np.float64) - zero_point) * scale).reshape(-1)
    return [{"index": int(index), "value": float(values[index])} for index in np.argsort(values)[::-1]]
