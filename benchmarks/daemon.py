"""One run of `edged run`, judged by what a subscriber hears."""

import json
import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time_ns
from typing import Any

from benchmarks.rig import CAMERA, PATIENCE_S, Chip, Rig, edged, environment, running
from benchmarks.rounds import quantile
from benchmarks.samples import Timing
from edged.adapters.mqtt.paho import PahoListener
from edged.delivery.topics import Topics


@dataclass(frozen=True, slots=True)
class Frame:
    """A message on `frame`."""

    seq: int
    taken_ms: int
    """The capture's wall clock in whole milliseconds, as the contract has it."""
    heard_ns: int
    """Wall clock."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run; `heard_ms` are p50 and p99 of capture to the subscriber's ear above the invoke, or nothing."""

    timing: Timing
    heard_ms: tuple[float, ...] = ()


class Ear:
    """Takes what one daemon publishes; only frames between its first and second statistics count."""

    def __init__(self, stats_topic: str, frame_topic: str) -> None:
        self._stats_topic, self._frame_topic = stats_topic, frame_topic
        self._reports: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.frames: list[Frame] = []

    def hear(self, topic: str, payload: bytes) -> None:
        """Takes one message."""
        heard_ns = time_ns()
        if topic == self._frame_topic:
            said = json.loads(payload)
            self.frames.append(Frame(said["frame"]["seq"], said["ts_ms"], heard_ns))
        elif topic == self._stats_topic:
            self._reports.put(json.loads(payload)["cameras"][CAMERA])

    def second_report(self) -> dict[str, Any]:
        """Waits for it; raises SystemExit where it does not come."""
        try:
            self._reports.get(timeout=PATIENCE_S)
            self.frames.clear()
            return self._reports.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise SystemExit("the daemon published no statistics") from None


def run_daemon(
    rig: Rig, chip: Chip | None, *, model: Path, fps: float, invoke_ms: float, window_s: float, frames: bool
) -> Run:
    """Runs it for two windows and reports the second; without a chip on the CPU."""
    file, topics = rig.configure(
        model=model,
        accelerator=chip.accelerator if chip else {"use": "cpu"},
        fps=fps,
        frames=frames,
        stats_interval_s=window_s,
    )
    ear = Ear(topics.stats, topics.camera_frame(CAMERA))
    listener = PahoListener("127.0.0.1", rig.port, f"{topics.base}/{topics.device}/#", ear.hear)
    try:
        with running(edged(file), environment(invoke_ms), rig.folder / "log"):
            report = ear.second_report()
    finally:
        listener.stop()
    found = timing_of(report, fps)
    return Run(found, _heard_ms(ear.frames, fps, found.invoke_ms) if frames else ())


def wait_until_online(rig: Rig, topics: Topics) -> None:
    """Returns once a daemon has judged its camera's first frame; raises SystemExit where it does not."""
    online = threading.Event()

    def hear(_: str, payload: bytes) -> None:
        if payload == b"online":
            online.set()

    listener = PahoListener("127.0.0.1", rig.port, topics.camera_status(CAMERA), hear)
    try:
        if not online.wait(PATIENCE_S):
            raise SystemExit("the daemon's camera did not come online")
    finally:
        listener.stop()


def timing_of(report: Mapping[str, Any], fps: float) -> Timing:
    """From a camera's statistics."""
    invoke_ms, latency_ms = report["invoke_ms"]["p50"], report["latency_ms"]
    share = report["fps"] / min(fps, 1000 / invoke_ms) * 100
    return Timing(share, invoke_ms, latency_ms["p50"] - invoke_ms, latency_ms["p99"] - invoke_ms)


def _heard_ms(frames: Sequence[Frame], fps: float, invoke_ms: float) -> tuple[float, float]:
    begin_ms = first_tick_ms(frames, fps)
    late = [frame.heard_ns / 1e6 - begin_ms - frame.seq * 1000 / fps for frame in frames]
    return quantile(late, 0.5) - invoke_ms, quantile(late, 0.99) - invoke_ms


def first_tick_ms(frames: Sequence[Frame], fps: float) -> float:
    """When tick 0 of the pattern camera was, to much better than the milliseconds that messages carry.

    Tick k is exactly k periods later, and each message says in which millisecond its tick lies; at a rate whose
    period is no simple fraction of a millisecond, a hundred of them leave a narrow interval, whose middle this is.
    """
    begins = [frame.taken_ms - frame.seq * 1000 / fps for frame in frames]
    return (max(begins) + min(begins) + 1) / 2
