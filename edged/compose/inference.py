"""The parts list of `edged infer` and of looking into a model."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edged.adapters.system.tpulock import TpuLock
from edged.compose.plans import AcceleratorOptions, accelerator_plan, model_plan, wants_tpu
from edged.daemon.camera_unit import CameraPlan
from edged.daemon.inference import Inference, Reader
from edged.daemon.probe import Probe
from edged.daemon.stream import StreamPlan
from edged.domain.regions import Region
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
    reader: Reader,
    regions: tuple[Region, ...] = (),
) -> None:
    """Answers every picture, in order, or each of these regions of it; raises what makes that impossible. Call from the main thread.

    The machine's Edge TPUs are left alone while a daemon owns them.
    """
    lock = TpuLock()
    ours = lock.acquire() if wants_tpu(options, [bundle]) else True
    try:
        plan = accelerator_plan(options, [bundle], regions=[len(regions)], tpu_is_ours=ours)
        accelerator = replace(plan, gives_up=True)
        if not ours:
            reader.notice("the Edge TPU belongs to the running daemon; using the CPU twin")
        model = model_plan(bundle.manifest.name, bundle, accelerator)
        source = {"type": "images", "path": [str(path) for path in pictures]}
        Inference(
            camera=CameraPlan(CAMERA, source, lossless=True),
            accelerator=accelerator,
            stream=StreamPlan(CAMERA, options.name, 0, model, threshold, top_k, regions),
            reader=reader,
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
