"""Cameras and accelerators, kept connected whatever dies; what they say is told to one listener."""

import itertools
import logging
import socket
from collections.abc import Sequence
from time import monotonic_ns
from typing import Protocol

from edged.daemon.accelerator_unit import AcceleratorPlan, AcceleratorUnit
from edged.daemon.attempt import Attempt, Ring
from edged.daemon.camera_unit import CameraPlan, CameraUnit
from edged.daemon.ladder import Step
from edged.daemon.reactor import Reactor, Timer
from edged.daemon.roll import Roll
from edged.daemon.stream import Stream, StreamPlan
from edged.domain.errors import ChildDiedError, EdgedError
from edged.domain.predictions import Observations
from edged.ports import Tensor
from edged.transport.results import Result

log = logging.getLogger(__name__)
TICK_S = 0.25
CONNECT_AGAIN_S = 1.0
STALLED_S = 10.0


class PipelineListener(Protocol):
    """Who wants to know what the cameras show and how the devices are."""

    def observed(
        self, stream: Stream, observations: Observations, outputs: Sequence[Sequence[Tensor]]
    ) -> None:
        """A frame was judged, as a whole or region by region; its `outputs` are valid during the call only."""

    def picture_skipped(self, camera: CameraUnit, seq: int, error: EdgedError) -> None:
        """One picture could not be read, or was lost with the process that held it."""

    def camera_lost(self, camera: CameraUnit, error: EdgedError) -> None:
        """A camera failed and is started again."""

    def camera_ended(self, camera: CameraUnit) -> None:
        """A finite source has been judged to its last frame."""

    def accelerator_changed(self, unit: AcceleratorUnit, attempt: Attempt) -> None:
        """Another process answers from now on."""

    def accelerator_failed(self, unit: AcceleratorUnit, error: EdgedError, step: Step, *, idle: bool) -> None:
        """A process failed; `step` is what happens now."""

    def stuck(self, subject: str) -> None:
        """A process hangs in the kernel; its camera or accelerator is out until the next boot."""

    def unusable(self, error: EdgedError) -> None:
        """Something that cannot work, whatever is tried."""

    def ticked(self) -> None:
        """A quarter of a second has passed and every deadline was checked."""


