"""What a configuration asks for, worked out to the last plan, with nothing started yet."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from edged.adapters.mqtt.settings import BrokerSettings
from edged.adapters.system.tpulock import TpuLock
from edged.compose.translate import broker_settings, camera_plan, watch_plan
from edged.compose.wiring import accelerator_plans, label_slugs, stream_plans
from edged.config.findings import Finding
from edged.config.load import Loaded
from edged.config.password import read_password
from edged.config.settings import Settings
from edged.daemon.accelerator_unit import AcceleratorPlan
from edged.daemon.camera_unit import CameraPlan
from edged.daemon.pipeline import Pipeline, PipelineListener
from edged.daemon.reactor import Reactor
from edged.daemon.rules import Rules
from edged.daemon.stream import StreamPlan
from edged.vision.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Everything that a daemon is made of."""

    settings: Settings
    rules: Rules
    broker: BrokerSettings | None
    """None where messages are printed."""
    cameras: Mapping[str, CameraPlan]
    accelerators: Mapping[str, AcceleratorPlan]
    slugs: Mapping[str, Mapping[str, str]]
    certificates: Mapping[Path, tuple[int, int]]
    """Time and size of each file for TLS: one that was renewed in its place is another one."""

    @property
    def streams(self) -> Mapping[str, StreamPlan]:
        """The streams by camera."""
        return {plan.camera: plan for plan in self.rules.streams}

    @property
    def wants_tpu(self) -> bool:
        """Whether an Edge TPU is opened."""
        return any(job.library for plan in self.accelerators.values() for job in plan.rungs)

    def runs_on_the_same(self, other: "Blueprint") -> bool:
        """Whether processes, topics and connection would be the same: at most rules differ."""
        return self.machine == other.machine

    @property
    def machine(self) -> tuple[object, ...]:
        """All but the rules."""
        streams = {name: replace(plan, threshold=0.0, top_k=0) for name, plan in self.streams.items()}
        name = (self.settings.base, self.settings.device)
        return (
            name,
            self.broker,
            self.certificates,
            self.cameras,
            self.accelerators,
            self.slugs,
            streams,
        )

    def pipeline(self, reactor: Reactor, listener: PipelineListener) -> Pipeline:
        """Cameras and accelerators, not yet started."""
        return Pipeline(
            reactor,
            listener,
            cameras=list(self.cameras.values()),
            accelerators=list(self.accelerators.values()),
            streams=list(self.rules.streams),
        )

    def immovable(self, loaded: Loaded) -> list[Finding]:
        """What another configuration may not change while this one runs: the outbox, where events wait."""
        folder = self.settings.state_dir
        if self.broker is None or loaded.settings.state_dir == folder:
            return []
        message = f"cannot change while the daemon runs: events wait in {folder}"
        return [Finding.at(loaded.document.place(("state_dir",)), "state_dir", message, "restart the daemon")]


def draw(
    loaded: Loaded,
    bundles: Mapping[str, Bundle],
    environ: Mapping[str, str],
    lock: TpuLock,
    *,
    to_broker: bool,
    waiting: Callable[[float], None] | None = None,
) -> Blueprint:
    """Works a configuration out; takes the Edge TPUs where it wants one.

    Another process that has them is waited for where `waiting` is given, which is told for how long.
    Raises DeviceUnavailableError, or what is wrong with the password.
    """
    settings = loaded.settings
    accelerators = accelerator_plans(settings, bundles, lock, waiting)
    rules = Rules(
        watches=[
            watch_plan(name, camera, bundles[camera.model].manifest)
            for name, camera in settings.cameras.items()
        ],
        streams=stream_plans(settings, bundles, accelerators),
        stats_interval_s=settings.stats_interval_s,
        config_sha=loaded.sha256,
    )
    return Blueprint(
        settings,
        rules,
        broker_settings(settings, read_password(settings, environ)) if to_broker else None,
        {name: camera_plan(name, camera) for name, camera in settings.cameras.items()},
        accelerators,
        label_slugs(settings, bundles),
        dict(_certificates(settings)),
    )


def _certificates(settings: Settings) -> Iterator[tuple[Path, tuple[int, int]]]:
    tls = settings.mqtt.tls
    for file in (tls.ca_file, tls.cert_file, tls.key_file) if tls else ():
        with suppress(OSError):  # whoever opens it says what is wrong with it
            if file:
                found = file.stat()
                yield file, (found.st_mtime_ns, found.st_size)
