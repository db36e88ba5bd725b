"""The daemon: what happens when a frame was judged, a device failed, or somebody asks us to end."""

import logging
from collections.abc import Callable, Sequence

from edged.daemon.accelerator_unit import AcceleratorUnit
from edged.daemon.account import Account, Identity
from edged.daemon.answer import Reply
from edged.daemon.attempt import Attempt
from edged.daemon.camera_unit import CameraUnit
from edged.daemon.delivery import DeliveryThread
from edged.daemon.herald import Herald
from edged.daemon.ladder import Step
from edged.daemon.parity import TwinWatch
from edged.daemon.pipeline import Pipeline
from edged.daemon.reactor import Reactor, Timer
from edged.daemon.rules import Rules
from edged.daemon.settling import Owner, Settling
from edged.daemon.snapshots import Snapshots
from edged.daemon.statusline import StatusLine
from edged.daemon.stream import Stream
from edged.daemon.watch import Watch
from edged.delivery.changes import ProblemChange
from edged.domain.errors import EdgedError
from edged.domain.events import EndReason
from edged.domain.predictions import Observations
from edged.ports import Clock, Sensors, ServiceManager, Tensor

log = logging.getLogger(__name__)
STOP_TIMEOUT_S = 2.0
"""For the last words to a broker that may stand still; events that wait are safe on disk."""
OPEN_TIMEOUT_S = 5.0
"""How long READY waits for the outbox; a disk that takes longer is no reason not to run."""
MARGIN_S = 5.0
"""What a step may take beyond its own limit before the service manager need worry."""
RESPONSIVE_S = 20.0
"""Longest step of the delivery thread, 64 events with an fsync each on a slow card, before it counts as hung."""
TPU_FIX = "look at its cable, its power and its driver; it is tried again by itself"


