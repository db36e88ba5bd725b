"""The parts list of the daemon: the only place that knows every adapter."""

import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Literal

from edged import __version__
from edged.adapters.mqtt.paho import PahoPublisher
from edged.adapters.mqtt.stdout import StdoutPublisher
from edged.adapters.storage.folderlock import FolderLock
from edged.adapters.storage.outbox import SqliteOutbox, new_epoch
from edged.adapters.system.clock import SystemClock, boot_id
from edged.adapters.system.notify import Systemd
from edged.adapters.system.sensors import SysfsSensors
from edged.adapters.system.tpulock import TpuLock
from edged.compose.models import load_models
from edged.compose.translate import broker_settings, camera_plan, watch_plan
from edged.compose.wiring import accelerator_plans, label_slugs, stream_plans
from edged.config.load import Loaded
from edged.config.password import read_password
from edged.config.settings import Settings
from edged.daemon.daemon import Daemon, Identity
from edged.daemon.delivery import DeliveryThread
from edged.daemon.herald import Herald
from edged.daemon.pipeline import Pipeline
from edged.daemon.reactor import Reactor
from edged.delivery.topics import Topics
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
    settings, bundles = loaded.settings, load_models(loaded)
    topics = Topics(settings.base, settings.device)
    with ExitStack() as stack:
        reactor, lock = Reactor(), TpuLock()
        stack.callback(reactor.close)
        stack.callback(lock.release)
        if publish == "mqtt":
            folder = FolderLock(settings.state_dir)
            folder.acquire()
            stack.callback(folder.release)
        accelerators = accelerator_plans(settings, bundles, lock)
        daemon = _daemon(loaded, bundles, topics, reactor, _publisher(settings, topics, environ, publish))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: daemon.stop())
        if stop_after_s:
            reactor.call_later(stop_after_s, daemon.stop)
        daemon.run(
            lambda listener: Pipeline(
                reactor,
                listener,
                cameras=[camera_plan(name, camera) for name, camera in settings.cameras.items()],
                accelerators=list(accelerators.values()),
                streams=stream_plans(settings, bundles, accelerators),
            )
        )


def _daemon(
    loaded: Loaded, bundles: Mapping[str, Bundle], topics: Topics, reactor: Reactor, publisher: Publisher
) -> Daemon:
    settings, clock = loaded.settings, SystemClock()
    outbox = settings.state_dir / "outbox.db" if isinstance(publisher, PahoPublisher) else None
    delivery = DeliveryThread(
        outbox_factory=lambda: SqliteOutbox(outbox),
        spare_epoch=new_epoch(),
        publisher=publisher,
        topics=topics,
        clock=clock,
        report=lambda change: daemon.delivery_reported(change),  # noqa: PLW0108  the daemon is made below
    )
    daemon = Daemon(
        reactor=reactor,
        delivery=delivery,
        herald=Herald(delivery=delivery, topics=topics, clock=clock, slugs=label_slugs(settings, bundles)),
        topics=topics,
        clock=clock,
        manager=Systemd.from_environment(),
        sensors=SysfsSensors(),
        identity=Identity(__version__, boot_id(), loaded.sha256),
        watches=[watch_plan(name, camera) for name, camera in settings.cameras.items()],
        stats_interval_s=settings.stats_interval_s,
    )
    return daemon


def _publisher(settings: Settings, topics: Topics, environ: Mapping[str, str], publish: Way) -> Publisher:
    """A terminal has no outbox: what it does not show is not shown again."""
    if publish == "stdout":
        return StdoutPublisher(sys.stdout)
    will = Message(topics.status, b"offline", qos=1, retain=True)
    return PahoPublisher(broker_settings(settings, read_password(settings, environ)), will)
