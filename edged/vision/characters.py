"""The labels of a model that reads text: a character each, or a few."""

from dataclasses import replace

from edged.domain.errors import ModelError
from edged.vision.labels import PLACEHOLDERS, LabelMismatchError, Labels
from edged.vision.manifest import Blank

SPACE = "<space>"
"""How a label file writes a space, which it would lose at the end of a line."""
UNKNOWN = "\ufffd"
"""What stands for a class without a label."""


def match_characters(labels: Labels, classes: int, blank: Blank, where: str) -> Labels:
    """The labels by the indices that the model gives.

    The file has a line for each class, or for each but the blank. Raises ModelError where there are none, and
    LabelMismatchError where their number cannot fit; `where` names the model there.
    """
    if not labels.names:
        raise ModelError(
            f"model {where} reads text, but nothing says which of its {classes} classes is which character",
            f"name a label file in model.yaml (labels: labels.txt): a character a line, {SPACE} for a space",
        )
    rows = max(labels.names) + 1
    fits = (
        rows <= classes if labels.numbered else rows == classes or (blank != "none" and rows == classes - 1)
    )
    if not fits:
        lines = f"{classes} lines" if blank == "none" else f"{classes - 1} lines, or {classes} with the blank"
        raise LabelMismatchError(
            f"labels {labels.source}: {rows} lines but model {where} has {classes} classes",
            f"give a label file with {lines}: a character a line, {SPACE} for a space",
        )
    shift = 1 if blank == "first" and rows == classes - 1 and not labels.numbered else 0
    names = {index + shift: written(name) for index, name in labels.names.items()}
    return replace(labels, names=names)


def written(label: str) -> str:
    """The characters that a line of a label file stands for."""
    return " " if label == SPACE else label


def character(labels: Labels, label_id: int) -> str:
    """The characters of a class."""
    name = labels.names.get(label_id, "")
    return UNKNOWN if name in PLACEHOLDERS else name
