"""The parts list of the daemon: the only place that knows every adapter."""

import secrets
import signal
import string
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from edged import __version__
from edged.adapters.mqtt.paho import PahoPublisher
from edged.adapters.mqtt.stdout import StdoutPublisher
from edged.adapters.storage.outbox import SqliteOutbox
from edged.adapters.system.clock import SystemClock
from edged.adapters.system.notify import Systemd
from edged.adapters.system.tpulock import TpuLock
from edged.compose.models import load_models
from edged.compose.plans import accelerator_plan, model_plan
from edged.compose.translate import accelerator_options, broker_settings, camera_plan, watch_plan
from edged.config.load import Loaded
from edged.config.password import read_password
from edged.config.settings import Settings
from edged.daemon.accelerator_unit import AcceleratorPlan
from edged.daemon.daemon import Daemon, Identity
from edged.daemon.delivery import DeliveryThread
from edged.daemon.herald import Herald
from edged.daemon.pipeline import Pipeline
from edged.daemon.reactor import Reactor
from edged.daemon.stream import StreamPlan
from edged.delivery.topics import Topics, slugs
from edged.domain.messages import Message
from edged.ports import Publisher
from edged.transport.kernel import be_punctual
from edged.vision.bundle import Bundle

Way = Literal["mqtt", "stdout"]


def run_daemon(
    loaded: Loaded, environ: Mapping[str, str], *, publish: Way, stop_after_s: float | None = None
) -> None:
    """Runs the daemon of a configuration until it ends or is asked to. Call from the main thread."""
    be_punctual()
    settings = loaded.settings
    bundles = load_models(loaded)
    topics = Topics(settings.base, settings.device)
    publisher = _publisher(settings, topics, environ, publish)
    clock, reactor, lock = SystemClock(), Reactor(), TpuLock()
    outbox_path = None if publish == "stdout" else settings.state_dir / "outbox.db"
    delivery = DeliveryThread(
        outbox_factory=lambda: SqliteOutbox(outbox_path),
        spare_epoch=_epoch(),
        publisher=publisher,
        topics=topics,
        clock=clock,
        report=lambda change: daemon.delivery_reported(change),  # noqa: PLW0108  the daemon is made below
    )
    daemon = Daemon(
        reactor=reactor,
        delivery=delivery,
        herald=Herald(delivery=delivery, topics=topics, clock=clock, slugs=_slugs(settings, bundles)),
        topics=topics,
        clock=clock,
        manager=Systemd.from_environment(),
        identity=Identity(__version__, _boot_id(), loaded.sha256),
        watches=[watch_plan(name, camera) for name, camera in settings.cameras.items()],
        stats_interval_s=settings.stats_interval_s,
    )
    accelerators = _accelerators(settings, bundles, lock)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.stop())
    if stop_after_s:
        reactor.call_later(stop_after_s, daemon.stop)
    try:
        daemon.run(
            lambda listener: Pipeline(
                reactor,
                listener,
                cameras=[camera_plan(name, camera) for name, camera in settings.cameras.items()],
                accelerators=list(accelerators.values()),
                streams=_streams(settings, bundles, accelerators),
            )
        )
    finally:
        lock.release()


def _publisher(settings: Settings, topics: Topics, environ: Mapping[str, str], publish: Way) -> Publisher:
    if publish == "stdout":
        return StdoutPublisher(sys.stdout)
    will = Message(topics.status, b"offline", qos=1, retain=True)
    return PahoPublisher(broker_settings(settings, read_password(settings, environ)), will)


def _accelerators(
    settings: Settings, bundles: Mapping[str, Bundle], lock: TpuLock
) -> dict[str, AcceleratorPlan]:
    """The ladder of each accelerator; the machine's Edge TPUs are taken once, for all of them."""
    plans: dict[str, AcceleratorPlan] = {}
    ours = lock.acquire()
    for name, options in accelerator_options(settings).items():
        plans[name] = accelerator_plan(
            options, [bundles[model] for model in _models_on(settings, name)], tpu_is_ours=ours
        )
    return plans


def _models_on(settings: Settings, accelerator: str) -> list[str]:
    """Names of the models that cameras use on an accelerator, each once."""
    cameras = settings.cameras.values()
    return list(dict.fromkeys(each.model for each in cameras if each.accelerator == accelerator))


def _streams(
    settings: Settings, bundles: Mapping[str, Bundle], accelerators: Mapping[str, AcceleratorPlan]
) -> list[StreamPlan]:
    return [
        StreamPlan(
            name,
            camera.accelerator,
            _models_on(settings, camera.accelerator).index(camera.model),
            model_plan(
                bundles[camera.model].manifest.name, bundles[camera.model], accelerators[camera.accelerator]
            ),
            watch_plan(name, camera).rules.floor,
            camera.top_k,
        )
        for name, camera in settings.cameras.items()
    ]


def _slugs(settings: Settings, bundles: Mapping[str, Bundle]) -> dict[str, dict[str, str]]:
    """For each camera, the topic name of each label of its model."""
    found: dict[str, dict[str, str]] = {}
    for name, camera in settings.cameras.items():
        names = bundles[camera.model].labels.names
        found[name] = {names[label_id]: slug for label_id, slug in slugs(names).items()}
    return found


def _epoch() -> str:
    """Names the ids of events that only memory keeps."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(6))


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
