"""One thread fits the newest frame just in time while another keeps the chip busy."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import NamedTuple, Protocol

from edged.children.start import fatal
from edged.domain.frame import FrameShape
from edged.ports import Pixels, Runtime, Tensor
from edged.transport.borrower import Borrowers, Loan
from edged.transport.results import Result

EARLY_NS = 200_000
"""The fit aims to end at least this long before the invoke; at 0 the rate falls by 2%."""
MOST_EARLY_NS = 1_000_000
LATE_STEP_NS, IN_TIME_STEP_NS = 100_000, 500
"""What a fit that ends after the invoke adds to that time, and one in time takes away: about one in 200 comes late."""
_FIRST_LEAD_NS = 500_000
_SMOOTHING = 3
"""Moving means weigh a new sample by 1/8."""


class Fits(Protocol):
    """Writes a frame into a model's input tensor."""

    def fit(self, pixels: Pixels, shape: FrameShape, out: Tensor) -> object:
        """Resizes, pads and quantises."""


class FitsRegions(Protocol):
    """Writes the regions of a frame into a model's input tensor, run by run."""

    @property
    def runs(self) -> int:
        """How often the model has to run for one frame."""

    def fit(self, pixels: Pixels, shape: FrameShape, run: int) -> object:
        """The same for the regions of one run."""


class Way(NamedTuple):
    """Which model a stream's frames are for, and in which regions it is shown them; None for the whole frame."""

    model: int
    regions: FitsRegions | None = None


class Slot(NamedTuple):
    """A model ready to run: its runtime, its fit, the scratch that the fit writes, and where outputs go."""

    runtime: Runtime
    fitter: Fits
    scratch: Tensor
    offsets: Sequence[int]


class _Fitted(NamedTuple):
    """A frame is in the scratch, or the regions of one of its runs."""

    model: int
    loan: Loan
    run: int = 0
    runs: int = 1

    @property
    def last(self) -> bool:
        """Whether the frame is answered with it."""
        return self.run + 1 == self.runs


class _Done(NamedTuple):
    """A frame is answered; of several runs these are the outputs of all, and as much time as they took together."""

    fitted: _Fitted
    start_ns: int
    end_ns: int
    outputs: list[Tensor]


class _Started(NamedTuple):
    """An invoke has begun; `done` is the one before it, if its result was not sent yet."""

    start_ns: int
    model: int
    done: _Done | None


_AT_ONCE = _Started(0, 0, None)


