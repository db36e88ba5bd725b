"""What a model's file leaves open, by the key of its `model.yaml` that a person should look at."""

from collections.abc import Mapping

from edged.vision.bundle import Bundle
from edged.vision.manifest import OWN_KEYS

HEAD = ""
"""Stands for the key of what belongs to none."""
_WORDS: Mapping[str, tuple[str, ...]] = {
    "labels": ("no labels",),
    "cpu": ("no CPU twin",),
    "edgetpu": ("is left out", "not compiled for"),
    "coordinates": ("coordinates:",),
    "strides": ("distances from the centres of cells",),
    "activation": ("logits", "probabilities"),
    "input": ("frames are taken", "float input", "its description says"),
    "roles": ("which output holds",),
}
"""Words of the warnings, by the keys that they are about."""
_FIT = (
    "not in the file: how frames were brought to this size in training; `stretch` is only the usual way,",
    "`letterbox` and `crop` keep the proportions",
)
_ONE_ANSWER = (
    "taken from one list of scores: if each label holds for itself, this has to be multilabel (docs/models.md)",
)
_NMS = ("not in the file: the usual limit",)
_UNNAMED = ("without labels nobody can tell whether one class is the background: `first` or `last` then",)


def doubts(bundle: Bundle) -> Mapping[str, tuple[str, ...]]:
    """A few lines for each key; nothing but what is missing where a model.yaml has decided."""
    found: dict[str, tuple[str, ...]] = {}
    for warning in bundle.warnings:
        key = next((key for key, words in _WORDS.items() if any(word in warning for word in words)), HEAD)
        found[key] = (*found.get(key, ()), warning)
    if bundle.has_manifest:
        return found
    manifest = bundle.manifest
    if manifest.input.resize == "stretch":
        found["input"] = (*found.get("input", ()), *_FIT)
    if manifest.decoder == "classification":
        found["decoder"] = _ONE_ANSWER
        found |= {} if bundle.labels.names else {"background": _UNNAMED}
    if "nms" in OWN_KEYS[manifest.decoder]:
        found["nms"] = _NMS
    return found
