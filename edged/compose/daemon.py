"""The parts list of the daemon: the only place that knows every adapter."""

import logging
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Literal

from edged import __version__
from edged.adapters.mqtt.paho import PahoPublisher
from edged.adapters.mqtt.stdout import StdoutPublisher
from edged.adapters.storage.folderlock import FolderLock
from edged.adapters.storage.outbox import SqliteOutbox, new_epoch
from edged.adapters.system.asking import socket_of
from edged.adapters.system.clock import SystemClock, boot_id
from edged.adapters.system.controlsocket import ControlSocket, Verb
from edged.adapters.system.notify import Systemd
from edged.adapters.system.sensors import SysfsSensors
from edged.adapters.system.tpulock import TpuLock
from edged.compose.blueprint import Blueprint, draw
from edged.compose.models import load_models
from edged.compose.service import Service
from edged.config.load import Loaded
from edged.daemon.account import Identity
from edged.daemon.daemon import MARGIN_S, Daemon
from edged.daemon.delivery import DeliveryThread
from edged.daemon.herald import Herald
from edged.daemon.reactor import Reactor
from edged.daemon.settling import Owner
from edged.delivery.topics import Topics
from edged.domain.errors import DeviceUnavailableError
from edged.domain.messages import Message
from edged.ports import Publisher, ServiceManager
from edged.transport.kernel import be_punctual

log = logging.getLogger(__name__)
Way = Literal["mqtt", "stdout"]
READING_S = 60.0
"""How long the model files may take to be read, from a slow card."""
TERMINAL = 0


def run_daemon(
    loaded: Loaded,
    environ: Mapping[str, str],
    *,
    publish: Way,
    stop_after_s: float | None = None,
    socket: Path | None = None,
) -> None:
    """Runs the daemon of a configuration until it ends or is asked to. Call from the main thread."""
    be_punctual()
    manager, settings = Systemd.from_environment(), loaded.settings
    manager.status("reading models")
    manager.patience(READING_S)
    bundles = load_models(loaded)
    with ExitStack() as stack:
        reactor, lock = Reactor(), TpuLock()
        stack.callback(reactor.close)
        stack.callback(lock.release)
        if publish == "mqtt":
            _claim(stack, settings.state_dir)
            socket = socket or socket_of(environ, settings.state_dir)
        waiting = partial(_tell_wait, manager, lock)
        first = draw(loaded, bundles, environ, lock, to_broker=publish == "mqtt", waiting=waiting)
        service = Service(
            first,
            file=loaded.files[0],
            environ=environ,
            reactor=reactor,
            lock=lock,
            manager=manager,
            assemble=partial(_assemble, reactor, manager),
        )
        if socket:
            _listen(stack, ControlSocket(socket, reactor, _verbs(service)))
        _hear_signals(service)
        if stop_after_s:
            reactor.call_later(stop_after_s, service.stop)
        service.run()


def _verbs(service: Service) -> dict[str, Verb]:
    """What may be asked over the local socket."""
    return {
        "reload": lambda _, reply: service.reload(reply),
        "snapshot": lambda request, reply: service.snapshot(str(request.get("camera")), reply),
    }


def _claim(stack: ExitStack, state_dir: Path) -> None:
    folder = FolderLock(state_dir)
    folder.acquire()
    stack.callback(folder.release)


def _tell_wait(manager: ServiceManager, lock: TpuLock, seconds: float) -> None:
    manager.status(f"waiting for the Edge TPU, which process {lock.owner() or '?'} has")
    manager.patience(seconds + MARGIN_S)


def _listen(stack: ExitStack, control: ControlSocket) -> None:
    """A daemon to which nobody can speak still does its work."""
    try:
        control.open()
    except DeviceUnavailableError as error:
        log.warning("no local commands: %s", error)
    stack.callback(control.close)


def _hear_signals(service: Service) -> None:
    """SIGHUP means that the file has changed, but for a daemon on a terminal that its terminal has gone."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop())
    at_hang_up = service.stop if os.isatty(TERMINAL) else service.reload_soon
    signal.signal(signal.SIGHUP, lambda *_: at_hang_up())


def _assemble(reactor: Reactor, manager: ServiceManager, blueprint: Blueprint, owner: Owner) -> Daemon:
    settings, clock = blueprint.settings, SystemClock()
    topics = Topics(settings.base, settings.device)
    outbox = settings.state_dir / "outbox.db" if blueprint.broker else None
    delivery = DeliveryThread(
        outbox_factory=lambda: SqliteOutbox(outbox),
        spare_epoch=new_epoch(),
        publisher=_publisher(blueprint, topics),
        topics=topics,
        clock=clock,
        report=lambda change: daemon.delivery_reported(change),  # noqa: PLW0108  the daemon is made below
    )
    daemon = Daemon(
        reactor=reactor,
        delivery=delivery,
        herald=Herald(delivery=delivery, topics=topics, clock=clock, slugs=blueprint.slugs),
        clock=clock,
        manager=manager,
        sensors=SysfsSensors(),
        identity=Identity(__version__, boot_id()),
        rules=blueprint.rules,
        owner=owner,
    )
    return daemon


def _publisher(blueprint: Blueprint, topics: Topics) -> Publisher:
    """A terminal has no outbox: what it does not show is not shown again."""
    if blueprint.broker is None:
        return StdoutPublisher(sys.stdout)
    return PahoPublisher(blueprint.broker, Message(topics.status, b"offline", qos=1, retain=True))
