"""One camera's way through a model: from raw outputs to an observation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edged.daemon.attempt import Attempt
from edged.daemon.waiting import Waiting
from edged.domain.accelerator import Accelerator
from edged.domain.frame import Frame, FrameShape
from edged.domain.predictions import ModelId, Observation, Observations
from edged.domain.regions import Region
from edged.domain.tensors import TensorSpec
from edged.ports import Tensor
from edged.transport.protocol import LoadedModel
from edged.transport.results import Result
from edged.vision.batch import Parts, of_one, outputs_of_one
from edged.vision.decoding import Decoder, make_decoder
from edged.vision.fit import FitPlan, plan_frame
from edged.vision.labels import Labels
from edged.vision.manifest import Manifest
from edged.vision.overlay import Overlay
from edged.vision.snapshot import frame_overlay

TRIES = 5
"""Processes that a frame of a source that waits may end before it is passed over; the CPU comes before that."""


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """A model as it is decoded; `ids` names its file on each rung of the accelerator's ladder."""

    name: str
    manifest: Manifest
    labels: Labels
    ids: tuple[ModelId, ...]
    best: Accelerator
    """What runs it on the best rung."""


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """Which camera goes through which model on which accelerator."""

    camera: str
    accelerator: str
    model_index: int
    """Of the model among those of the accelerator."""
    model: ModelPlan
    threshold: float
    """Nothing below it need be decoded."""
    top_k: int
    regions: tuple[Region, ...] = ()
    """The parts of each frame that are shown to the model; empty where it sees the whole frame."""


class Stream:
    """Decodes one camera's results; bound anew to each process that answers."""

    def __init__(self, plan: StreamPlan) -> None:
        self.plan = plan
        self.number = -1
        """Names the present connection of camera and accelerator; results of an older one are dropped."""
        self.taken_seq = 0
        """Sequence number of the last frame of the present ring that was answered."""
        self.model_id = plan.model.ids[0]
        self.accelerator = plan.model.best
        self.outputs: tuple[TensorSpec, ...] = ()
        """Of one picture, also where the model takes several at once."""
        self._parts: Parts
        self._boxes = tuple(region.box for region in plan.regions) or (None,)
        self._names = tuple(region.name for region in plan.regions) or ("",)
        self._loaded: LoadedModel | None = None
        self._decoder: Decoder | None = None
        self._input: TensorSpec | None = None
        self._plans: dict[FrameShape, tuple[FitPlan, ...]] = {}
        self.waiting = Waiting()
        self._tried_seq = 0
        self._tries = 0

    def give_up_on(self, last_seq: int) -> None:
        """Counts processes that began with the same frame, and passes it over where it ended several of them."""
        self._tries = self._tries + 1 if last_seq == self._tried_seq else 1
        self._tried_seq = last_seq
        if self._tries > TRIES:
            self.taken_seq = last_seq

    def bind(self, attempt: Attempt) -> None:
        """Learns the tensors of the process that answers from now on. Raises ModelError."""
        loaded = attempt.models[self.plan.model_index]
        self._loaded = loaded
        self.outputs = outputs_of_one(loaded.outputs, loaded.places, self.plan.model.name, final=True)
        self._parts = Parts(outputs=len(loaded.outputs), places=loaded.places, pictures=len(self._names))
        self._decoder = self._make_decoder(loaded)
        self._input = loaded.inputs[0]
        self._plans.clear()
        self.model_id = self.plan.model.ids[attempt.rung]
        self.accelerator = attempt.job.accelerator

    def retune(self, plan: StreamPlan) -> None:
        """Goes on with another threshold or number of classes; all else in the plan is as it was."""
        self.plan = plan
        if self._loaded:
            self._decoder = self._make_decoder(self._loaded)

    def _make_decoder(self, loaded: LoadedModel) -> Decoder:
        return make_decoder(
            replace(self.plan.model.manifest, roles=loaded.roles),
            self.outputs,
            self.plan.model.labels,
            threshold=self.plan.threshold,
            top_k=self.plan.top_k,
            picture=of_one(loaded.inputs[0]),
        )

    def parts(self, outputs: Sequence[Tensor]) -> Sequence[Sequence[Tensor]]:
        """The outputs of each picture that the model was shown of a frame, from those of all its runs."""
        return self._parts.of(outputs)

    def observe(self, result: Result, parts: Sequence[Sequence[Tensor]]) -> Observations:
        """Decodes one result."""
        assert self._decoder  # noqa: S101  bound before it is connected
        self.taken_seq = result.seq
        frame = Frame(self.plan.camera, result.seq, result.captured_ns, result.shape)
        start_ns, end_ns, decode = result.invoke_start_ns, result.invoke_end_ns, self._decoder.decode
        return tuple(
            Observation(frame, decode(part, plan), self.model_id, self.accelerator, start_ns, end_ns, region)
            for part, plan, region in zip(parts, self._fit_plans(result.shape), self._names, strict=True)
        )

    def overlay(
        self, observations: Observations, parts: Sequence[Sequence[Tensor]], size: tuple[int, int]
    ) -> Overlay:
        """What `observe` has just found, as it is drawn over a picture of the frame of that size."""
        return frame_overlay(
            observations,
            parts,
            specs=self.outputs,
            manifest=self.plan.model.manifest,
            plans=self._fit_plans(observations[0].frame.shape),
            size=size,
        )

    def _fit_plans(self, shape: FrameShape) -> tuple[FitPlan, ...]:
        plans = self._plans.get(shape)
        if plans is None:
            assert self._input  # noqa: S101  bound before it is connected
            picture, rule = self._input, self.plan.model.manifest.input
            plans = tuple(plan_frame(shape, picture, rule, box) for box in self._boxes)
            if len(self._plans) > 64:  # noqa: PLR2004  a folder of pictures, each of another size
                self._plans.clear()
            self._plans[shape] = plans
        return plans
