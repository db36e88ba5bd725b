"""What a model's file shows of a detector that has no manifest."""

from dataclasses import dataclass

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.vision.graph import Op
from edged.vision.manifest import Activation, Coordinates, DecoderName
from edged.vision.modelfile import ModelFile
from edged.vision.quantise import SHARE_SLACK, are_shares, real_range

_CONV, _LOGISTIC = 3, 14


@dataclass(frozen=True, slots=True)
class FoundDetector:
    """What a manifest would say of it."""

    decoder: DecoderName
    roles: tuple[tuple[str, int], ...]
    classes: int | None
    """None where no axis shows their number."""
    warnings: tuple[str, ...]
    activation: Activation = "none"
    strides: tuple[int, ...] = ()
    coordinates: Coordinates = "fractions"
    keypoints: tuple[str, ...] = ()
    """Of a pose."""


def score_activation(
    file: ModelFile, scores: TensorSpec, maker: Op | None
) -> tuple[Activation, tuple[str, ...]]:
    """What scores still need, by the op that computes them or by the range that they can take; and a warning.

    Raises ModelError where neither shows it.
    """
    low, high = real_range(scores)
    if maker == _LOGISTIC or are_shares(low, high):
        return "none", ()
    logits = maker == _CONV if scores.dtype.startswith("float") else low < -SHARE_SLACK
    if not logits:
        raise undecided(file, "the scores may be probabilities or logits", "activation (none or sigmoid)")
    return "sigmoid", ("the scores are taken for logits: sigmoid is applied",)


def undecided(file: ModelFile, why: str, key: str) -> ModelError:
    """The error for outputs that are known but for something that a manifest has to say."""
    shapes = " and ".join(f"{spec.dtype} {list(spec.shape)}" for spec in file.outputs)
    return ModelError(
        f"model {file.where} gives {shapes}, like an anchor-free detector, but {why}",
        f"write a model.yaml that says its {key}",
    )
