"""What a `model.yaml` says only for some decoders, such as strides, values or key points."""

from collections.abc import Mapping
from typing import Any, TypedDict, get_args

from edged.vision.keypoints import COCO, MOST_KEYPOINTS, named_keypoints
from edged.vision.manifest import (
    OWN_KEYS,
    Blank,
    Collapse,
    Coordinates,
    DecoderName,
    Manifest,
    NmsRule,
    OwnKey,
)
from edged.vision.quantities import plain_quantities, read_quantities
from edged.vision.quantity import Quantity
from edged.vision.section import Section

KEYS: tuple[OwnKey, ...] = get_args(OwnKey)
_NMS_KEYS = ("iou", "per_class")
MAX_STRIDE = 1024


class OwnValues(TypedDict):
    """Their values, by the names that they have in a manifest."""

    strides: tuple[int, ...]
    coordinates: Coordinates
    nms: NmsRule
    values: tuple[Quantity, ...]
    collapse: Collapse
    blank: Blank
    keypoints: tuple[str, ...]


def own_values(top: Section, decoder: DecoderName) -> OwnValues:
    """What is said of them; the defaults, and a note, where they are not for this decoder."""
    own = OWN_KEYS[decoder]
    for key in KEYS:
        if key in top.data and key not in own and top.data.get("decoder") == decoder:
            readers = [name for name, keys in OWN_KEYS.items() if key in keys]
            top.note(key, f"is only for {', '.join(readers)}, not for {decoder}")
    if "strides" in own and top.data.get("strides") is None:
        top.note("strides", f"is missing: {decoder} needs the pixels per cell, such as [8] or [8, 16, 32]")
    return OwnValues(
        strides=top.integers("strides", 1, MAX_STRIDE) if "strides" in own else (),
        coordinates=_coordinates(top) if "coordinates" in own else "fractions",
        nms=_nms(top.section("nms")) if "nms" in own else NmsRule(),
        values=read_quantities(top) if "values" in own else (),
        collapse=top.choice("collapse", get_args(Collapse), "ctc") if "collapse" in own else "ctc",
        blank=_blank(top) if "blank" in own else "none",
        keypoints=_keypoints(top) if "keypoints" in own else (),
    )


def _coordinates(top: Section) -> Coordinates:
    coordinates: Coordinates = top.choice("coordinates", get_args(Coordinates), "fractions")
    return coordinates


def _nms(section: Section) -> NmsRule:
    section.known(_NMS_KEYS)
    iou = section.real("iou")
    if iou is not None and not 0 <= iou <= 1:
        section.note("iou", f"must be from 0 to 1, not {iou}")
    plain = NmsRule()
    return NmsRule(plain.iou if iou is None else iou, section.flag("per_class", default=plain.per_class))


def _blank(top: Section) -> Blank:
    """Which class is no character: exporters differ in it, so that a CTC model has to say it."""
    if top.data.get("blank") is None and top.data.get("collapse", "ctc") == "ctc":
        top.note("blank", "is missing: ctc needs to know which class is the blank, first, last or none")
    blank: Blank = top.choice("blank", get_args(Blank), "none")
    return blank


def _keypoints(top: Section) -> tuple[str, ...]:
    """The names of the points; those of COCO where none are given."""
    value = top.data.get("keypoints")
    if value is None:
        return COCO
    names = named_keypoints(value)
    if names is None:
        top.note("keypoints", f"must be 1 to {MOST_KEYPOINTS} different names of a-z, 0-9, _ and -")
    return names or ()


def plain_own_values(manifest: Manifest) -> Mapping[str, Any]:
    """The same as plain values, in full, so that a person sees what was decided."""
    values = {
        "strides": list(manifest.strides),
        "coordinates": manifest.coordinates,
        "nms": {key: getattr(manifest.nms, key) for key in _NMS_KEYS},
        "values": plain_quantities(manifest.values),
        "collapse": manifest.collapse,
        "blank": manifest.blank,
        "keypoints": list(manifest.keypoints),
    }
    return {key: values[key] for key in OWN_KEYS[manifest.decoder]}
