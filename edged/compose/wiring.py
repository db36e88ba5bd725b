"""Which camera goes through which model on which accelerator."""

from collections.abc import Callable, Mapping

from edged.adapters.system.tpulock import TpuLock
from edged.compose.plans import accelerator_plan, model_plan, tpu_is_taken, wants_tpu
from edged.compose.translate import accelerator_options, watch_plan
from edged.config.findings import Finding
from edged.config.load import Loaded
from edged.config.settings import Settings
from edged.daemon.accelerator_unit import AcceleratorPlan
from edged.daemon.stream import StreamPlan
from edged.delivery.topics import slugs_by_name
from edged.domain.errors import EdgedError
from edged.vision.bundle import Bundle

LOCK_S = 10.0
"""How long a start waits for the Edge TPU of a technician's `edged infer`, or of a daemon that is ending."""


def accelerator_plans(
    settings: Settings,
    bundles: Mapping[str, Bundle],
    lock: TpuLock,
    waiting: Callable[[float], None] | None = None,
) -> dict[str, AcceleratorPlan]:
    """The ladder of each accelerator; the machine's Edge TPUs are taken once, for all that want one.

    Another process that has them is waited for where `waiting` is given, which is told for how long.
    Raises DeviceUnavailableError where it keeps them.
    """
    options = accelerator_options(settings)
    models = {name: [bundles[model] for model in _models_on(settings, name)] for name in options}
    if any(wants_tpu(options[name], models[name]) for name in options):
        _take(lock, waiting)
    return {name: accelerator_plan(options[name], models[name]) for name in options}


def _take(lock: TpuLock, waiting: Callable[[float], None] | None) -> None:
    if lock.acquire():
        return
    if waiting:
        waiting(LOCK_S)
    if not waiting or not lock.acquire_within(LOCK_S):
        raise tpu_is_taken(lock.owner())


def examine_accelerators(loaded: Loaded, bundles: Mapping[str, Bundle]) -> list[Finding]:
    """A finding for each accelerator that cannot run its models, whatever is plugged in."""
    findings = []
    for name, options in accelerator_options(loaded.settings).items():
        models = _models_on(loaded.settings, name)
        try:
            accelerator_plan(options, [bundles[model] for model in models if model in bundles])
        except EdgedError as error:
            place = loaded.document.place(("accelerators", name, "use"))
            findings.append(Finding.at(place, f"accelerators.{name}", error.what, error.fix))
    return findings


def stream_plans(
    settings: Settings, bundles: Mapping[str, Bundle], accelerators: Mapping[str, AcceleratorPlan]
) -> list[StreamPlan]:
    """One stream a camera."""
    plans = []
    for name, camera in settings.cameras.items():
        bundle = bundles[camera.model]
        model = model_plan(bundle.manifest.name, bundle, accelerators[camera.accelerator])
        index = _models_on(settings, camera.accelerator).index(camera.model)
        floor = watch_plan(name, camera, bundle.manifest).rules.floor
        plans.append(StreamPlan(name, camera.accelerator, index, model, floor, camera.top_k))
    return plans


def label_slugs(settings: Settings, bundles: Mapping[str, Bundle]) -> dict[str, dict[str, str]]:
    """For each camera, the topic name of each label of its model."""
    cameras = settings.cameras.items()
    return {name: slugs_by_name(bundles[camera.model].labels.names) for name, camera in cameras}


def _models_on(settings: Settings, accelerator: str) -> list[str]:
    """Names of the models that cameras use on an accelerator, each once."""
    cameras = settings.cameras.values()
    return list(dict.fromkeys(each.model for each in cameras if each.accelerator == accelerator))
