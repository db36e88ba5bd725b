"""Loads a model in a child and runs it once, to learn what only running it shows."""

from collections.abc import Sequence

from edged.daemon.accelerator_unit import AcceleratorPlan, AcceleratorUnit
from edged.daemon.attempt import Attempt
from edged.daemon.ladder import Step
from edged.daemon.reactor import Reactor
from edged.domain.errors import EdgedError
from edged.ports import Tensor
from edged.transport.protocol import LoadedModel
from edged.transport.results import Result


class Probe:
    """One look at one model."""

    def __init__(self, plan: AcceleratorPlan) -> None:
        self._reactor = Reactor()
        self._unit = AcceleratorUnit(plan, self._reactor, self)
        self._found: LoadedModel | None = None
        self._error: EdgedError | None = None

    def look(self) -> LoadedModel:
        """The model's tensors as they are after an invoke; raises why it cannot be run. Main thread only."""
        try:
            self._unit.start()
            self._reactor.run()
        finally:
            self._unit.close()
            self._reactor.close()
        if self._found is None:
            assert self._error  # noqa: S101  the loop ends with one of the two
            raise self._error
        return self._found

    def accelerator_took_over(self, unit: AcceleratorUnit, attempt: Attempt) -> None:
        """The model is loaded."""
        del unit
        self._found = attempt.models[0]
        self._reactor.stop()

    def accelerator_result(self, unit: AcceleratorUnit, result: Result, outputs: Sequence[Tensor]) -> None:
        """Never comes: no camera is connected."""

    def accelerator_failed(self, unit: AcceleratorUnit, error: EdgedError, step: Step, *, idle: bool) -> None:
        """Another process is tried."""

    def accelerator_stuck(self, unit: AcceleratorUnit) -> None:
        """Nothing more is tried on that device."""

    def accelerator_unusable(self, unit: AcceleratorUnit, error: EdgedError) -> None:
        """It cannot be run here."""
        del unit
        self._error = error
        self._reactor.stop()