class HotPath:
    """Fits and invokes for ever.

    `send` takes a result with its outputs; the fit thread calls it while the next invoke runs, the invoke
    thread only when no frame waits, so that the chip idles as little as possible.
    """

    def __init__(
        self,
        models: Sequence[Slot],
        frames: Borrowers,
        way_of: Callable[[int], Way],
        send: Callable[[Result, Sequence[Tensor], Sequence[int]], None],
    ) -> None:
        self._models = models
        self._frames = frames
        self._way_of = way_of
        self._send = send
        self._started: queue.SimpleQueue[_Started] = queue.SimpleQueue()
        self._fitted: queue.SimpleQueue[_Fitted] = queue.SimpleQueue()
        self._expected_ns = [0] * len(models)
        self._outputs: list[Tensor] = []
        """What the runs have given so far of a frame that takes several, and the time that they took."""
        self._took_ns = 0

    def run(self) -> None:
        """Invokes in this thread, fits in another; never returns. EOFError when the parent has gone."""
        threading.Thread(target=fatal(self._fit_loop), name="fit", daemon=True).start()
        self._invoke_loop()

    def _fit_loop(self) -> None:
        lead_ns, early_ns = _FIRST_LEAD_NS, EARLY_NS
        while True:
            start_ns, model, done = self._started.get()
            if done:
                self._emit(done)
            due_ns = start_ns + self._expected_ns[model]
            wait_ns = due_ns - early_ns - lead_ns - monotonic_ns()
            if wait_ns > 0:
                time.sleep(wait_ns / 1e9)
            asked_ns = monotonic_ns()
            loan = self._frames.next()
            index, regions = self._way_of(loan.stream)
            if regions:
                regions.fit(loan.pixels, loan.shape, 0)
                self._fitted.put(_Fitted(index, loan, 0, regions.runs))
            else:
                slot = self._models[index]
                slot.fitter.fit(loan.pixels, loan.shape, slot.scratch)
                self._fitted.put(_Fitted(index, loan))
            # Waiting for the camera is not work; one stolen time slice must not make the next fits early.
            fitted_ns = monotonic_ns()
            took_ns = fitted_ns - max(asked_ns, loan.captured_ns)
            lead_ns += (min(took_ns, 2 * lead_ns + EARLY_NS) - lead_ns) >> _SMOOTHING
            if start_ns and loan.captured_ns < asked_ns:
                early_ns = margin(early_ns, late=fitted_ns > due_ns)
            if regions:
                self._fit_rest(index, regions, loan)

    def _fit_rest(self, model: int, regions: FitsRegions, loan: Loan) -> None:
        """Fits the frame's other runs, each as soon as the one before it has left the scratch."""
        for run in range(1, regions.runs):
            if done := self._started.get().done:
                self._emit(done)
            regions.fit(loan.pixels, loan.shape, run)
            self._fitted.put(_Fitted(model, loan, run, regions.runs))

    def _invoke_loop(self) -> None:
        """The chip waits while this runs, so whatever can be done elsewhere is."""
        done: _Done | None = None
        self._started.put(_AT_ONCE)
        while True:
            if done and self._fitted.empty():
                self._emit(done)
                done = None
            fitted = self._fitted.get()
            slot = self._models[fitted.model]
            slot.runtime.set_input(slot.scratch)
            if fitted.loan.lossless and fitted.last:
                self._answer_first(fitted, done)
                done = None
            else:
                self._started.put(_Started(monotonic_ns(), fitted.model, done))
                done = self._invoke(fitted)

    def _answer_first(self, fitted: _Fitted, done: _Done | None) -> None:
        """Answers before the next frame is asked for, so that no frame is lost with this process."""
        if done:
            self._emit(done)
        if done := self._invoke(fitted):
            self._emit(done)
        self._started.put(_AT_ONCE)

    def _invoke(self, fitted: _Fitted) -> _Done | None:
        """The frame's answer; None where it has more runs before it."""
        runtime = self._models[fitted.model].runtime
        start_ns = monotonic_ns()
        runtime.invoke()
        end_ns = monotonic_ns()
        outputs = runtime.get_outputs()
        if fitted.runs > 1:
            return self._add_run(fitted, start_ns, end_ns, outputs)
        return _Done(fitted, start_ns, end_ns, outputs)

    def _add_run(
        self, fitted: _Fitted, start_ns: int, end_ns: int, outputs: Sequence[Tensor]
    ) -> _Done | None:
        self._outputs += outputs
        self._took_ns += end_ns - start_ns
        if not fitted.last:
            return None
        done = _Done(fitted, end_ns - self._took_ns, end_ns, self._outputs)
        self._outputs, self._took_ns = [], 0
        return done

    def _emit(self, done: _Done) -> None:
        (model, loan, _, runs), start_ns, end_ns, outputs = done
        result = Result(0, loan.stream, loan.seq, loan.captured_ns, start_ns, end_ns, loan.shape)
        self._send(result, outputs, self._models[model].offsets)
        took_ns = (end_ns - start_ns) // runs
        expected_ns = self._expected_ns[model] or took_ns
        self._expected_ns[model] = expected_ns + ((took_ns - expected_ns) >> _SMOOTHING)


def margin(early_ns: int, *, late: bool) -> int:
    """How early to aim next time: a busy machine needs more, and older frames are the price."""
    early_ns += LATE_STEP_NS if late else -IN_TIME_STEP_NS
    return min(max(early_ns, EARLY_NS), MOST_EARLY_NS)
