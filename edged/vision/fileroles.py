"""Which of an SSD's four outputs holds the boxes, classes, scores and count, as far as its file shows it.

The graph knows it where the file shows the post-processing op; else the outputs' names do, by the two orders in
which TensorFlow's exporters number them; else one calibration invoke has to show it (`roles.py`).
"""

import re
from collections.abc import Mapping, Sequence

from edged.domain.tensors import TensorSpec
from edged.vision.graph import POSTPROCESS_OP
from edged.vision.modelfile import ModelFile
from edged.vision.roles import PARTS, Roles, parts_by_shape, shape_fault

_NAMED = re.compile(rf"({POSTPROCESS_OP}|StatefulPartitionedCall|PartitionedCall)(?::(\d+))?")
_BY_NUMBER: Mapping[str, Mapping[str, int]] = {
    "boxes": {"tf1": 0, "tf2": 3},
    "classes": {"tf1": 1, "tf2": 2},
    "scores": {"tf1": 2, "tf2": 1},
    "count": {"tf1": 3, "tf2": 0},
}


def known_roles(file: ModelFile) -> Roles | None:
    """The roles as far as the file itself shows them; None where an invoke has to."""
    if file.postprocess:
        return tuple(zip(PARTS, file.postprocess, strict=True))
    roles = _roles_by_name(file.outputs)
    return roles if roles and not shape_fault(roles, [spec.shape for spec in file.outputs]) else None


def could_be_ssd(file: ModelFile) -> bool:
    """Whether the outputs are those of a detector with its post-processing."""
    if file.postprocess:
        return True
    shapes = [spec.shape for spec in file.outputs]
    if len(shapes) != len(PARTS):
        return False
    if not any(shapes):
        return POSTPROCESS_OP in file.custom_ops or _roles_by_name(file.outputs) is not None
    return parts_by_shape(shapes) is not None


def _roles_by_name(outputs: Sequence[TensorSpec]) -> Roles | None:
    """The roles by the numbers in the outputs' names."""
    found = [_NAMED.fullmatch(spec.name) for spec in outputs]
    if len(found) != len(PARTS) or None in found:
        return None
    names = {match[1] for match in found if match}
    place = {int(match[2] or 0): index for index, match in enumerate(found) if match}
    if len(names) != 1 or set(place) != set(range(len(PARTS))):
        return None
    order = "tf1" if POSTPROCESS_OP in names else "tf2"
    return tuple((part, place[_BY_NUMBER[part][order]]) for part in PARTS)
