"""Whether the outputs can play the parts that a manifest gives them."""

from collections.abc import Sequence
from math import prod

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.vision.manifest import Manifest
from edged.vision.passing import SCORE_DTYPES

FIX = "correct decoder and roles in the manifest (`edged model inspect` shows the model's tensors)"


def outputs_of(manifest: Manifest, outputs: Sequence[TensorSpec], roles: Sequence[str]) -> list[int]:
    """Indices of the outputs with these roles, each another; ModelError where that is not so."""
    indices = [output_of(manifest, outputs, role) for role in roles]
    if len(set(indices)) < len(indices):
        raise ModelError(f"model {manifest.name}: one output has two roles", FIX)
    return indices


def output_of(manifest: Manifest, outputs: Sequence[TensorSpec], role: str) -> int:
    """Index of the output with this role; ModelError where there is none."""
    index = dict(manifest.roles).get(role)
    if index is None:
        raise ModelError(f"model {manifest.name}: no output has the role {role}", FIX)
    if not 0 <= index < len(outputs):
        raise ModelError(
            f"model {manifest.name}: {role} should be output {index}, but it has {len(outputs)} outputs", FIX
        )
    return index


def readable(manifest: Manifest, spec: TensorSpec, role: str = "scores") -> TensorSpec:
    """The spec, if what is read here can have its type; else ModelError."""
    if spec.dtype not in SCORE_DTYPES:
        raise disagreement(manifest, spec, f"{role} should be one of {', '.join(sorted(SCORE_DTYPES))}")
    return spec


def score_count(manifest: Manifest, spec: TensorSpec) -> int:
    """How many classes a list of scores has, one or more; ModelError where it is no list or still open."""
    if not spec.shape or prod(spec.shape) != spec.shape[-1] or not spec.shape[-1]:
        raise disagreement(manifest, spec, "scores should have one axis of classes")
    return spec.shape[-1]


def picture_of(manifest: Manifest, picture: TensorSpec | None) -> TensorSpec:
    """The model's input, for decoders that cannot do without; ModelError where nobody gave it."""
    if picture is None:
        raise ModelError(
            f"model {manifest.name}: {manifest.decoder} needs the size of the model's input", FIX
        )
    return picture


def disagreement(manifest: Manifest, spec: TensorSpec, expected: str) -> ModelError:
    """The error for an output that is not what its role says."""
    shape = list(spec.shape)
    return ModelError(f"model {manifest.name}: output {spec.name} is {spec.dtype}{shape}: {expected}", FIX)
