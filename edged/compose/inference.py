"""The parts list of `edged infer` and of looking into a model."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from edged.adapters.system.tpulock import TpuLock
from edged.compose.plans import AcceleratorOptions, accelerator_plan, model_plan
from edged.daemon.camera_unit import CameraPlan
from edged.daemon.inference import Answer, Inference
from edged.daemon.probe import Probe
from edged.daemon.stream import StreamPlan
from edged.domain.errors import EdgedError
from edged.transport.protocol import LoadedModel
from edged.vision.bundle import Bundle

CAMERA = "pictures"


def infer_pictures(
    bundle: Bundle,
    pictures: Sequence[Path],
    *,
    options: AcceleratorOptions,
    threshold: float,
    top_k: int,
    answer: Callable[[Answer], None],
    skip: Callable[[int, EdgedError], None],
    notice: Callable[[str], None],
) -> None:
    """Answers every picture, in order; raises what makes that impossible. Call from the main thread.

    The machine's Edge TPUs are left alone while a daemon owns them.
    """
    lock = TpuLock()
    wants_tpu = options.use != "cpu" and bundle.edgetpu is not None
    ours = lock.acquire() if wants_tpu else True
    if not ours:
        notice("the Edge TPU belongs to the running daemon; using the CPU twin")
    try:
        accelerator = accelerator_plan(options, [bundle], tpu_is_ours=ours)
        stream = StreamPlan(
            CAMERA,
            options.name,
            0,
            model_plan(bundle.manifest.name, bundle, accelerator),
            threshold,
            top_k,
        )
        source = {"type": "images", "path": [str(path) for path in pictures]}
        camera = CameraPlan(CAMERA, source, lossless=True)
        Inference(
            camera=camera,
            accelerator=accelerator,
            stream=stream,
            answer=answer,
            skip=skip,
            notice=notice,
        ).run()
    finally:
        lock.release()


def probe_model(bundle: Bundle, options: AcceleratorOptions) -> LoadedModel:
    """What running the model once shows; raises why it cannot be run. Call from the main thread."""
    lock = TpuLock()
    ours = lock.acquire() if options.use != "cpu" else True
    try:
        plan = accelerator_plan(options, [bundle], tpu_is_ours=ours)
        return Probe(replace(plan, gives_up=True)).look()
    finally:
        lock.release()
