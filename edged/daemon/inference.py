"""A list of pictures through the same children, fit and decoder as the daemon's, one answer each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from edged.daemon.accelerator_unit import AcceleratorPlan, AcceleratorUnit
from edged.daemon.attempt import Attempt
from edged.daemon.camera_unit import CameraPlan, CameraUnit
from edged.daemon.ladder import Step
from edged.daemon.pipeline import Pipeline
from edged.daemon.reactor import Reactor
from edged.daemon.stream import Stream, StreamPlan
from edged.domain.errors import EdgedError
from edged.domain.predictions import Observation, Observations
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said about one picture or one region of it; `outputs` are valid during the call only."""

    index: int
    observation: Observation
    specs: tuple[TensorSpec, ...]
    outputs: Sequence[Tensor]


class Reader(Protocol):
    """Who wants the answers."""

    def answer(self, answer: Answer) -> None:
        """One picture is answered, or one region of it: these come one after another, in their order."""

    def skip(self, index: int, error: EdgedError) -> None:
        """One picture cannot be read."""

    def notice(self, text: str) -> None:
        """A line for people about a device that failed or is taken."""


class Inference:
    """Runs until every picture is answered or skipped."""

    def __init__(
        self, *, camera: CameraPlan, accelerator: AcceleratorPlan, stream: StreamPlan, reader: Reader
    ) -> None:
        self._reactor = Reactor()
        self._pipeline = Pipeline(
            self._reactor, self, cameras=[camera], accelerators=[accelerator], streams=[stream]
        )
        self._reader = reader
        self._error: EdgedError | None = None

    def run(self) -> None:
        """Answers every picture; raises what makes that impossible. Call from the main thread."""
        try:
            self._pipeline.start()
            self._reactor.run()
        finally:
            self._pipeline.close()
            self._reactor.close()
        if self._error:
            raise self._error

    def observed(
        self, stream: Stream, observations: Observations, outputs: Sequence[Sequence[Tensor]]
    ) -> None:
        """A picture is answered; its place in the list is its sequence number."""
        for observation, tensors in zip(observations, outputs, strict=True):
            self._reader.answer(Answer(observation.frame.seq - 1, observation, stream.outputs, tensors))

    def picture_skipped(self, camera: CameraUnit, seq: int, error: EdgedError) -> None:
        """A picture cannot be read."""
        del camera
        self._reader.skip(seq - 1, error)

    def camera_lost(self, camera: CameraUnit, error: EdgedError) -> None:
        """The process that reads pictures failed: which picture did it is not known."""
        del camera
        self.unusable(error)

    def camera_ended(self, camera: CameraUnit) -> None:
        """All done."""
        del camera
        self._reactor.stop()

    def accelerator_changed(self, unit: AcceleratorUnit, attempt: Attempt) -> None:
        """Nothing to do: answers say what made them."""

    def accelerator_failed(self, unit: AcceleratorUnit, error: EdgedError, step: Step, *, idle: bool) -> None:
        """Another process is tried."""
        del unit, idle
        self._reader.notice(
            f"{error.what}; {'using the CPU' if step.kind == 'fall_back' else 'trying again'}"
        )

    def stuck(self, subject: str) -> None:
        """Said, and that is all that can be done."""
        self._reader.notice(f"{subject}: its process hangs in the kernel; reboot the device")

    def unusable(self, error: EdgedError) -> None:
        """Ends the run with this error."""
        self._error = error
        self._reactor.stop()

    def ticked(self) -> None:
        """Nothing to do."""
