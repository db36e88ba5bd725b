"""What an accelerator child and then the parent do with a model, in a copy of this process that may die of it."""

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from edged.adapters.pixels.opencv import Fitter
from edged.adapters.runtimes.tflite import TfliteRuntimes
from edged.children.accelerator import _load
from edged.compose.plans import AcceleratorOptions, accelerator_plan
from edged.domain.errors import EdgedError
from edged.domain.frame import FrameShape, PixelFormat
from edged.transport.protocol import Ready, ready_from_wire, ready_to_wire
from edged.transport.results import MAX_SLOT_BYTES, offsets
from edged.vision.bundle import Bundle
from edged.vision.decoding import make_decoder
from edged.vision.digest import BUDGET
from edged.vision.fit import plan_frame

DEADLINE_S = 10
MEMORY_BYTES = 4 << 30
FRAME = FrameShape(PixelFormat.RGB, 640, 480)


def attempt(bundle: Bundle) -> str:
    """How it ends: `ran`, `refused: CLASS`, `died: WHY`, `late`, `hung` or `fault: WHY`.

    What happens before the outputs are there would happen in a child, which may die; what comes then is the parent's.
    """
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(ours)
        _in_copy(lambda text: os.write(theirs, text.encode()), bundle)
    os.close(theirs)
    with os.fdopen(ours, encoding="utf-8") as pipe:
        said = pipe.read().split("\n")
    _, status = os.waitpid(pid, 0)
    return _verdict(said, os.waitstatus_to_exitcode(status))


def _verdict(said: list[str], code: int) -> str:
    loaded = said[0] == "loaded"
    last = next((text for text in reversed(said) if text), "")
    if code == -signal.SIGALRM:
        return "hung" if loaded else "late"
    if code < 0:
        name = signal.Signals(-code).name
        return f"fault: {name}" if loaded else f"died: {name}"
    return last or f"died: exit status {code}"


def _in_copy(say: Callable[[str], object], bundle: Bundle) -> None:
    """Never returns."""
    stage = "child"
    try:
        _limit()
        say_loaded, loaded = _as_child(bundle)
        say("loaded\n")
        stage = "parent"
        _as_parent(bundle, say_loaded, loaded)
        say("ran\n")
    except EdgedError as error:
        text = str(error)
        say(
            f"refused: {type(error).__name__}\n" if text.isprintable() else f"fault: several lines {text!r}\n"
        )
    except BaseException as error:  # noqa: BLE001  whatever it is, it is counted
        kind = "died" if stage == "child" else "fault"
        say(f"{kind}: {type(error).__name__}: {' '.join(str(error).split())[:200]}\n")
    os._exit(0)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(DEADLINE_S)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stderr.fileno())


def _as_child(bundle: Bundle) -> tuple[str, list[Any]]:
    """Loads and runs; what the child would report, and its outputs."""
    (job,) = accelerator_plan(AcceleratorOptions(use="cpu"), [bundle]).rungs
    runtimes = TfliteRuntimes(library=None, device="", threads=1)
    runtime, loaded = _load(job.models[0], runtimes, BUDGET)
    Fitter(runtime.inputs[0], job.models[0].rule)
    return json.dumps(ready_to_wire(Ready((loaded,), runtimes.package))), runtime.get_outputs()


def _as_parent(bundle: Bundle, report: str, outputs: list[Any]) -> None:
    """Reads the report, and decodes what the model said of noise."""
    (loaded,) = ready_from_wire(json.loads(report)).models
    if offsets(loaded.outputs)[-1] > MAX_SLOT_BYTES:
        return
    picture = loaded.inputs[0]
    manifest = replace(bundle.manifest, roles=loaded.roles)
    decoder = make_decoder(manifest, loaded.outputs, bundle.labels, threshold=0.1, top_k=5, picture=picture)
    decoder.decode(outputs, plan_frame(FRAME, picture, manifest.input))
