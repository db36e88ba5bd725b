"""The decoders of values and of text, held against the outputs of their models."""

from collections.abc import Sequence

from edged.domain.tensors import TensorSpec
from edged.vision.agreement import disagreement, output_of, readable
from edged.vision.labels import Labels
from edged.vision.linear import LinearDecoder
from edged.vision.manifest import Manifest
from edged.vision.sequence import SequenceDecoder, steps_and_classes


def make_reading_decoder(
    manifest: Manifest, outputs: Sequence[TensorSpec], labels: Labels
) -> LinearDecoder | SequenceDecoder:
    """The decoder `linear` or `sequence`; ModelError where the outputs are not what the manifest says."""
    if manifest.decoder == "linear":
        return LinearDecoder(manifest, outputs)
    index = output_of(manifest, outputs, "scores")
    spec = readable(manifest, outputs[index])
    return SequenceDecoder(index, spec, labels, classes=check_steps(manifest, spec)[1], manifest=manifest)


def check_steps(manifest: Manifest, spec: TensorSpec) -> tuple[int, int]:
    """T and C of a sequence's output; ModelError where it is none."""
    found = steps_and_classes(spec)
    if found is None:
        raise disagreement(manifest, spec, "a sequence should be [1, T, C], a score for each step and class")
    return found
