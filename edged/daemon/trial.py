"""One process that loads an accelerator's models, says what they answer to the golden frame, and is ended."""

import os
import signal
from collections.abc import Callable, Sequence

from edged.daemon.attempt import Attempt
from edged.daemon.reactor import Reactor
from edged.domain.accelerator import Accelerator
from edged.domain.errors import ChildDiedError, EdgedError
from edged.ports import Tensor
from edged.transport.kernel import step_aside, step_forward
from edged.transport.protocol import AcceleratorJob, Ready
from edged.transport.results import Result

GONE_S = 5.0
"""How long a killed process may take to go before its outcome is told without that."""
STARVED_S = 300.0
"""How long after its deadline it is waited for."""
_DEVICES: dict[Accelerator, tuple[str, str]] = {
    "cpu": ("CPU", "try again when the machine is less busy"),
    "edgetpu": ("Edge TPU", "look at its cable and power"),
}
Outcome = Ready | EdgedError


class Trial:
    """Runs from its making until `done` hears the outcome, once; call `close` in any case. Raises ChildDiedError.

    The process is not waited for while it dies: one that has stepped `aside` may take its time on a busy machine.
    """

    def __init__(
        self,
        reactor: Reactor,
        job: AcceleratorJob,
        deadline_s: float,
        done: Callable[[Outcome], None],
        *,
        aside: bool,
    ) -> None:
        self._reactor = reactor
        self._done = done
        self._outcome: Outcome | None = None
        self._deadline_s = deadline_s
        self._told = self._gone = False
        self._attempt = Attempt(reactor, self, 0, job, deadline_s + STARVED_S)
        if aside:
            step_aside(self._attempt.pid)
        self._timer = reactor.call_later(deadline_s, self._too_late)

    def close(self) -> None:
        """Ends the process, and tells nobody; may be called twice."""
        self._told = True
        self._timer.cancel()
        if not self._gone:
            step_forward(self._attempt.pid)
            self._attempt.end()

    def attempt_ready(self, attempt: Attempt, ready: Ready) -> None:
        """It has told all that it is there to tell."""
        del attempt
        self._kill(ready)

    def attempt_result(self, attempt: Attempt, result: Result, outputs: Sequence[Tensor]) -> None:
        """Never comes: no camera is connected."""

    def attempt_failed(self, attempt: Attempt, error: EdgedError) -> None:
        """It is gone, by our hand or by itself."""
        del attempt
        self._gone = True
        self._tell(self._outcome or error)

    def _too_late(self) -> None:
        device, fix = _DEVICES[self._attempt.job.accelerator]
        what = f"the process of the {device} had not run its models after {self._deadline_s:g} s"
        self._kill(ChildDiedError(what, fix))

    def _kill(self, outcome: Outcome) -> None:
        """Its sockets say when it is gone; until we have asked for its end, its number is nobody else's."""
        self._outcome = outcome
        self._timer.cancel()
        self._timer = self._reactor.call_later(GONE_S, lambda: self._tell(outcome))
        step_forward(self._attempt.pid)
        os.kill(self._attempt.pid, signal.SIGKILL)

    def _tell(self, outcome: Outcome) -> None:
        self._timer.cancel()
        if not self._told:
            self._told = True
            self._done(outcome)


def try_once(job: AcceleratorJob, deadline_s: float) -> Ready:
    """What one process says of a job; raises why it could not. Call from the main thread."""
    reactor = Reactor()
    heard: list[Outcome] = []

    def done(outcome: Outcome) -> None:
        heard.append(outcome)
        reactor.stop()

    try:
        trial = Trial(reactor, job, deadline_s, done, aside=False)
        try:
            reactor.run()
        finally:
            trial.close()
    finally:
        reactor.close()
    (outcome,) = heard
    if isinstance(outcome, EdgedError):
        raise outcome
    return outcome
