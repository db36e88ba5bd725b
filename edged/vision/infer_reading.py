"""Models of the whole frame without a manifest that are no plain classifiers: one value, labels, text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from edged.domain.errors import ModelError
from edged.domain.tensors import TensorSpec
from edged.vision.binary import POSITIVE, yes_and_no
from edged.vision.characters import match_characters, written
from edged.vision.decoding_reading import check_steps
from edged.vision.embedded import Description
from edged.vision.labels import Labels, match_labels
from edged.vision.manifest import Activation, InputRule, Manifest
from edged.vision.modelfile import ModelFile
from edged.vision.passing import SCORE_DTYPES
from edged.vision.quantise import are_shares, real_range
from edged.vision.quantities import place_quantities
from edged.vision.sequence import steps_and_classes
from edged.vision.support import PROBABILITY_OPS, class_count
from edged.vision.yolohead import END_TO_END

_LOGISTIC = 14


@dataclass(frozen=True, slots=True)
class FoundReading:
    """What a manifest would say of such a model, its labels, and what is only taken for so."""

    manifest: Manifest
    labels: Labels
    warnings: tuple[str, ...]


def find_reading(
    file: ModelFile, name: str, rule: InputRule, labels: Labels, description: Description | None
) -> FoundReading | None:
    """A model of one output that says yes or no, gives labels by themselves, or reads text; None for others.

    Raises ModelError for one value that may be anything.
    """
    if len(file.outputs) != 1 or file.outputs[0].dtype not in SCORE_DTYPES:
        return None
    spec = file.outputs[0]
    if spec.shape and prod(spec.shape) == 1:
        return _binary(file, name, rule, labels)
    if class_count(spec) and file.makers[0] == _LOGISTIC:
        return _multilabel(file, name, rule, labels)
    return None if description else _sequence(file, name, rule, labels)


def _binary(file: ModelFile, name: str, rule: InputRule, labels: Labels) -> FoundReading:
    if file.makers[0] != _LOGISTIC:
        raise _one_value(file, name)
    matched = yes_and_no(labels, file.where)
    positive = matched.name(POSITIVE)
    doubt = f"the one output of a sigmoid is taken for the probability of {positive!r} (decoder: binary)"
    manifest = Manifest(name, "classification", "binary", rule, (("scores", 0),))
    return FoundReading(manifest, matched, (doubt,))


def _one_value(file: ModelFile, name: str) -> ModelError:
    """The error for a number of which the file does not say what it measures, with the lines that would."""
    spec = file.outputs[0]
    ends = (0.0, 1.0) if spec.dtype.startswith("float") else real_range(spec)
    entry = f"{{name: value, unit: '', range: {[float(f'{end:.6g}') for end in ends]}}}"
    lines = f"{{name: {json.dumps(name)}, decoder: linear, values: [{entry}]}}"
    return ModelError(
        f"model {file.where} gives {spec.dtype} {list(spec.shape)}, which is one value and no choice between classes",
        f"write a model.yaml with {lines}, in your own name, unit, range and, if it needs one, scale; "
        "or with decoder: binary if it says yes or no",
    )


def _multilabel(file: ModelFile, name: str, rule: InputRule, labels: Labels) -> FoundReading | None:
    """None where the labels name a background: then the classes exclude each other."""
    matched, background = match_labels(labels, class_count(file.outputs[0]), file.where)
    if background != "none":
        return None
    doubt = (
        "a sigmoid gives the scores, so each label is taken to hold for itself (decoder: multilabel): "
        "say decoder: classification in a model.yaml if one label excludes the others"
    )
    manifest = Manifest(name, "labels", "multilabel", rule, (("scores", 0),))
    return FoundReading(manifest, matched, (doubt,))


def _sequence(file: ModelFile, name: str, rule: InputRule, labels: Labels) -> FoundReading | None:
    """Only where each label is one character and there is one class more than labels: CTC, the last its blank."""
    spec = file.outputs[0]
    found, names = steps_and_classes(spec), labels.names
    if found is None or found[0] == 1 or not names or spec.shape == END_TO_END:
        return None
    if set(names) != set(range(found[1] - 1)) or any(len(written(each)) != 1 for each in names.values()):
        return None
    activation, warnings = _activation(file)
    doubt = (
        f"{found[0]} steps of {found[1]} classes, one more than there are characters, are taken for text "
        "(decoder: sequence, collapse: ctc, blank: last)"
    )
    manifest = Manifest(
        name, "text", "sequence", rule, (("scores", 0),), activation, collapse="ctc", blank="last"
    )
    characters = match_characters(labels, found[1], "last", file.where)
    return FoundReading(manifest, characters, (doubt, *warnings))


def _activation(file: ModelFile) -> tuple[Activation, tuple[str, ...]]:
    if file.makers[0] in PROBABILITY_OPS or are_shares(*real_range(file.outputs[0])):
        return "none", ()
    return "softmax", ("the output is taken for logits: softmax is applied to each step",)


def check_reading(manifest: Manifest, outputs: Sequence[TensorSpec], labels: Labels, where: str) -> Labels:
    """The labels of a model whose manifest says `linear` or `sequence`; ModelError where the outputs are others."""
    if manifest.decoder == "linear":
        place_quantities(manifest, outputs)
        return Labels()
    classes = check_steps(manifest, outputs[manifest.role("scores")])[1]
    return match_characters(labels, classes, manifest.blank, where)
