"""Keeps one accelerator answering: starts, watches, restarts, falls back to the CPU twin, and returns."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic_ns
from typing import Protocol

from edged.daemon.attempt import Attempt
from edged.daemon.ladder import RETRY_FIRST_S, Ladder, Step
from edged.daemon.reactor import Reactor, Timer
from edged.domain.errors import ChildDiedError, DeviceUnavailableError, EdgedError, ModelError
from edged.ports import Tensor
from edged.transport.protocol import AcceleratorJob, Ready
from edged.transport.results import Result

log = logging.getLogger(__name__)
STARTS_ALLOWED = 3
"""Times that a model may kill a runtime that has never answered before it is refused."""
STAND_IN_AFTER_DEATH_S = 0.5
STAND_IN_AT_BOOT_S = 10.0
"""How long a better rung may take to start before the next one starts beside it."""
SETTLED_S = 60.0
SPAWN_AGAIN_S = 1.0
STARVED = 2
"""Processes in turn that never got a frame before the camera is suspected."""


@dataclass(frozen=True, slots=True)
class AcceleratorPlan:
    """What an accelerator runs, best rung first, and how patient to be."""

    name: str
    rungs: tuple[AcceleratorJob, ...]
    start_deadline_s: float
    deadline_s: float
    gives_up: bool
    """Whether a start without any usable rung ends the daemon (`use: auto`) or is retried for ever."""
    retry_s: float = RETRY_FIRST_S
    """Time until a rung that was left is tried again; it grows with each vain try."""


class AcceleratorListener(Protocol):
    """Who owns the unit."""

    def accelerator_took_over(self, unit: "AcceleratorUnit", attempt: Attempt) -> None:
        """Another process answers from now on; connect the cameras to it."""

    def accelerator_result(self, unit: "AcceleratorUnit", result: Result, outputs: Sequence[Tensor]) -> None:
        """Outputs of a frame, valid during the call only."""

    def accelerator_failed(
        self, unit: "AcceleratorUnit", error: EdgedError, step: Step, *, idle: bool
    ) -> None:
        """A process failed and `step` is what happens now; `idle`: nothing answers meanwhile."""

    def accelerator_stuck(self, unit: "AcceleratorUnit") -> None:
        """A process hangs in the kernel and keeps its device until the next boot."""

    def accelerator_unusable(self, unit: "AcceleratorUnit", error: EdgedError) -> None:
        """Nothing on the ladder can ever work."""


class AcceleratorUnit:
    """At most one process per rung; the best one that is ready answers."""

    def __init__(self, plan: AcceleratorPlan, reactor: Reactor, listener: AcceleratorListener) -> None:
        self.plan = plan
        self.current: Attempt | None = None
        self.restarts = 0
        self._reactor = reactor
        self._listener = listener
        self._ladder = Ladder(len(plan.rungs), retry_s=plan.retry_s)
        self._attempts: dict[int, Attempt] = {}
        self._answered: set[int] = set()
        self._stuck: set[int] = set()
        """Rungs whose device has an owner that cannot be ended."""
        self._failed_starts = 0
        self._starved = 0
        self._settling: Timer | None = None
        self._timers: list[Timer] = []
        self._waiting_since_ns: int | None = None
        self._waiting_results = 0
        self._closed = False

    def start(self) -> None:
        """Starts the best rung; the next one follows if that takes long."""
        self._start(0)
        self._stand_in(0, STAND_IN_AT_BOOT_S)

    def close(self) -> None:
        """Kills whatever runs; may be called twice."""
        self._closed = True
        for timer in self._timers:
            timer.cancel()
        self.current = None
        for attempt in self._attempts.values():
            attempt.end()
        self._attempts.clear()

    @property
    def deadline_s(self) -> float:
        """How long a frame may wait for its answer: as many invokes as it takes, each within the plan's deadline."""
        return self.plan.deadline_s * (self.current.most_runs if self.current else 1)

    def check(self, *, frame_waits: bool) -> bool:
        """Kills the current process if frames wait and nothing was answered for the deadline.

        Counting results and not time in the invoke also catches a process that is stopped between two. True
        where a new process had no more luck than the one before: then it is the camera that gives no frames.
        """
        current, now_ns = self.current, monotonic_ns()
        if not current or not frame_waits or current.results != self._waiting_results:
            self._waiting_since_ns = None
            self._waiting_results = current.results if current else 0
            return False
        if self._waiting_since_ns is None:
            self._waiting_since_ns = now_ns
        elif now_ns - self._waiting_since_ns > self.deadline_s * 1e9:
            self._waiting_since_ns = None
            self._starved += 0 if current.results else 1
            what = f"accelerator {self.plan.name} gave no result for {self.deadline_s:g} s"
            current.fail(
                ChildDiedError(what, "it is restarted; if this repeats, look at its cable and power")
            )
            return self._starved >= STARVED
        return False

    def attempt_ready(self, attempt: Attempt, ready: Ready) -> None:
        """A process has loaded its models."""
        if self.current and self.current.rung < attempt.rung:
            self._drop(attempt)
            return
        log.info("accelerator %s: %s is ready (%s)", self.plan.name, attempt.job.accelerator, ready.runtime)
        for other in [each for each in self._attempts.values() if each.rung > attempt.rung]:
            self._drop(
                other
            )  # its last answers are heard now, so that the next one knows which frames are left
        self.current = attempt
        self._failed_starts = 0
        self._listener.accelerator_took_over(self, attempt)
        if self._settling:
            self._settling.cancel()
        self._settling = self._later(SETTLED_S, lambda: self._settle(attempt))

    def attempt_result(self, attempt: Attempt, result: Result, outputs: Sequence[Tensor]) -> None:
        """A process has answered."""
        if attempt is self.current:
            if attempt.results == 1:
                self._starved = 0
                self._answered.add(attempt.rung)
            self._listener.accelerator_result(self, result, outputs)

    def attempt_failed(self, attempt: Attempt, error: EdgedError) -> None:
        """A process has ended, for whatever reason."""
        if self._closed:
            return
        self._attempts.pop(attempt.rung, None)
        was_current = attempt is self.current
        if was_current:
            self.current = None
        log.warning("accelerator %s: %s", self.plan.name, error)
        if self._is_hopeless(attempt, error):
            self._listener.accelerator_unusable(self, _last_word(attempt, error))
            return
        steps = self._ladder.failed(
            attempt.rung,
            had_results=attempt.results > 0 or attempt.ready,
            now_ns=monotonic_ns(),
            stuck=attempt.stuck,
        )
        if attempt.stuck:
            self._stuck.add(attempt.rung)
            self._listener.accelerator_stuck(self)
        for step in steps:
            self._take(step)
        self._listener.accelerator_failed(self, error, steps[0], idle=self.current is None)

    def _take(self, step: Step) -> None:
        if step.kind == "restart":
            self.restarts += 1
            self._stand_in(step.rung, STAND_IN_AFTER_DEATH_S)
        if step.kind == "give_up":
            return
        if step.delay_s:
            self._later(step.delay_s, lambda: self._start(step.rung))
        else:
            self._start(step.rung)

    def _start(self, rung: int) -> None:
        better = self.current is not None and self.current.rung <= rung
        if self._closed or rung in self._attempts or rung in self._stuck or better:
            return
        job = self.plan.rungs[rung]
        try:
            self._attempts[rung] = Attempt(self._reactor, self, rung, job, self.plan.start_deadline_s)
        except ChildDiedError as error:  # no process is to be had at this moment
            log.warning("accelerator %s: %s", self.plan.name, error)
            self._later(SPAWN_AGAIN_S, lambda: self._start(rung))

    def _stand_in(self, rung: int, after_s: float) -> None:
        if rung + 1 < len(self.plan.rungs):
            self._later(after_s, lambda: self._start(rung + 1))

    def _later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Arranges a call that does not outlive the unit."""
        timer = self._reactor.call_later(delay_s, callback)
        self._timers = [*(each for each in self._timers if each.pending), timer]
        return timer

    def _drop(self, attempt: Attempt) -> None:
        attempt.end()
        self._attempts.pop(attempt.rung, None)

    def _settle(self, attempt: Attempt) -> None:
        if attempt is self.current:
            self._ladder.settled(attempt.rung)

    def _is_hopeless(self, attempt: Attempt, error: EdgedError) -> bool:
        """Whether the last rung fails in a way that waiting cannot mend, with no better one on its way."""
        if self._answered or self._attempts or attempt.rung != len(self.plan.rungs) - 1 or self.current:
            return False
        if attempt.job.library and not self.plan.gives_up:
            return isinstance(error, ModelError)
        if isinstance(error, ChildDiedError):
            self._failed_starts += 1
            return self._failed_starts >= STARTS_ALLOWED
        if isinstance(error, DeviceUnavailableError):
            return self.plan.gives_up
        return isinstance(error, ModelError)


def _last_word(attempt: Attempt, error: EdgedError) -> EdgedError:
    """What is said of an error after which nothing is started again."""
    if not isinstance(error, ChildDiedError):
        return error
    paths = ", ".join(job.path for job in attempt.job.models)
    return ChildDiedError(
        f"{error.what}, {STARTS_ALLOWED} times in turn, before it had loaded and run {paths}",
        "copy the model's files again, or use another model",
    )
