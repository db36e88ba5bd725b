"""One accelerator process, from its start until it is killed."""

import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic_ns
from typing import Protocol

from edged.daemon.reactor import Reactor, Timer
from edged.domain.errors import ChildDiedError, EdgedError
from edged.ports import Tensor
from edged.transport.memory import sealed_memfd
from edged.transport.protocol import (
    AcceleratorJob,
    LoadedModel,
    Ready,
    error_from_wire,
    job_to_wire,
    ready_from_wire,
)
from edged.transport.results import Result, ResultReceiver, offsets, results_bytes
from edged.transport.spawn import Child

log = logging.getLogger(__name__)
MODULE = "edged.children.accelerator"


@dataclass(frozen=True, slots=True)
class Ring:
    """A camera's frames, as an accelerator is told of them."""

    fd: int
    slot_bytes: int
    lossless: bool


class AttemptListener(Protocol):
    """Who started an attempt."""

    def attempt_ready(self, attempt: "Attempt", ready: Ready) -> None:
        """The models are loaded; frames may be connected."""

    def attempt_result(self, attempt: "Attempt", result: Result, outputs: Sequence[Tensor]) -> None:
        """Outputs of a frame, valid during the call only."""

    def attempt_failed(self, attempt: "Attempt", error: EdgedError) -> None:
        """The process has reported an error, died, or missed its start deadline; it is ended already."""


class Attempt:
    """A child that loads models and answers frames.

    Descriptors and memory are its own: each restart gets new ones, so that no reader meets two writers.
    """

    def __init__(
        self,
        reactor: Reactor,
        listener: AttemptListener,
        rung: int,
        job: AcceleratorJob,
        start_deadline_s: float,
    ) -> None:
        self._reactor = reactor
        self._listener = listener
        self.rung = rung
        self.job = job
        self.models: tuple[LoadedModel, ...] = ()
        self._offsets: list[list[int]] = []
        self.results = 0
        self.last_result_ns = monotonic_ns()
        self._receiver: ResultReceiver | None = None
        self._model_of_stream: dict[int, int] = {}
        self._child = Child(MODULE, job_to_wire(job))
        self.pid = self._child.pid
        self.stuck = False
        """Whether the kernel could not end the process: it still owns its device then."""
        self._ended = False
        reactor.add_reader(self._child.control.sock.fileno(), self._on_control)
        reactor.add_reader(self._child.stderr_fd, self._on_stderr)
        self._deadline: Timer = reactor.call_later(start_deadline_s, self._on_start_deadline)

    @property
    def ready(self) -> bool:
        """Whether the models are loaded."""
        return self._receiver is not None

    def connect(self, stream: int, model: int, ring: Ring, lease: socket.socket, *, after: int) -> None:
        """Hands a camera's frames to the child, those after a sequence number; the descriptors are copied."""
        self._model_of_stream[stream] = model
        message = {
            "do": "stream",
            "stream": stream,
            "model": model,
            "slot_bytes": ring.slot_bytes,
            "after": after,
            "lossless": ring.lossless,
        }
        self._child.control.send(message, [ring.fd, lease.fileno()])

    def end(self) -> None:
        """Kills the child; may be called twice."""
        if self._ended:
            return
        self._ended = True
        self._deadline.cancel()
        self._reactor.remove_reader(self._child.control.sock.fileno())
        self._reactor.remove_reader(self._child.stderr_fd)
        if self._receiver:
            self._reactor.remove_reader(self._receiver.sock.fileno())
            self._receiver.close()
        self.stuck = not self._child.end()

    def fail(self, error: EdgedError) -> None:
        """Ends the child and reports why."""
        if not self._ended:
            self.end()
            self._listener.attempt_failed(self, error)

    def _on_start_deadline(self) -> None:
        self.fail(ChildDiedError(f"{self._name()} was not ready in time", "it is restarted"))

    def _on_stderr(self) -> None:
        lines = self._child.read_stderr()
        if lines is None:
            self._reactor.remove_reader(self._child.stderr_fd)
        for line in lines or ():
            log.debug("%s[%d]: %s", self._name(), self.pid, line)

    def _on_control(self) -> None:
        try:
            received = self._child.control.receive(wait=False)
        except EOFError:
            self._died()
            return
        if received is None:
            return
        message, _ = received
        if message["event"] == "failed":
            self.fail(error_from_wire(message))
        elif message["event"] == "ready":
            self._become_ready(ready_from_wire(message))

    def _become_ready(self, ready: Ready) -> None:
        self._deadline.cancel()
        self.models = ready.models
        self._offsets = [offsets(model.outputs) for model in ready.models]
        slot_bytes = max(at[-1] for at in self._offsets)
        fd = sealed_memfd("edged-results", results_bytes(slot_bytes))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._child.control.send({"do": "results", "slot_bytes": slot_bytes}, [fd, theirs.fileno()])
        theirs.close()
        self._receiver = ResultReceiver(fd, ours, slot_bytes)
        self.last_result_ns = monotonic_ns()
        self._reactor.add_reader(ours.fileno(), self._on_results)
        self._listener.attempt_ready(self, ready)

    def _on_results(self) -> None:
        receiver = self._receiver
        try:
            while receiver and not self._ended and (result := receiver.receive()):
                self._take(receiver, result)
        except EOFError:
            self._died()

    def _take(self, receiver: ResultReceiver, result: Result) -> None:
        self.results += 1
        self.last_result_ns = result.invoke_end_ns
        model = self._model_of_stream[result.stream]
        outputs = receiver.outputs(result.slot, self.models[model].outputs, self._offsets[model])
        self._listener.attempt_result(self, result, outputs)
        receiver.give_back(result.slot)

    def _died(self) -> None:
        """Its sockets are closed: an error it reported before comes first."""
        if self._ended:
            return
        reported = self._reported_error()
        if reported:
            self.fail(reported)
            return
        reason = self._child.exit_reason()
        self._on_stderr()
        said = f"; it said: {self._child.tail[-1]}" if self._child.tail else ""
        self.fail(ChildDiedError(f"{self._name()} died ({reason}{said})", "it is restarted"))

    def _reported_error(self) -> EdgedError | None:
        try:
            while received := self._child.control.receive(wait=False):
                if received[0]["event"] == "failed":
                    return error_from_wire(received[0])
        except EOFError:
            pass
        return None

    def _name(self) -> str:
        return f"the process of the {'Edge TPU' if self.job.library else 'CPU'}"
