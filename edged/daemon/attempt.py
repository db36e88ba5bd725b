"""One accelerator process, from its start until it is killed."""

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from edged.daemon.process import NONSENSE, Action, Process
from edged.daemon.reactor import Reactor, Timer
from edged.domain.errors import ChildDiedError, EdgedError, ModelError
from edged.domain.regions import Region
from edged.ports import Tensor
from edged.transport.failure import error_from_wire
from edged.transport.memory import sealed_memfd
from edged.transport.protocol import (
    AcceleratorJob,
    LoadedModel,
    Ready,
    job_to_wire,
    ready_from_wire,
)
from edged.transport.results import MAX_SLOT_BYTES, SLOTS, Result, ResultReceiver, offsets, results_bytes

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
        self.results = 0
        self._receiver: ResultReceiver | None = None
        self._views: list[list[list[Tensor]]] = []
        """Outputs by model and slot."""
        self._model_of_stream: dict[int, int] = {}
        name = f"the process of the {'Edge TPU' if job.library else 'CPU'}"
        self._process = Process(
            reactor, name, MODULE, job_to_wire(job), understand=self._understand, gone=self.fail
        )
        self.pid = self._process.pid
        self.stuck = False
        """Whether the kernel could not end the process: it still owns its device then."""
        self._ending = self._ended = False
        self._deadline: Timer = reactor.call_later(start_deadline_s, self._on_start_deadline)

    @property
    def ready(self) -> bool:
        """Whether the models are loaded."""
        return self._receiver is not None

    @property
    def most_runs(self) -> int:
        """The most invokes that one frame takes; 1 before the models are loaded."""
        pairs = zip(self.models, self.job.models, strict=False)
        return max((model.runs(each.regions) for model, each in pairs), default=1)

    def connect(
        self,
        stream: int,
        model: int,
        ring: Ring,
        lease: socket.socket,
        *,
        after: int,
        regions: Sequence[Region] = (),
    ) -> None:
        """Hands a camera's frames to the child, those after a sequence number; the descriptors are copied.

        Outputs are told of each run of the model that a frame takes, in order; of no region it takes one.
        """
        self._model_of_stream[stream] = model
        message = {
            "do": "stream",
            "stream": stream,
            "model": model,
            "slot_bytes": ring.slot_bytes,
            "after": after,
            "lossless": ring.lossless,
            "regions": [tuple(region.box) for region in regions],
        }
        self._process.send(message, [ring.fd, lease.fileno()])

    def end(self) -> None:
        """Kills the child; what it had answered by then is told first. May be called twice."""
        if self._ending:
            return
        self._ending = True
        self._deadline.cancel()
        self.stuck = not self._process.end()
        self._tell_what_is_left()
        self._ended = True
        if self._receiver:
            self._reactor.remove_reader(self._receiver.sock.fileno())
            self._receiver.close()
        self._views = []  # each keeps the memory's descriptor open, and we are part of a cycle

    def fail(self, error: EdgedError) -> None:
        """Ends the child and reports why."""
        if not self._ending:
            self.end()
            self._listener.attempt_failed(self, error)

    def _on_start_deadline(self) -> None:
        self.fail(ChildDiedError(f"{self._process.name} was not ready in time", "it is restarted"))

    def _understand(self, message: dict[str, Any]) -> Action:
        if message["event"] == "failed":
            return partial(self.fail, error_from_wire(message))
        if message["event"] != "ready":
            raise ValueError(message["event"])
        return partial(self._become_ready, ready_from_wire(message))

    def _become_ready(self, ready: Ready) -> None:
        self._deadline.cancel()
        try:
            self._open_results(ready)
        except ModelError as error:
            self.fail(error)
            return
        except (OSError, *NONSENSE) as error:
            self.fail(ChildDiedError(f"no memory for results: {error}", "it is tried again"))
            return
        self._listener.attempt_ready(self, ready)

    def _open_results(self, ready: Ready) -> None:
        """Makes the memory for outputs, in which each slot of each model is looked at through the same views."""
        runs = [model.runs(each.regions) for model, each in zip(ready.models, self.job.models, strict=True)]
        layouts = [
            (model.outputs * most, offsets(model.outputs, most))
            for model, most in zip(ready.models, runs, strict=True)
        ]
        slot_bytes = max(at[-1] for _, at in layouts)
        if slot_bytes > MAX_SLOT_BYTES:
            raise self._too_large([at[-1] for _, at in layouts])
        fd = sealed_memfd("edged-results", results_bytes(slot_bytes))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ExitStack() as on_error, theirs:
            on_error.callback(ours.close)
            self._process.send({"do": "results", "slot_bytes": slot_bytes}, [fd, theirs.fileno()])
            receiver = ResultReceiver(fd, ours, slot_bytes)
            self._views = [receiver.views(specs, at) for specs, at in layouts]
            on_error.pop_all()
        self._receiver = receiver
        self.models = ready.models
        self._reactor.add_reader(ours.fileno(), self._on_results)

    def _too_large(self, sizes: Sequence[int]) -> ModelError:
        """The error for outputs that would take too much memory, with the model whose they are."""
        size, job = max(zip(sizes, self.job.models, strict=True), key=lambda pair: pair[0])
        several = job.regions > 1
        about = f" for a frame that it is shown in {job.regions} parts" if several else ""
        return ModelError(
            f"model {job.path} gives {size} bytes of outputs{about}, more than {MAX_SLOT_BYTES}",
            f"{'name fewer regions, or ' if several else ''}use a model with smaller outputs",
        )

    def _on_results(self) -> None:
        """Takes one result; if another waits, the loop calls again at once."""
        try:
            answer = self._next()
        except EOFError:
            self._process.lost()
        except NONSENSE as error:
            self._process.babbles(error)
        else:
            if answer:
                self._tell(*answer)

    def _next(self) -> tuple[Result, list[Tensor]] | None:
        """The next result with its outputs, None if none waits; raises EOFError or one of NONSENSE."""
        if not self._receiver or self._ended:
            return None
        result = self._receiver.receive()
        return (result, self._views[self._model_of_stream[result.stream]][result.slot]) if result else None

    def _tell(self, result: Result, outputs: list[Tensor]) -> None:
        self.results += 1
        self._listener.attempt_result(self, result, outputs)
        if self._receiver and not self._ended:
            self._receiver.give_back(result.slot)

    def _tell_what_is_left(self) -> None:
        """The process is gone, but not what it sent: nobody else will answer those frames."""
        for _ in range(SLOTS):
            if answer := self._one_more():
                self._tell(*answer)

    def _one_more(self) -> tuple[Result, list[Tensor]] | None:
        try:
            return self._next()
        except (EOFError, *NONSENSE):
            return None