class Daemon:
    """Listens to the pipeline, judges, and has the herald tell; one thread."""

    def __init__(
        self,
        *,
        reactor: Reactor,
        delivery: DeliveryThread,
        herald: Herald,
        clock: Clock,
        manager: ServiceManager,
        sensors: Sensors,
        identity: Identity,
        rules: Rules,
        owner: Owner,
    ) -> None:
        self._reactor = reactor
        self._delivery = delivery
        self._herald = herald
        self._clock = clock
        self._manager = manager
        self._sensors = sensors
        self._identity = identity
        self._rules = rules
        self._owner = owner
        self._watches = {plan.camera: Watch(plan, plan.policy()) for plan in rules.watches}
        self._pipeline: Pipeline
        self._account: Account
        self._status = StatusLine(manager.status)
        self._statistics: Timer | None = None
        self._error: EdgedError | None = None
        self._settling = Settling(self._watches.values())
        self._twins = TwinWatch(reactor, herald)
        self._snapshots = Snapshots(reactor, herald, clock)

    def run(self, make_pipeline: Callable[["Daemon"], Pipeline]) -> None:
        """Runs until every source has ended or `stop`; raises what makes it impossible. Main thread only."""
        self._pipeline = make_pipeline(self)
        self._snapshots.begin(self._watches, self._pipeline.cameras)
        self._account = Account(
            identity=self._identity,
            watches=self._watches,
            pipeline=self._pipeline,
            herald=self._herald,
            delivery=self._delivery,
            clock=self._clock,
            sensors=self._sensors,
        )
        try:
            self._start()
            self._reactor.run()
        finally:
            self._owner.daemon_ends(self._error)
            self._end()
        if self._error:
            raise self._error

    def _start(self) -> None:
        self._delivery.start()
        self._announce()
        self._pipeline.start()
        self._manager.patience(OPEN_TIMEOUT_S + MARGIN_S)
        self._delivery.wait_opened(OPEN_TIMEOUT_S)
        self._manager.ready()
        self._settling.begin(self._clock.now().monotonic_ns)
        self._statistics = self._reactor.call_every(self._rules.stats_interval_s, self._tell_stats)

    def _end(self) -> None:
        if self._statistics:
            self._statistics.cancel()
        self._twins.close()
        self._snapshots.close()
        self._pipeline.close()
        for watch in self._watches.values():
            self._go_offline(watch, "stopped")
        self._delivery.stop((), STOP_TIMEOUT_S)

    def adopt(self, rules: Rules) -> None:
        """Goes on with other rules; no process is touched, and objects that are still reported live on."""
        now_ns = self._clock.now().monotonic_ns
        self._pipeline.retune(rules.streams)
        for plan in rules.watches:
            watch = self._watches[plan.camera]
            self._herald.decided(plan.camera, watch.adopt(plan, now_ns))
        if self._statistics and rules.stats_interval_s != self._rules.stats_interval_s:
            self._statistics.cancel()
            self._statistics = self._reactor.call_every(rules.stats_interval_s, self._tell_stats)
        self._rules = rules
        self._herald.keep_topics(rules.watches, fresh=False)
        self._tell_info()

    def snapshot(self, camera: str, reply: Reply) -> None:
        """A picture of a camera for somebody on this machine."""
        self._snapshots.ask(camera, reply)

    def reloaded(self, message: str) -> None:
        """Tells that the configuration was read again and runs."""
        self._herald.solved("config_refused")
        self._herald.system("config_reloaded", "info", message)
        self._herald.flush()

    def refused(self, message: str, fix: str) -> None:
        """Tells that a configuration was read that cannot run, and that the one before goes on."""
        self._herald.problem("config_refused", message, fix)
        self._herald.system("config_refused", "error", message, fix)
        self._herald.flush()

    @property
    def holds_events(self) -> bool:
        """Whether events are in memory alone, because the disk refuses them."""
        return "outbox_failed" in self._herald.problem_codes()

    @property
    def delivers(self) -> bool:
        """Whether the thread that stores and sends is there, as it may be after an end that it did not hear of."""
        return self._delivery.alive

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

    def observed(
        self, stream: Stream, observations: Observations, outputs: Sequence[Sequence[Tensor]]
    ) -> None:
        """A frame was judged by the model; now the rules judge it."""
        camera = stream.plan.camera
        watch = self._watches[camera]
        now_ns = self._clock.now().monotonic_ns
        if not watch.online:
            self._camera_is_back(watch)
        self._herald.decided(camera, watch.judge(observations))
        if watch.frame_is_due(observations[0].frame.captured_ns):
            self._herald.frame(camera, observations)
        self._snapshots.observed(stream, observations, outputs)
        watch.tally.count(observations[0], now_ns)

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
        self._watches[camera.name].ended = True
        if all(watch.ended for watch in self._watches.values()):
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
        self._twins.answers(unit.plan, attempt)
        self._tell_info()
        self._herald.flush()

    def accelerator_failed(self, unit: AcceleratorUnit, error: EdgedError, step: Step, *, idle: bool) -> None:
        """A process failed and is started again, or the next rung is."""
        self._twins.failed(unit.plan)
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
        self._snapshots.look()
        self._herald.flush()
        now_ns = self._clock.now().monotonic_ns
        self._status.look(now_ns, self._account.standing)
        if self._settling.news(now_ns):
            self._owner.daemon_settled(works=self._settling.works, standing=self._account.standing())

    def _announce(self) -> None:
        """OFF for each configured label and `offline` for each camera, before the first frame."""
        now_ns = self._clock.now().monotonic_ns
        for watch in self._watches.values():
            self._herald.camera_status(watch.plan.camera, online=False)
            self._herald.decided(watch.plan.camera, watch.policy.start(now_ns))
            watch.tally.restart(now_ns)
        self._herald.keep_topics(self._rules.watches, fresh=True)
        self._tell_info()
        self._herald.flush()

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

    def _tell_info(self) -> None:
        self._herald.info(self._account.info(self._rules.config_sha))

    def _tell_stats(self) -> None:
        self._herald.stats(self._account.stats(), expiry_s=int(3 * self._rules.stats_interval_s))
