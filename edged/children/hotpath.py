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
"""The fit aims to end this long before the invoke; at 0 the rate falls by 2%."""
_FIRST_LEAD_NS = 500_000
_SMOOTHING = 3
"""Moving means weigh a new sample by 1/8."""


class Fits(Protocol):
    """Writes a frame into a model's input tensor."""

    def fit(self, pixels: Pixels, shape: FrameShape, out: Tensor) -> object:
        """Resizes, pads and quantises."""


class Slot(NamedTuple):
    """A model ready to run: its runtime, its fit, the scratch that the fit writes, and where outputs go."""

    runtime: Runtime
    fitter: Fits
    scratch: Tensor
    offsets: Sequence[int]


class _Fitted(NamedTuple):
    model: int
    loan: Loan


class _Done(NamedTuple):
    model: int
    result: Result
    outputs: list[Tensor]


class HotPath:
    """Fits and invokes for ever.

    `send` takes a result with its outputs; the fit thread calls it while the next invoke runs, the invoke
    thread only when no frame waits, so that the chip idles as little as possible.
    """

    def __init__(
        self,
        models: Sequence[Slot],
        frames: Borrowers,
        model_of: Callable[[int], int],
        send: Callable[[Result, Sequence[Tensor], Sequence[int]], None],
    ) -> None:
        self._models = models
        self._frames = frames
        self._model_of = model_of
        self._send = send
        self._started: queue.SimpleQueue[tuple[int, _Done | None]] = queue.SimpleQueue()
        """When the invoke that has just begun is expected to end, and the result before it."""
        self._fitted: queue.SimpleQueue[_Fitted] = queue.SimpleQueue()
        self._expected_ns = [0] * len(models)

    def run(self) -> None:
        """Invokes in this thread, fits in another; never returns. EOFError when the parent has gone."""
        threading.Thread(target=fatal(self._fit_loop), name="fit", daemon=True).start()
        self._invoke_loop()

    def _fit_loop(self) -> None:
        lead_ns = _FIRST_LEAD_NS
        while True:
            due_ns, done = self._started.get()
            if done:
                self._emit(done)
            wait_ns = due_ns - EARLY_NS - lead_ns - monotonic_ns()
            if wait_ns > 0:
                time.sleep(wait_ns / 1e9)
            asked_ns = monotonic_ns()
            loan = self._frames.next()
            index = self._model_of(loan.stream)
            model = self._models[index]
            model.fitter.fit(loan.pixels, loan.shape, model.scratch)
            # Waiting for the camera is not work; one stolen time slice must not make the next fits early.
            took_ns = monotonic_ns() - max(asked_ns, loan.captured_ns)
            lead_ns += (min(took_ns, 2 * lead_ns + EARLY_NS) - lead_ns) >> _SMOOTHING
            self._fitted.put(_Fitted(index, loan))

    def _invoke_loop(self) -> None:
        done: _Done | None = None
        self._started.put((1, None))
        while True:
            if done and self._fitted.empty():
                self._emit(done)
                done = None
            fitted = self._fitted.get()
            self._models[fitted.model].runtime.set_input(self._models[fitted.model].scratch)
            if fitted.loan.lossless:
                self._answer_first(fitted, done)
                done = None
            else:
                self._started.put((monotonic_ns() + self._expected_ns[fitted.model], done))
                done = self._invoke(fitted)

    def _answer_first(self, fitted: _Fitted, done: _Done | None) -> None:
        """Answers before the next frame is asked for, so that no frame is lost with this process."""
        if done:
            self._emit(done)
        self._emit(self._invoke(fitted))
        self._started.put((1, None))

    def _invoke(self, fitted: _Fitted) -> _Done:
        loan, runtime = fitted.loan, self._models[fitted.model].runtime
        start_ns = monotonic_ns()
        runtime.invoke()
        end_ns = monotonic_ns()
        self._learn(fitted.model, end_ns - start_ns)
        result = Result(0, loan.stream, loan.seq, loan.captured_ns, start_ns, end_ns, loan.shape)
        return _Done(fitted.model, result, runtime.get_outputs())

    def _learn(self, index: int, took_ns: int) -> None:
        expected_ns = self._expected_ns[index]
        self._expected_ns[index] = (
            expected_ns + ((took_ns - expected_ns) >> _SMOOTHING) if expected_ns else took_ns
        )

    def _emit(self, done: _Done) -> None:
        self._send(done.result, done.outputs, self._models[done.model].offsets)
