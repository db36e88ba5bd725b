"""Class indices become names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from edged.domain.errors import ModelError
from edged.vision.manifest import Background
from edged.vision.printable import printable

PLACEHOLDERS = frozenset({"", "???", "n/a"})
"""What label files say where a class has no name."""
_BACKGROUND = frozenset({"background", "__background__", "???"})
_NUMBERED = re.compile(r"\s*(\d{1,6})(?:\s*[:,;=\t]\s*|\s+)(\S.*)")
_PROSE_WORDS = 6


class LabelMismatchError(ModelError):
    """Labels that cannot be those of the model."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Names by class index, and where they came from (`file x.txt`, `embedded x.txt`, `none`)."""

    names: Mapping[int, str] = field(default_factory=dict)
    source: str = "none"
    numbered: bool = False
    """Whether the source gave the indices, instead of counting lines."""

    def name(self, label_id: int) -> str:
        """The label of a class index; `class_7` where nobody named it."""
        name = self.names.get(label_id, "")
        return f"class_{label_id}" if name in PLACEHOLDERS else name

    def __len__(self) -> int:
        return len(self.names)


def parse_labels(text: str, source: str) -> Labels:
    """Reads a label file: a name a line, or an index and a name a line (`0  person`, `1: cat`).

    The indices of a numbered file may have gaps; a blank line of a plain one is a class without a name, as
    TFLite's own readers have it. Prose behind the list, after a blank line, is left out. What cannot be printed
    becomes U+FFFD. Raises ModelError where an index comes twice.
    """
    rows = text.removeprefix("\ufeff").split("\n")
    lines = _without_prose([printable(row.strip("\0 \t\r")).strip() for row in rows])
    pairs = [_NUMBERED.fullmatch(line) for line in lines if line]
    if not pairs or None in pairs:
        return Labels({index: line for index, line in enumerate(lines) if line}, source)
    numbered = [(int(pair[1]), pair[2].strip()) for pair in pairs if pair]
    names = dict(numbered)
    if len(names) < len(numbered):
        raise ModelError(f"labels {source}: an index comes twice", "give each class one line")
    return Labels(names, source, numbered=True)


def _without_prose(lines: list[str]) -> list[str]:
    """The list alone: no blank lines at its end, no notes below it."""
    listed = [index for index, line in enumerate(lines) if line]
    lines = lines[: listed[-1] + 1] if listed else []
    for index, line in enumerate(lines):
        if not line and any(_is_prose(later) for later in lines[index:]):
            return _without_prose(lines[:index])
    return lines


def _is_prose(line: str) -> bool:
    """Whether a line is a sentence or an address rather than a name."""
    words = line.split()
    return "://" in line or (len(words) >= _PROSE_WORDS and line.endswith((".", ":", ";")))


def match_labels(
    labels: Labels, class_count: int | None, where: str, *, background: Background | None = None
) -> tuple[Labels, Background]:
    """The labels by the indices that the model gives, and at which end its class axis has a background.

    `class_count` is the length of the class axis; None where none is visible, as in an SSD's post-processed
    outputs, which never name the background. `background` is what a manifest says of it; None decides by the
    names. Raises LabelMismatchError where the numbers cannot fit; `where` names the model there.
    """
    if not labels.names:
        return labels, background or "none"
    if class_count is None:
        return _without_first(labels) if _leads(labels) and not labels.numbered else labels, "none"
    if labels.numbered:
        _check_numbered(labels, class_count, where)
        return labels, background or background_at(labels, class_count)
    return _match_plain(labels, class_count, where, background)


def _check_numbered(labels: Labels, class_count: int, where: str) -> None:
    """An index is an index: it only has to be on the axis."""
    highest = max(labels.names)
    if highest >= class_count:
        raise LabelMismatchError(
            f"labels {labels.source} go up to index {highest} but model {where} has {class_count} classes, "
            f"0 to {class_count - 1}",
            "number the label file's lines as the model numbers its classes, or use the model's own label file",
        )


def _match_plain(
    labels: Labels, class_count: int, where: str, background: Background | None
) -> tuple[Labels, Background]:
    """Lines are counted: the file may have the background or not, and so may the axis."""
    rows = max(labels.names) + 1
    if rows != class_count and len(labels) in {class_count, class_count - 1}:
        labels = replace(
            labels, names=dict(enumerate(labels.names.values()))
        )  # its blank lines are no classes
        rows = len(labels)
    if rows == class_count:
        return labels, background or background_at(labels, class_count)
    if rows == class_count - 1 and background != "none":
        return labels if background == "last" else _shifted(labels, 1), background or "first"
    if rows == class_count + 1 and background in {None, "none"}:
        if _leads(labels):
            return _without_first(labels), "none"
        if _is_background(labels, class_count):
            return replace(
                labels, names={i: labels.names[i] for i in labels.names if i < class_count}
            ), "none"
    raise LabelMismatchError(
        f"labels {labels.source}: {rows} lines but model {where} has {class_count} classes",
        f"give a label file with {class_count} lines, or {class_count - 1} where only the background is missing",
    )


def background_at(labels: Labels, class_count: int) -> Background:
    """At which end of a class axis of this length the labels name a background."""
    if _leads(labels):
        return "first"
    return "last" if _is_background(labels, class_count - 1) else "none"


def other_background(labels: Labels, class_count: int | None, background: Background) -> tuple[str, ...]:
    """A warning where labels that fit a class axis have their background at the other end of it."""
    if class_count is None or background == "none":
        return ()
    named = background_at(labels, class_count)
    if named in {"none", background}:
        return ()
    return (f"the labels call the {named} class background, but model.yaml says background: {background}",)


def _leads(labels: Labels) -> bool:
    return _is_background(labels, 0)


def _is_background(labels: Labels, index: int) -> bool:
    return labels.names.get(index, "").lower() in _BACKGROUND


def _without_first(labels: Labels) -> Labels:
    return _shifted(labels, -1)


def _shifted(labels: Labels, by: int) -> Labels:
    names = {index + by: name for index, name in labels.names.items() if index + by >= 0}
    return replace(labels, names=names)
