"""Whether the Edge TPU and the CPU twin answer alike: looked at once after a start, and told where they do not."""

import logging
from dataclasses import dataclass, field
from functools import partial

from edged.daemon.accelerator_unit import AcceleratorPlan
from edged.daemon.attempt import Attempt
from edged.daemon.herald import Herald
from edged.daemon.process import NONSENSE
from edged.daemon.reactor import Reactor, Timer
from edged.daemon.trial import Outcome, Trial
from edged.domain.errors import ChildDiedError, EdgedError
from edged.transport.protocol import LoadedModel
from edged.vision.parity import Parity, compare

log = logging.getLogger(__name__)
LATE_S = 8.0
"""How long after the Edge TPU's first answer the CPU twin is run: cameras and broker come first."""
DEADLINE_S = 120.0
"""How long that may take, on a machine that has little time for it."""
FIX = "`edged model verify` shows by how much; compile the twin from this very file, or pull both again"
Models = tuple[LoadedModel, ...]


@dataclass(slots=True)
class _Pair:
    """What is known of one accelerator's two rungs."""

    plan: AcceleratorPlan
    seen: dict[int, Models] = field(default_factory=dict)
    timer: Timer | None = None
    trial: Trial | None = None
    tried: bool = False

    def cancel(self) -> None:
        """Arranges no trial any more; one that runs goes on, since to wait for its end would take time."""
        if self.timer:
            self.timer.cancel()
            self.timer = None


class TwinWatch:
    """Learns from every process that answers; runs the CPU twin by itself where nothing else has shown it."""

    def __init__(
        self, reactor: Reactor, herald: Herald, *, late_s: float = LATE_S, deadline_s: float = DEADLINE_S
    ) -> None:
        self._reactor = reactor
        self._herald = herald
        self._late_s = late_s
        self._deadline_s = deadline_s
        self._pairs: dict[str, _Pair] = {}

    def answers(self, plan: AcceleratorPlan, attempt: Attempt) -> None:
        """Another process has taken over; it has run its models on the golden frame when it loaded them."""
        if not (len(plan.rungs) > 1 and plan.rungs[0].library):
            return
        pair = self._pairs.setdefault(plan.name, _Pair(plan))
        pair.seen[attempt.rung] = attempt.models
        if len(pair.seen) == len(plan.rungs):
            pair.cancel()
            self._judge(pair)
        elif attempt.rung == 0 and not pair.tried:
            pair.cancel()
            pair.timer = self._reactor.call_later(self._late_s, partial(self._try, pair))

    def failed(self, plan: AcceleratorPlan) -> None:
        """A process has ended: the machine has other things to do now."""
        if plan.name in self._pairs:
            self._pairs[plan.name].cancel()

    def close(self) -> None:
        """Ends what runs; may be called twice."""
        for pair in self._pairs.values():
            pair.cancel()
            if pair.trial:
                pair.trial.close()

    def _try(self, pair: _Pair) -> None:
        pair.tried = True
        try:
            pair.trial = Trial(
                self._reactor, pair.plan.rungs[1], self._deadline_s, partial(self._tried, pair), aside=True
            )
        except ChildDiedError as error:
            self._not_compared(pair, error)

    def _tried(self, pair: _Pair, outcome: Outcome) -> None:
        if isinstance(outcome, EdgedError):
            self._not_compared(pair, outcome)
            return
        pair.seen[1] = outcome.models
        self._judge(pair)

    def _not_compared(self, pair: _Pair, error: EdgedError) -> None:
        log.warning("accelerator %s: the CPU twin was not compared: %s", pair.plan.name, error.what)

    def _judge(self, pair: _Pair) -> None:
        jobs = pair.plan.rungs[0].models
        try:
            found = [
                (job.name, compare(job.decoder, cpu, edgetpu))
                for job, cpu, edgetpu in zip(jobs, pair.seen[1], pair.seen[0], strict=True)
            ]
        except NONSENSE as error:  # a process may write anything
            log.warning("accelerator %s: the twins cannot be compared: %r", pair.plan.name, error)
            return
        for number, (model, parity) in enumerate(found):
            self._tell(pair.plan.name, number, model, parity)
        self._herald.flush()

    def _tell(self, accelerator: str, number: int, model: str, parity: Parity) -> None:
        subject = f"{accelerator}/{number}"
        if parity.same:
            told = "answer alike" if parity.outputs else "have too many outputs to compare"
            log.info("accelerator %s: the Edge TPU and the CPU twin of %s %s", accelerator, model, told)
            if self._herald.solved("twins_disagree", subject=subject):
                message = f"accelerator {accelerator}: both twins of {model} answer alike again"
                self._herald.system("twins_agree", "info", message)
            return
        message = (
            f"accelerator {accelerator}: the Edge TPU and the CPU twin of {model} disagree: {parity.fault}"
        )
        log.warning("%s (%s)", message, FIX)
        if self._herald.problem("twins_disagree", message, FIX, subject=subject):
            self._herald.system("twins_disagree", "error", message, FIX)
