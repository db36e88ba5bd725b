"""A model with all that is needed to run it and to read its answers."""

from dataclasses import dataclass
from pathlib import Path

from edged.domain.tensors import TensorSpec
from edged.vision.labels import Labels
from edged.vision.manifest import Manifest
from edged.vision.placement import NOTHING_PLACED, Placement


@dataclass(frozen=True, slots=True)
class Bundle:
    """A manifest, its files and its labels, agreed with each other."""

    manifest: Manifest
    labels: Labels
    """By the indices that the model gives."""
    cpu: Path | None
    edgetpu: Path | None
    """The compiled twin; at least one of the two is there."""
    cpu_sha256: str
    edgetpu_sha256: str
    """Of the bytes that were read, in hex digits; empty where there is no such file."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    compiled: bool
    """Whether the file that was asked for is the compiled one; for a folder, whether it has one."""
    ops: int
    custom_ops: tuple[str, ...]
    """Of the file that was read for the manifest: the CPU's, or the compiled one where it is alone."""
    placement: Placement = NOTHING_PLACED
    """Of the compiled file where there is one."""
    warnings: tuple[str, ...] = ()
    undecided: bool = False
    """Whether the roles are missing until a calibration invoke shows them (`resolve_ssd_roles`)."""
    has_manifest: bool = False
    """Whether a model.yaml says what it is, so that nothing had to be inferred."""
    labels_file: Path | None = None
    """Where the labels were read from; None where they lie in the model or are missing."""

    @property
    def cpu_sha(self) -> str:
        """The first eight hex digits: enough for people and payloads."""
        return self.cpu_sha256[:8]

    @property
    def edgetpu_sha(self) -> str:
        """The same of the compiled twin."""
        return self.edgetpu_sha256[:8]
