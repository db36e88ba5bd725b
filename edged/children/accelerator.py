"""Accelerator child: loads the models, runs each once, then fits and invokes until it is killed."""

import os
import socket
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edged.adapters.pixels.opencv import Fitter, prepare
from edged.adapters.pixels.regions import RegionFitter
from edged.adapters.runtimes.tflite import TfliteRuntime, TfliteRuntimes
from edged.children.hotpath import HotPath, Slot, Way
from edged.children.start import fatal, run_child
from edged.domain.errors import ModelError
from edged.domain.geometry import Box
from edged.transport.borrower import Borrower, Borrowers
from edged.transport.control import Control
from edged.transport.protocol import LoadedModel, ModelJob, Ready, job_from_wire, ready_to_wire
from edged.transport.results import ResultSender, offsets
from edged.vision.batch import Parts, outputs_of_one
from edged.vision.digest import BUDGET, digest_places
from edged.vision.golden import golden_input
from edged.vision.roles import check_ssd_roles, resolve_ssd_roles


def _load(job: ModelJob, runtimes: TfliteRuntimes, values: int) -> tuple[TfliteRuntime, LoadedModel]:
    """The model, and what one run on the golden frame shows of it, in so many values."""
    runtime = runtimes.load(job.path, sha256=job.sha256)
    if len(runtime.inputs) != 1:
        raise ModelError(
            f"model {job.path} has {len(runtime.inputs)} inputs",
            "use a model whose only input is the picture",
        )
    runtime.set_input(golden_input(runtime.inputs[0], job.rule))
    runtime.invoke()
    places = runtime.inputs[0].shape[0]
    specs = outputs_of_one(runtime.outputs, places, job.path, final=True)
    pictures = Parts(outputs=len(specs), places=places, pictures=places).of(runtime.get_outputs())
    roles = job.roles
    if job.decoder == "ssd" and roles:
        check_ssd_roles(roles, specs, pictures[0])
    elif job.decoder == "ssd":
        roles = resolve_ssd_roles(specs, pictures[0])
    digests = digest_places(pictures, job.decoder, values)
    return runtime, LoadedModel(runtime.inputs, runtime.outputs, roles, digests=digests)


class _RegionFitters:
    """What puts regions into the models' scratch; a camera that is connected again goes on with its own."""

    def __init__(self, fitters: Sequence[Fitter], slots: Sequence[Slot]) -> None:
        self._models = list(zip(fitters, slots, strict=True))
        self._made: dict[tuple[int, tuple[Box, ...]], RegionFitter] = {}

    def of(self, model: int, regions: tuple[Box, ...]) -> RegionFitter:
        """The one for these regions and this model."""
        made = self._made.get((model, regions))
        if made is None:
            fitter, slot = self._models[model]
            made = self._made[model, regions] = RegionFitter(fitter, regions, slot.scratch)
        return made


class _Conversation:
    """The control thread: takes rings and the result memory from the parent."""

    def __init__(self, control: Control, region_fitters: _RegionFitters) -> None:
        self._control = control
        self._region_fitters = region_fitters
        self.frames = Borrowers()
        self.ways: dict[int, Way] = {}
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
        model, regions = message["model"], tuple(Box(*region) for region in message["regions"])
        self.ways[message["stream"]] = Way(
            model, self._region_fitters.of(model, regions) if regions else None
        )
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
            offsets(report.outputs, report.runs(each.regions)),
        )
        for each, fitter, (runtime, report) in zip(job.models, fitters, loaded, strict=True)
    ]
    reports = tuple(
        replace(report, warnings=(fitter.warning,) if fitter.warning else ())
        for fitter, (_, report) in zip(fitters, loaded, strict=True)
    )
    control.send(ready_to_wire(Ready(reports, runtimes.package)))
    conversation = _Conversation(control, _RegionFitters(fitters, slots))
    threading.Thread(target=fatal(conversation.listen), name="control", daemon=True).start()
    conversation.has_sender.wait()
    assert conversation.sender  # noqa: S101  set before the event
    HotPath(slots, conversation.frames, conversation.ways.__getitem__, conversation.sender.send).run()


if __name__ == "__main__":
    run_child(work)
