"""Two other designs made of the product's parts: one loop, and a queue of frames between two processes.

usage: python -m benchmarks.chains loop|queue|chip MODEL LIBRARY FPS SECONDS [READY]

LIBRARY `-` is the CPU; `chip` is only the invokes. Makes the file READY once the model is loaded, and prints its
samples as JSON at the end.
"""

import json
import mmap
import multiprocessing
import queue
import sys
import time
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.samples import Sample
from edged.adapters.cameras.pattern import PatternCamera
from edged.adapters.pixels.opencv import Fitter, prepare
from edged.adapters.runtimes.tflite import TfliteRuntimes
from edged.adapters.storage.bundles import load_bundle
from edged.domain.frame import Frame, FrameShape
from edged.domain.predictions import ModelId, Observation
from edged.policy.camera import CameraPolicy
from edged.policy.rules import CameraRules, LabelRule
from edged.ports import Pixels
from edged.transport.kernel import be_punctual
from edged.vision.decoding import make_decoder

CAMERA = "scene"
SIZE = (640, 480)
THRESHOLD, TOP_K = 0.5, 3
WAITING = 2
"""Frames that the queue holds; while it is full new ones are dropped."""
SLOTS = WAITING + 2
"""One more is being written, and one is in the detector's hands."""


class Captured(NamedTuple):
    """A frame and its time."""

    seq: int
    captured_ns: int
    pixels: Pixels
    shape: FrameShape


class Detector:
    """Fit, invoke, decode and judge, one after the other."""

    def __init__(self, model: Path, library: str | None) -> None:
        prepare()
        bundle = load_bundle(model)
        path, sha = (bundle.edgetpu, bundle.edgetpu_sha) if library else (bundle.cpu, bundle.cpu_sha)
        self._runtime = TfliteRuntimes(library=library, device="", threads=1).load(str(path))
        self._id = ModelId(bundle.manifest.name, sha)
        spec = self._runtime.inputs[0]
        self._scratch = np.zeros(spec.shape, spec.dtype)
        self._runtime.set_input(self._scratch)
        self._runtime.invoke()
        self._fitter = Fitter(spec, bundle.manifest.input)
        self._decoder = make_decoder(
            bundle.manifest, self._runtime.outputs, bundle.labels, threshold=THRESHOLD, top_k=TOP_K
        )
        self._policy = CameraPolicy(CAMERA, CameraRules(LabelRule(THRESHOLD)))

    def invoke_only(self, fps: float, until_s: float) -> list[Sample]:
        """One invoke a tick."""
        rows: list[Sample] = []
        due_ns = time.monotonic_ns()
        while time.monotonic() < until_s:
            due_ns += round(1e9 / fps)
            time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
            start = time.monotonic_ns()
            self._runtime.invoke()
            end = time.monotonic_ns()
            rows.append(Sample(len(rows), due_ns, start, end, end))
        return rows

    def detect(self, captured: Captured) -> Sample:
        """Judges a frame."""
        plan = self._fitter.fit(captured.pixels, captured.shape, self._scratch)
        self._runtime.set_input(self._scratch)
        start = time.monotonic_ns()
        self._runtime.invoke()
        end = time.monotonic_ns()
        prediction = self._decoder.decode(self._runtime.get_outputs(), plan)
        frame = Frame(CAMERA, captured.seq, captured.captured_ns, captured.shape)
        self._policy.update(Observation(frame, prediction, self._id, self._runtime.accelerator, start, end))
        return Sample(captured.seq, captured.captured_ns, start, end, time.monotonic_ns())


def alone(fps: float) -> Iterator[Captured]:
    """Frames of a camera in this process."""
    camera = PatternCamera(size=SIZE, fps=fps)
    buffer = memoryview(bytearray(camera.open()))
    pixels = np.frombuffer(buffer, np.uint8)
    while captured := camera.read(buffer):
        shaped = pixels.reshape(captured.shape.array_shape)
        yield Captured(captured.seq or 0, captured.captured_ns, shaped, captured.shape)


def queued(fps: float) -> Iterator[Captured]:
    """Frames of a camera in a process of its own, through shared memory and a bounded queue, in order."""
    camera = PatternCamera(size=SIZE, fps=fps)
    slot_bytes = camera.open()
    memory = mmap.mmap(-1, SLOTS * slot_bytes)  # shared with the process that is forked
    context = multiprocessing.get_context("fork")
    waiting: Any = context.Queue(WAITING)
    context.Process(target=_fill, args=(fps, memory, slot_bytes, waiting), daemon=True).start()
    slots = np.frombuffer(memory, np.uint8).reshape(SLOTS, slot_bytes)
    while True:
        slot, seq, captured_ns, shape = waiting.get()
        yield Captured(seq, captured_ns, slots[slot].reshape(shape.array_shape), shape)


def _fill(fps: float, memory: mmap.mmap, slot_bytes: int, waiting: Any) -> None:
    camera = PatternCamera(size=SIZE, fps=fps)
    camera.open()
    slot, whole = 0, memoryview(memory)
    while captured := camera.read(whole[slot * slot_bytes : (slot + 1) * slot_bytes]):
        try:
            waiting.put_nowait((slot, captured.seq, captured.captured_ns, captured.shape))
        except queue.Full:
            continue
        slot = (slot + 1) % SLOTS


def run(design: str, detector: Callable[[], Detector], fps: float, seconds: float) -> list[Sample]:
    """Runs a design for a time after its model is loaded."""
    source = queued(fps) if design == "queue" else alone(fps)
    if design == "queue":
        next(source)  # forks before a runtime has threads
    judge = detector()
    until_s = time.monotonic() + seconds
    if design == "chip":
        return judge.invoke_only(fps, until_s)
    return [judge.detect(frame) for frame in takewhile(lambda _: time.monotonic() < until_s, source)]


def main(design: str, model: str, library: str, fps: str, seconds: str, ready: str = "") -> None:
    """Prints the samples of a run."""

    def load() -> Detector:
        detector = Detector(Path(model), None if library == "-" else library)
        if ready:
            Path(ready).touch()
        return detector

    be_punctual()
    rows = run(design, load, float(fps), float(seconds))
    print(json.dumps(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
