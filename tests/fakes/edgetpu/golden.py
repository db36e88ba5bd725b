"""Teaches the fake Edge TPU what a CPU file answers to the golden frame, so that its compiled twin answers alike."""

from collections.abc import Sequence
from pathlib import Path

from edged.adapters.storage.bundles import load_bundle
from edged.vision.golden import golden_input
from tests.fakes.edgetpu.compile import record


def record_golden(model: Path, folder: Path, *, tensors: Sequence[int] = ()) -> None:
    """Records it for `output=known` or `output=replay` with `replay_dir=folder`.

    `model` is a file or a bundle's folder; `tensors` are `Compiled.crossing`, which may be left out for a model
    that went to the chip as a whole.
    """
    bundle = load_bundle(model)
    assert bundle.cpu
    record(bundle.cpu, folder, [golden_input(bundle.inputs[0], bundle.manifest.input)], tensors=tensors)
