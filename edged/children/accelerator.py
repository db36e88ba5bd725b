"""Accelerator child: loads the models, runs each once, then fits and invokes until it is killed."""

import os
import socket
import threading
from dataclasses import replace
from typing import Any

import numpy as np

from edged.adapters.pixels.opencv import Fitter, prepare
from edged.adapters.runtimes.tflite import TfliteRuntime, TfliteRuntimes
from edged.children.hotpath import HotPath, Slot
from edged.children.start import fatal, run_child
from edged.domain.errors import ModelError
from edged.transport.borrower import Borrower, Borrowers
from edged.transport.control import Control
from edged.transport.protocol import LoadedModel, ModelJob, Ready, job_from_wire, ready_to_wire
from edged.transport.results import ResultSender, offsets
from edged.vision.digest import BUDGET, digest_outputs
from edged.vision.golden import golden_input
from edged.vision.roles import check_ssd_roles, resolve_ssd_roles


def _load(job: ModelJob, runtimes: TfliteRuntimes, values: int) -> tuple[TfliteRuntime, LoadedModel]:
    """The model, and what one run on the golden frame shows of it, in so many values."""
    runtime = runtimes.load(job.path)
    if len(runtime.inputs) != 1:
        raise ModelError(
            f"model {job.path} has {len(runtime.inputs)} inputs",
            "use a model whose only input is the picture",
        )
    runtime.set_input(golden_input(runtime.inputs[0], job.rule))
    runtime.invoke()
    outputs, specs = runtime.get_outputs(), runtime.outputs
    roles = job.roles
    if job.decoder == "ssd" and roles:
        check_ssd_roles(roles, specs, outputs)
    elif job.decoder == "ssd":
        roles = resolve_ssd_roles(specs, outputs)
    digests = digest_outputs(outputs, job.decoder, values)
    return runtime, LoadedModel(runtime.inputs, specs, roles, digests=digests)


class _Conversation:
    """The control thread: takes rings and the result memory from the parent."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self.frames = Borrowers()
        self.models_of_streams: dict[int, int] = {}
        self.sender: ResultSender | None = None
        self.has_sender = threading.Event()

    def listen(self) -> None:
        """Never returns; EOFError when the parent has gone."""
        while True:
            message, fds = self._control.receive() or ({}, [])
            if message["do"] == "results":
                self.sender = ResultSender(fds[0], socket.socket(fileno=fds[1]), message["slot_bytes"])
                self.has_sender.set()
            elif message["do"] == "stream":
                self._take_stream(message, fds)
            else:
                for fd in fds:
                    os.close(fd)

    def _take_stream(self, message: dict[str, Any], fds: list[int]) -> None:
        self.models_of_streams[message["stream"]] = message["model"]
        borrower = Borrower(
            message["stream"],
            socket.socket(fileno=fds[1]),
            fds[0],
            message["slot_bytes"],
            after=message["after"],
            lossless=message["lossless"],
        )
        self.frames.add(borrower)


def work(control: Control, spec: dict[str, Any]) -> None:
    """Loads, reports `ready`, then runs the hot path for ever."""
    prepare()
    job = job_from_wire(spec)
    runtimes = TfliteRuntimes(library=job.library, device=job.device, threads=job.threads)
    loaded = [_load(each, runtimes, BUDGET // len(job.models)) for each in job.models]
    fitters = [
        Fitter(runtime.inputs[0], each.rule) for each, (runtime, _) in zip(job.models, loaded, strict=True)
    ]
    slots = [
        Slot(
            runtime,
            fitter,
            np.zeros(runtime.inputs[0].shape, runtime.inputs[0].dtype),
            offsets(report.outputs),
        )
        for fitter, (runtime, report) in zip(fitters, loaded, strict=True)
    ]
    reports = tuple(
        replace(report, warnings=(fitter.warning,) if fitter.warning else ())
        for fitter, (_, report) in zip(fitters, loaded, strict=True)
    )
    control.send(ready_to_wire(Ready(reports, runtimes.package)))
    conversation = _Conversation(control)
    threading.Thread(target=fatal(conversation.listen), name="control", daemon=True).start()
    conversation.has_sender.wait()
    assert conversation.sender  # noqa: S101  set before the event
    path = HotPath(
        slots, conversation.frames, conversation.models_of_streams.__getitem__, conversation.sender.send
    )
    path.run()


if __name__ == "__main__":
    run_child(work)
