"""From model bundles and settings to what the units are to run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edged.daemon.accelerator_unit import AcceleratorPlan
from edged.daemon.stream import ModelPlan
from edged.domain.errors import DeviceUnavailableError, EdgedError, ModelError
from edged.domain.predictions import ModelId
from edged.transport.protocol import AcceleratorJob, ModelJob
from edged.vision.bundle import Bundle

Use = Literal["auto", "edgetpu", "cpu"]
DEFAULT_LIBRARY = "libedgetpu.so.1"


@dataclass(frozen=True, slots=True)
class AcceleratorOptions:
    """What an accelerator's section says."""

    name: str = "main"
    use: Use = "auto"
    library: str = DEFAULT_LIBRARY
    device: str = ""
    start_deadline_s: float = 60.0
    deadline_s: float = 5.0
    retry_s: float = 30.0
    cpu_threads: int = 1


def accelerator_plan(
    options: AcceleratorOptions,
    bundles: Sequence[Bundle],
    *,
    regions: Sequence[int] = (),
    tpu_is_ours: bool = True,
) -> AcceleratorPlan:
    """The ladder for these models: the Edge TPU where all are compiled for it, then the CPU where all have a twin.

    `regions` says for each model how many parts of one frame it is shown at most; 0, or nothing, for whole frames.
    `tpu_is_ours` is off where another process owns the machine's Edge TPUs: they are not touched then.
    Raises ModelError or DeviceUnavailableError where no rung is left.
    """
    rungs = []
    compiled = all(bundle.edgetpu for bundle in bundles)
    if options.use == "edgetpu" and not compiled:
        raise _not_compiled(bundles)
    if options.use == "edgetpu" and not tpu_is_ours:
        raise tpu_is_taken()
    if wants_tpu(options, bundles) and tpu_is_ours:
        rungs.append(_job(options, bundles, regions, compiled=True))
    if all(bundle.cpu for bundle in bundles):
        rungs.append(_job(options, bundles, regions, compiled=False))
    if not rungs:
        raise _no_rung(options, bundles, all_compiled=compiled)
    return AcceleratorPlan(
        options.name,
        tuple(rungs),
        options.start_deadline_s,
        options.deadline_s,
        gives_up=options.use != "edgetpu",
        retry_s=options.retry_s,
    )


def model_plan(name: str, bundle: Bundle, plan: AcceleratorPlan) -> ModelPlan:
    """The model as it is decoded, with the identity of its file on each rung."""
    shas = tuple(bundle.edgetpu_sha if job.library else bundle.cpu_sha for job in plan.rungs)
    ids = tuple(ModelId(name, sha) for sha in shas)
    return ModelPlan(name, bundle.manifest, bundle.labels, ids, plan.rungs[0].accelerator)


def _job(
    options: AcceleratorOptions, bundles: Sequence[Bundle], regions: Sequence[int], *, compiled: bool
) -> AcceleratorJob:
    models = tuple(
        ModelJob(
            bundle.manifest.name,
            str(bundle.edgetpu if compiled else bundle.cpu),
            bundle.manifest.decoder,
            () if bundle.undecided else bundle.manifest.roles,
            bundle.manifest.input,
            most,
            bundle.edgetpu_sha256 if compiled else bundle.cpu_sha256,
        )
        for bundle, most in zip(bundles, regions or [0] * len(bundles), strict=True)
    )
    return AcceleratorJob(models, options.library if compiled else None, options.device, options.cpu_threads)


def wants_tpu(options: AcceleratorOptions, bundles: Sequence[Bundle]) -> bool:
    """Whether the Edge TPU would be opened for these models."""
    return options.use != "cpu" and all(bundle.edgetpu for bundle in bundles)


def tpu_is_taken(owner: int | None = None) -> EdgedError:
    """The error where another process of ours owns the machine's Edge TPUs."""
    who = f"process {owner}" if owner else "another process of edged"
    return DeviceUnavailableError(
        f"{who} uses this machine's Edge TPU", "stop it first, or use the CPU (use: cpu, --use cpu)"
    )


def _not_compiled(bundles: Sequence[Bundle]) -> EdgedError:
    plain = next(bundle for bundle in bundles if not bundle.edgetpu)
    return ModelError(
        f"model {plain.cpu} is not compiled for the Edge TPU: it would run on the CPU in silence",
        "compile it with edgetpu_compiler and put X_edgetpu.tflite beside it, or say use: cpu",
    )


def _no_rung(options: AcceleratorOptions, bundles: Sequence[Bundle], *, all_compiled: bool) -> EdgedError:
    """Some model has no CPU twin: whose fault that is depends on what else stands in the way."""
    alone = next(bundle for bundle in bundles if not bundle.cpu)
    what = f"model {alone.edgetpu} is compiled for the Edge TPU and has no CPU twin"
    twin = "put the file it was compiled from (X.tflite) beside it"
    if options.use == "cpu":
        return ModelError(what, f"{twin}, or say use: edgetpu")
    if all_compiled:
        return DeviceUnavailableError(
            f"{what}, and another process of edged uses the Edge TPU", f"stop it first, or {twin}"
        )
    plain = next(bundle for bundle in bundles if not bundle.edgetpu)
    return ModelError(
        f"{what}, and model {plain.cpu} beside it on accelerator {options.name} is not compiled",
        "give the two cameras accelerators of their own, or both models both files",
    )