class Pipeline:
    """The units, and the streams between them."""

    def __init__(
        self,
        reactor: Reactor,
        listener: PipelineListener,
        *,
        cameras: Sequence[CameraPlan],
        accelerators: Sequence[AcceleratorPlan],
        streams: Sequence[StreamPlan],
    ) -> None:
        self._reactor = reactor
        self._listener = listener
        self.cameras = {plan.name: CameraUnit(plan, reactor, self) for plan in cameras}
        self.accelerators = {plan.name: AcceleratorUnit(plan, reactor, self) for plan in accelerators}
        self.streams = {plan.camera: Stream(plan) for plan in streams}
        self._by_number: dict[int, Stream] = {}
        self._numbers = itertools.count()
        self._last_seqs: dict[str, int] = {}
        self._ticking: Timer | None = None
        self._rolls = {plan.name: Roll() for plan in cameras if plan.lossless}

    def start(self) -> None:
        """Starts every child; call from the main thread."""
        for accelerator in self.accelerators.values():
            accelerator.start()
        for camera in self.cameras.values():
            camera.start()
        self._ticking = self._reactor.call_every(TICK_S, self._tick)

    def retune(self, streams: Sequence[StreamPlan]) -> None:
        """Goes on with other thresholds; no child is touched."""
        for plan in streams:
            self.streams[plan.camera].retune(plan)

    def close(self) -> None:
        """Kills every child; may be called twice."""
        if self._ticking:
            self._ticking.cancel()
        for camera in self.cameras.values():
            camera.close()
        for accelerator in self.accelerators.values():
            accelerator.close()

    def camera_opened(self, unit: CameraUnit, ring: Ring) -> None:
        """A camera has a new ring."""
        del ring
        stream = self.streams[unit.name]
        stream.taken_seq = 0
        if unit.plan.lossless:
            self._rolls[unit.name] = Roll()
        self._connect(stream)

    def camera_lost(self, unit: CameraUnit, error: EdgedError) -> None:
        """A camera failed; a result that is still under way would make it look alive."""
        self._by_number.pop(self.streams[unit.name].number, None)
        self._listener.camera_lost(unit, error)

    def camera_stuck(self, unit: CameraUnit) -> None:
        """A camera's process cannot be ended."""
        self._listener.stuck(f"camera {unit.name}")

    def camera_skipped(self, unit: CameraUnit, seq: int, error: EdgedError) -> None:
        """A picture was skipped."""
        if unit.plan.lossless:
            self._rolls[unit.name].skipped(seq)
        self._listener.picture_skipped(unit, seq, error)

    def camera_ended(self, unit: CameraUnit, last_seq: int) -> None:
        """A source is at its end; its last frame may still be under way."""
        self._last_seqs[unit.name] = last_seq
        self._finish(self.streams[unit.name])

    def camera_closed(self, unit: CameraUnit) -> None:
        """A source died after its end: what nobody has taken by now is lost."""
        if unit.name in self._last_seqs:
            self._complete(self.streams[unit.name])

    def camera_unusable(self, unit: CameraUnit, error: EdgedError) -> None:
        """A source cannot work."""
        del unit
        self._listener.unusable(error)

    def accelerator_took_over(self, unit: AcceleratorUnit, attempt: Attempt) -> None:
        """Another process answers: every camera of the unit is connected to it."""
        try:
            for stream in self._streams_of(unit):
                stream.bind(attempt)
        except EdgedError as error:
            attempt.fail(error)  # the next rung may do
            return
        self._listener.accelerator_changed(unit, attempt)
        for stream in self._streams_of(unit):
            self._connect(stream)

    def accelerator_result(self, unit: AcceleratorUnit, result: Result, outputs: Sequence[Tensor]) -> None:
        """A frame was answered."""
        del unit
        stream = self._by_number.get(result.stream)
        if stream is None:
            return
        if roll := self._rolls.get(stream.plan.camera):
            roll.answered(result.seq)
        parts = stream.parts(outputs)
        self._listener.observed(stream, stream.observe(result, parts), parts)
        self._finish(stream)

    def accelerator_failed(self, unit: AcceleratorUnit, error: EdgedError, step: Step, *, idle: bool) -> None:
        """An accelerator's process failed."""
        self._listener.accelerator_failed(unit, error, step, idle=idle)

    def accelerator_stuck(self, unit: AcceleratorUnit) -> None:
        """A process of an accelerator cannot be ended."""
        self._listener.stuck(f"accelerator {unit.plan.name}")

    def accelerator_unusable(self, unit: AcceleratorUnit, error: EdgedError) -> None:
        """Nothing on an accelerator's ladder can work."""
        del unit
        self._listener.unusable(error)

    def _streams_of(self, unit: AcceleratorUnit) -> list[Stream]:
        return [stream for stream in self.streams.values() if stream.plan.accelerator == unit.plan.name]

    def _connect(self, stream: Stream) -> None:
        """Gives the accelerator a lease on the camera's ring, under a new number."""
        camera = self.cameras[stream.plan.camera]
        attempt = self.accelerators[stream.plan.accelerator].current
        if not camera.ring or not attempt:
            return
        if camera.plan.lossless:
            stream.give_up_on(camera.last_seq())
        try:
            lender, borrower = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError as error:  # no descriptor is to be had at this moment
            log.warning("camera %s: %s", camera.name, error)
            self._reactor.call_later(CONNECT_AGAIN_S, lambda: self._connect(stream))
            return
        self._by_number.pop(stream.number, None)
        stream.number = next(self._numbers)
        stream.waiting.restart()
        self._by_number[stream.number] = stream
        with lender, borrower:
            camera.lend_to(lender)
            attempt.connect(
                stream.number,
                stream.plan.model_index,
                camera.ring,
                borrower,
                after=stream.taken_seq,
                regions=stream.plan.regions,
            )
        self._finish(stream)

    def _finish(self, stream: Stream) -> None:
        """Tells when the last frame of a finite source has been judged."""
        last_seq = self._last_seqs.get(stream.plan.camera)
        if last_seq is not None and stream.taken_seq >= last_seq:
            self._complete(stream)

    def _complete(self, stream: Stream) -> None:
        camera = self.cameras[stream.plan.camera]
        last_seq, roll = self._last_seqs.pop(camera.name), self._rolls.get(camera.name)
        for seq in roll.lost(last_seq) if roll else ():
            error = ChildDiedError(
                f"picture {seq} of {camera.name} was lost with a process that ended", "try it again"
            )
            self._listener.picture_skipped(camera, seq, error)
        self._listener.camera_ended(camera)

    def stalled(self) -> bool:
        """Whether a frame has waited so long that every deadline of ours must have passed it by."""
        now_ns = monotonic_ns()
        for unit in self.accelerators.values():
            limit_s = 2 * unit.deadline_s + STALLED_S
            if unit.current and any(each.waiting.seconds(now_ns) > limit_s for each in self._owed(unit)):
                return True
        return False

    def _tick(self) -> None:
        now_ns = monotonic_ns()
        for stream in self.streams.values():
            last_seq = self.cameras[stream.plan.camera].last_seq()
            stream.waiting.look(last_seq=last_seq, taken_seq=stream.taken_seq, now_ns=now_ns)
        for unit in self.accelerators.values():
            self._check(unit, now_ns)
        for camera in self.cameras.values():
            camera.check(taken_seq=self.streams[camera.name].taken_seq)
        self._listener.ticked()

    def _check(self, unit: AcceleratorUnit, now_ns: int) -> None:
        """Blames the accelerator for frames of cameras that go on, and a camera that alone gets no answer.

        A live camera that does not go on is left to its own deadline: it is what hangs.
        """
        waiting = self._owed(unit)
        nobody_answered = unit.check(frame_waits=bool(waiting))
        for stream in waiting:
            alone = unit.current and stream.waiting.seconds(now_ns) > unit.deadline_s + TICK_S * 2
            if nobody_answered or alone:
                stream.waiting.restart()
                self.cameras[stream.plan.camera].suspect()

    def _owed(self, unit: AcceleratorUnit) -> list[Stream]:
        """Streams with a frame that waits for an answer, of cameras that go on or that wait for us."""
        return [
            stream
            for stream in self._streams_of(unit)
            if stream.waiting.on
            and (stream.waiting.camera_moves or self.cameras[stream.plan.camera].plan.lossless)
        ]
