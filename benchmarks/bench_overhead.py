"""Fit and decode above a bare invoke, beside the leanest loop and one that dequantises everything.

The models do no arithmetic, so that what remains is the overhead. Rounds are interleaved; the figures are
medians of rounds, the ratios those of the medians. usage: bench_overhead.py [ROUNDS]
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.adapters.pixels.opencv import Fitter, prepare
from edged.adapters.runtimes.tflite import TfliteRuntime, TfliteRuntimes
from edged.adapters.storage.bundles import load_bundle
from edged.domain.frame import FrameShape, PixelFormat
from edged.vision.decoding import make_decoder

DATA = Path(os.environ.get("EDGED_TEST_DATA", Path(__file__).parents[2] / "shared")) / "models"
CALLS = 200


def median_us(work: Callable[[], object]) -> float:
    """Median time of one call in microseconds."""
    times = []
    for _ in range(CALLS):
        start = time.perf_counter_ns()
        work()
        times.append(time.perf_counter_ns() - start)
    return statistics.median(times) / 1e3


class Loops:
    """The same picture through the same interpreter, with different work around the invoke."""

    def __init__(self, name: str, pixel_format: PixelFormat) -> None:
        bundle = load_bundle(DATA / f"{name}.tflite")
        self.runtime: TfliteRuntime = TfliteRuntimes(library=None, device="", threads=1).load(str(bundle.cpu))
        self.spec = self.runtime.inputs[0]
        self.scratch: NDArray[np.uint8] = np.zeros(self.spec.shape, np.uint8)
        self.runtime.set_input(self.scratch)
        self.runtime.invoke()
        self.shape = FrameShape(pixel_format, 640, 480)
        self.frame = np.random.default_rng(0).integers(0, 256, self.shape.array_shape, np.uint8)
        self.fitter = Fitter(self.spec, bundle.manifest.input)
        self.decoder = make_decoder(
            bundle.manifest, self.runtime.outputs, bundle.labels, threshold=0.5, top_k=5
        )

    def bare(self) -> None:
        """Set, invoke, get."""
        self.runtime.set_input(self.scratch)
        self.runtime.invoke()
        self.runtime.get_outputs()

    def ours(self) -> None:
        """The product's fit and decoder."""
        plan = self.fitter.fit(self.frame, self.shape, self.scratch)
        self.runtime.set_input(self.scratch)
        self.runtime.invoke()
        self.decoder.decode(self.runtime.get_outputs(), plan)

    def leanest(self) -> None:
        """One resize, and a look at the best score: nothing that a product could do without."""
        _, height, width, _ = self.spec.shape
        frame = self.frame
        if self.shape.format is PixelFormat.I420:
            frame = cv2.cvtColor(frame, cv2.COLOR_YUV2RGB_I420)
        cv2.resize(frame, (width, height), dst=self.scratch[0])
        self.runtime.set_input(self.scratch)
        self.runtime.invoke()
        self.runtime.get_outputs()[-1].argmax()

    def dequantise_all(self) -> None:
        """Every output dequantised to float, sorted, and made into dictionaries."""
        _, height, width, _ = self.spec.shape
        frame = self.frame
        if self.shape.format is PixelFormat.I420:
            frame = cv2.cvtColor(frame, cv2.COLOR_YUV2RGB_I420)
        tensor = cv2.resize(frame, (width, height))[np.newaxis].copy()
        self.runtime.set_input(tensor)
        self.runtime.invoke()
        for spec, output in zip(self.runtime.outputs, self.runtime.get_outputs(), strict=True):
            scale, zero_point = (
                (spec.quantization.scale, spec.quantization.zero_point) if spec.quantization else (1.0, 0)
            )
            values = (output.astype(np.float64) - zero_point) * scale
            [
                {"index": int(index), "value": float(values.flat[index])}
                for index in np.argsort(values.flat)[::-1]
            ]


def main(rounds: int) -> None:
    """Prints a table of microseconds above the bare invoke, and ratios to the leanest loop."""
    prepare()
    print(
        f"{'model, 640x480':34} {'bare':>7} {'ours':>7} {'leanest':>8} {'deq. all':>9}  ours/leanest  deq/ours"
    )
    for name in ("null_ssd_300", "null_classifier_224"):
        for pixel_format in (PixelFormat.RGB, PixelFormat.I420):
            loops = Loops(name, pixel_format)
            kinds = {
                "bare": loops.bare,
                "ours": loops.ours,
                "leanest": loops.leanest,
                "all": loops.dequantise_all,
            }
            found: dict[str, list[float]] = {kind: [] for kind in kinds}
            for _ in range(rounds):
                for kind, work in kinds.items():
                    found[kind].append(median_us(work))
            bare, ours, leanest, everything = (statistics.median(found[kind]) for kind in kinds)
            print(
                f"{name + ' ' + pixel_format.name:34} {bare:7.1f} {ours - bare:7.1f} {leanest - bare:8.1f} "
                f"{everything - bare:9.1f}  {(ours - bare) / (leanest - bare):12.2f} "
                f"{(everything - bare) / (ours - bare):9.2f}"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
