"""What the parent and an accelerator's child say to each other, as values that survive JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from edged.domain.accelerator import Accelerator
from edged.domain.tensors import Quantization, TensorSpec
from edged.vision.batch import passes
from edged.vision.digest import Digest, digest_from_wire
from edged.vision.manifest import DecoderName, InputRule


@dataclass(frozen=True, slots=True)
class ModelJob:
    """One model that an accelerator child is to load."""

    name: str
    path: str
    decoder: DecoderName
    roles: tuple[tuple[str, int], ...]
    """Empty where the calibration invoke has to tell."""
    rule: InputRule
    regions: int = 0
    """The most that a camera has whose frames it is shown in regions; its answers take so much room."""
    sha256: str = ""
    """Of the file as the parent has read it; empty where nobody has."""


@dataclass(frozen=True, slots=True)
class AcceleratorJob:
    """What an accelerator child is to do; no `library` means the CPU."""

    models: tuple[ModelJob, ...]
    library: str | None
    device: str
    threads: int

    @property
    def accelerator(self) -> Accelerator:
        """What runs the models."""
        return "edgetpu" if self.library else "cpu"


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """What a child found out about a model by loading and running it once."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    roles: tuple[tuple[str, int], ...]
    warnings: tuple[str, ...] = ()
    digests: tuple[Digest, ...] = ()
    """What it answered to the golden frame, by picture and output; nothing where there are too many to tell."""

    @property
    def places(self) -> int:
        """How many pictures one invoke takes."""
        return self.inputs[0].shape[0]

    def runs(self, regions: int) -> int:
        """How many invokes a frame takes that is shown in so many regions; 0 stands for the whole frame."""
        return passes(regions or 1, self.places)


@dataclass(frozen=True, slots=True)
class Ready:
    """An accelerator child has loaded its models."""

    models: tuple[LoadedModel, ...]
    runtime: str


def job_to_wire(job: AcceleratorJob) -> dict[str, Any]:
    """The job as JSON."""
    return asdict(job)


def job_from_wire(data: Mapping[str, Any]) -> AcceleratorJob:
    """The job from JSON."""
    models = tuple(
        ModelJob(
            each["name"],
            each["path"],
            each["decoder"],
            _roles(each["roles"]),
            InputRule(**each["rule"]),
            each["regions"],
            each["sha256"],
        )
        for each in data["models"]
    )
    return AcceleratorJob(models, data["library"], data["device"], data["threads"])


def ready_to_wire(ready: Ready) -> dict[str, Any]:
    """The report as JSON."""
    return {"event": "ready", **asdict(ready)}


def ready_from_wire(data: Mapping[str, Any]) -> Ready:
    """The report from JSON."""
    models = tuple(
        LoadedModel(
            tuple(_spec(spec) for spec in each["inputs"]),
            tuple(_spec(spec) for spec in each["outputs"]),
            _roles(each["roles"]),
            tuple(each["warnings"]),
            tuple(digest_from_wire(digest) for digest in each["digests"]),
        )
        for each in data["models"]
    )
    return Ready(models, data["runtime"])


def _spec(data: Mapping[str, Any]) -> TensorSpec:
    quantization = data["quantization"]
    return TensorSpec(
        data["name"],
        tuple(data["shape"]),
        data["dtype"],
        Quantization(**quantization) if quantization else None,
    )


def _roles(pairs: list[list[Any]]) -> tuple[tuple[str, int], ...]:
    return tuple((name, index) for name, index in pairs)
