"""The daemon: what happens when a frame was judged, a device failed, or somebody asks us to end."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edged.daemon.accelerator_unit import AcceleratorUnit
from edged.daemon.attempt import Attempt
from edged.daemon.camera_unit import CameraUnit
from edged.daemon.delivery import DeliveryThread
from edged.daemon.herald import Herald
from edged.daemon.ladder import Step
from edged.daemon.pipeline import Pipeline
from edged.daemon.reactor import Reactor
from edged.daemon.stream import Stream
from edged.daemon.watch import Watch, WatchPlan
from edged.delivery.changes import ProblemChange
from edged.delivery.payloads import CameraInfo, Info, Stats
from edged.delivery.state_payloads import info_payload, stats_payload
from edged.delivery.topics import Topics
from edged.domain.errors import EdgedError
from edged.domain.events import EndReason
from edged.domain.predictions import Observation
from edged.policy.camera import CameraPolicy
from edged.ports import Clock, Sensors, ServiceManager, Tensor

log = logging.getLogger(__name__)
STOP_TIMEOUT_S = 2.0
"""For the last words to a broker that may stand still; events that wait are safe on disk."""
OPEN_TIMEOUT_S = 5.0
"""How long READY waits for the outbox; a disk that takes longer is no reason not to run."""
RESPONSIVE_S = 20.0
"""Longest step of the delivery thread, 64 events with an fsync each on a slow card, before it counts as hung."""
TPU_FIX = "look at its cable, its power and its driver; it is tried again by itself"


@dataclass(frozen=True, slots=True)
class Identity:
    """What the daemon says about itself."""

    version: str
    boot_id: str
    config_sha: str
    schema: str = "urn:edged:schema:v1"


class Daemon:
    """Listens to the pipeline, judges, and has the herald tell; one thread."""

    def __init__(
        self,
        *,
        reactor: Reactor,
        delivery: DeliveryThread,
        herald: Herald,
        topics: Topics,
        clock: Clock,
        manager: ServiceManager,
        sensors: Sensors,
        identity: Identity,
        watches: Sequence[WatchPlan],
        stats_interval_s: float,
    ) -> None:
        self._reactor = reactor
        self._delivery = delivery
        self._herald = herald
        self._topics = topics
        self._clock = clock
        self._manager = manager
        self._sensors = sensors
        self._identity = identity
        self._stats_interval_s = stats_interval_s
        self._watches = {plan.camera: Watch(plan, CameraPolicy(plan.camera, plan.rules)) for plan in watches}
        self._pipeline: Pipeline
        self._error: EdgedError | None = None
        self._ended: set[str] = set()

    def run(self, make_pipeline: Callable[["Daemon"], Pipeline]) -> None:
        """Runs until every source has ended or `stop`; raises what makes it impossible. Main thread only."""
        self._pipeline = make_pipeline(self)
        try:
            self._delivery.start()
            self._announce()
            self._pipeline.start()
            self._delivery.wait_opened(OPEN_TIMEOUT_S)
            self._manager.ready()
            self._reactor.call_every(self._stats_interval_s, self._tell_stats)
            self._reactor.run()
        finally:
            self._manager.stopping()
            self._pipeline.close()
            self._say_goodbye()
            self._reactor.close()
        if self._error:
            raise self._error

    def stop(self) -> None:
        """Asks the daemon to end; for signal handlers and other threads."""
        self._reactor.call_from_thread(self._reactor.stop)

    def delivery_reported(self, change: ProblemChange) -> None:
        """A condition of disk or broker began or ended; called in the delivery thread."""
        told = change.code.startswith("broker_")  # the publisher has a line of its own for each

        def apply() -> None:
            if change.problem:
                if not told:
                    log.warning("%s (%s)", change.problem.message, change.problem.fix)
                self._herald.adopt(change.problem)
            elif self._herald.solved(change.code) and not told:
                log.info("%s: over", change.code)
            self._herald.flush()

        self._reactor.call_from_thread(apply)

    def observed(self, stream: Stream, observation: Observation, outputs: Sequence[Tensor]) -> None:
        """A frame was judged by the model; now the rules judge it."""
        del outputs
        camera = stream.plan.camera
        watch = self._watches[camera]
        now_ns = self._clock.now().monotonic_ns
        if not watch.online:
            self._camera_is_back(watch)
        self._herald.decided(camera, watch.policy.update(observation))
        if watch.frame_is_due(observation.frame.captured_ns):
            self._herald.frame(camera, observation)
        watch.tally.count(observation, now_ns)

    def picture_skipped(self, camera: CameraUnit, seq: int, error: EdgedError) -> None:
        """One picture could not be read."""
        log.warning("camera %s, picture %d: %s", camera.name, seq, error)
        self._herald.system("picture_skipped", "warning", error.what, error.fix)

    def camera_lost(self, camera: CameraUnit, error: EdgedError) -> None:
        """A camera failed: what it showed is over, and it is started again."""
        watch = self._watches[camera.name]
        if watch.online:
            self._herald.system("camera_lost", "error", error.what, error.fix)
        self._go_offline(watch, "camera_lost")
        self._herald.problem("camera_lost", error.what, error.fix, subject=camera.name)
        self._herald.flush()

    def camera_ended(self, camera: CameraUnit) -> None:
        """A finite source is at its end; with the last one the daemon ends."""
        log.info("camera %s: end of source", camera.name)
        self._go_offline(self._watches[camera.name], "stopped")
        self._ended.add(camera.name)
        if len(self._ended) == len(self._watches):
            self._reactor.stop()

    def accelerator_changed(self, unit: AcceleratorUnit, attempt: Attempt) -> None:
        """Another process answers: on a lower rung that is a problem, on the best one the end of it."""
        name = unit.plan.name
        for warning in (text for model in attempt.models for text in model.warnings):
            log.warning("%s", warning)
        if attempt.rung > 0:
            message = f"accelerator {name}: the Edge TPU does not answer; the CPU stands in"
            if self._herald.problem("tpu_lost", message, TPU_FIX, subject=name):
                self._herald.system("accelerator_fallback", "error", message, TPU_FIX)
        elif self._herald.solved("tpu_lost", subject=name):
            self._herald.system(
                "accelerator_return", "info", f"accelerator {name}: the Edge TPU answers again"
            )
        self._herald.solved("accelerator_lost", subject=name)
        self._tell_info()
        self._herald.flush()

    def accelerator_failed(self, unit: AcceleratorUnit, error: EdgedError, step: Step, *, idle: bool) -> None:
        """A process failed and is started again, or the next rung is."""
        if step.kind == "restart":
            self._herald.system("accelerator_restart", "warning", error.what, error.fix)
        if idle:
            self._herald.problem("accelerator_lost", error.what, error.fix, subject=unit.plan.name)
        self._herald.flush()

    def stuck(self, subject: str) -> None:
        """A process cannot be ended: only a reboot frees its device."""
        message = f"{subject}: its process hangs in the kernel and cannot be ended"
        self._herald.problem("reboot_needed", message, "reboot the device", subject=subject)
        self._herald.system("reboot_needed", "error", message, "reboot the device")
        self._herald.flush()

    def unusable(self, error: EdgedError) -> None:
        """Something that cannot work, whatever is tried: the daemon ends with this error."""
        self._error = self._error or error
        self._reactor.stop()

    def ticked(self) -> None:
        """Feeds the watchdog: every deadline was just checked, no frame has slipped through, and delivery lives.

        Whatever waits has a deadline of its own: a camera for its next frame, an accelerator for its answer, a
        device that failed for its next start. A frame that outlives all of them is our own fault.
        """
        if not self._delivery.alive:
            self.unusable(EdgedError("the delivery thread has ended", "the log says why"))
        elif self._delivery.responsive(RESPONSIVE_S) and not self._pipeline.stalled():
            self._manager.alive()
        self._herald.flush()

    def _announce(self) -> None:
        """OFF for each configured label and `offline` for each camera, before the first frame."""
        now_ns = self._clock.now().monotonic_ns
        for watch in self._watches.values():
            self._herald.camera_status(watch.plan.camera, online=False)
            self._herald.decided(watch.plan.camera, watch.policy.start(now_ns))
            watch.tally.restart(now_ns)
        self._delivery.keep_only(self._own_topics())
        self._tell_info()
        self._herald.flush()

    def _own_topics(self) -> set[str]:
        """Retained topics that this configuration will publish to; any other of an earlier run is cleared."""
        topics = {self._topics.info, self._topics.problem, self._topics.stats, self._topics.status}
        for watch in self._watches.values():
            camera = watch.plan.camera
            topics.add(self._topics.camera_status(camera))
            labels = (self._herald.slug(camera, label) for label in watch.plan.rules.labels)
            topics |= {self._topics.camera_object(camera, label) for label in labels}
        return topics

    def _camera_is_back(self, watch: Watch) -> None:
        watch.online = True
        self._herald.camera_status(watch.plan.camera, online=True)
        if self._herald.solved("camera_lost", subject=watch.plan.camera):
            self._herald.system("camera_return", "info", f"camera {watch.plan.camera} delivers frames again")
        self._herald.flush()

    def _go_offline(self, watch: Watch, reason: EndReason) -> None:
        watch.online = False
        now_ns = self._clock.now().monotonic_ns
        self._herald.decided(watch.plan.camera, watch.policy.close(reason, now_ns))
        self._herald.camera_status(watch.plan.camera, online=False)

    def _say_goodbye(self) -> None:
        for watch in self._watches.values():
            self._go_offline(watch, "stopped")
        self._delivery.stop((), STOP_TIMEOUT_S)

    def _tell_info(self) -> None:
        self._herald.info(self._info())

    def _info(self) -> Info:
        cameras: dict[str, CameraInfo] = {}
        for name, stream in self._pipeline.streams.items():
            rules = self._watches[name].plan.rules
            cameras[name] = {
                "model": {"name": stream.model_id.name, "sha": stream.model_id.sha},
                "accelerator": stream.accelerator,
                "threshold": rules.default.threshold,
                "labels": {
                    self._herald.slug(name, label): rule.threshold for label, rule in rules.labels.items()
                },
            }
        return info_payload(
            version=self._identity.version,
            schema=self._identity.schema,
            boot_id=self._identity.boot_id,
            config_sha=self._identity.config_sha,
            cameras=cameras,
        )

    def _tell_stats(self) -> None:
        self._herald.stats(self._stats(), expiry_s=int(3 * self._stats_interval_s))

    def _stats(self) -> Stats:
        now = self._clock.now()
        delivery = self._delivery.stats()
        restarts: Mapping[str, int] = {
            **{name: unit.restarts for name, unit in self._pipeline.cameras.items()},
            **{name: unit.restarts for name, unit in self._pipeline.accelerators.items()},
        }
        return stats_payload(
            now,
            cameras={name: watch.tally.report(now.monotonic_ns) for name, watch in self._watches.items()},
            temperatures_c=self._sensors.temperatures_c(),
            throttled=self._sensors.throttled(),
            outbox={
                "pending": delivery.pending,
                "published": delivery.published,
                "dropped": dict(delivery.dropped),
            },
            reconnects=delivery.reconnects,
            restarts=restarts,
        )
