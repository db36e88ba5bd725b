"""What a configuration says of values and texts, held against the models that give them."""

from collections.abc import Iterator, Mapping

from edged.config.findings import Finding
from edged.config.load import Loaded
from edged.config.settings_cameras import CameraSettings, TextSettings, ValueSettings
from edged.config.wording import did_you_mean
from edged.delivery.topics import reading_name
from edged.policy.rules import TEXT, LabelRule, ValueRule, default_interval_s, default_threshold
from edged.vision.bundle import Bundle
from edged.vision.manifest import Manifest, Task

WITHOUT_LABELS: frozenset[Task] = frozenset({"value", "text"})
"""Tasks whose answers are no labels of the model."""
TRACKED: frozenset[Task] = frozenset({"detection", "pose"})
"""Tasks whose answers are objects, with an event for each end of each."""
_CHANGE = 0.01
"""Of a value's range: what counts as a change where nothing else is said."""


def lowest_score(camera: CameraSettings, manifest: Manifest) -> float:
    """What counts on a camera where no label has a rule of its own, 0..1: by the model's task, where nothing is said."""
    return default_threshold(manifest.task) if camera.threshold is None else camera.threshold


def event_interval_s(camera: CameraSettings, manifest: Manifest) -> float:
    """How far events of one thing lie apart at least, in seconds: by the model's task, where nothing is said."""
    said = camera.event_interval_s
    return default_interval_s(manifest.task) if said is None else said


def value_rules(camera: CameraSettings, manifest: Manifest) -> dict[str, ValueRule]:
    """The rule of each value that the model gives, in the manifest's order."""
    rules = {}
    for each in manifest.values:
        said = camera.values.get(each.name, ValueSettings())
        change = each.high * _CHANGE - each.low * _CHANGE if said.change is None else said.change
        rules[each.name] = ValueRule(change, said.smooth, each.unit)
    return rules


def text_rule(camera: CameraSettings, manifest: Manifest) -> LabelRule | None:
    """The rule of the text, by the camera's own threshold; None where the model reads none."""
    if manifest.task != "text":
        return None
    threshold = lowest_score(camera, manifest)
    return LabelRule(threshold, confirm=camera.text.confirm, hold_s=camera.text.hold_s)


def examine_readings(loaded: Loaded, bundles: Mapping[str, Bundle]) -> Iterator[Finding]:
    """A finding for each rule of what the camera's model never gives, and for regions whose readings have one topic."""
    for name, camera in loaded.settings.cameras.items():
        if bundle := bundles.get(camera.model):
            for keys, message, hint in (
                *_mistakes(camera, bundle.manifest),
                *_same_topics(camera, bundle.manifest),
            ):
                place = loaded.document.place_key(("cameras", name, *keys))
                yield Finding.at(place, ".".join(("cameras", name, *keys)), message, hint)


def _names(manifest: Manifest) -> tuple[str, ...]:
    """What the model reads."""
    return (TEXT,) if manifest.task == "text" else tuple(each.name for each in manifest.values)


def _same_topics(camera: CameraSettings, manifest: Manifest) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Key, message and hint where the topic of a region's reading, cut or not, is that of another."""
    taken: dict[str, str] = {}
    for region in camera.regions:
        for name in _names(manifest):
            topic = reading_name(name, region)
            if topic in taken:
                message = f"its {name} would have the topic of {taken[topic]}, reading/{topic}"
                yield ("regions", region), message, "call it otherwise"
            taken.setdefault(topic, f"the {name} of {region}")


def _mistakes(camera: CameraSettings, manifest: Manifest) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Key, message and hint."""
    model, names = camera.model, [each.name for each in manifest.values]
    for value in camera.values:
        if not names:
            yield ("values", value), f"model {model} gives no values", "remove it"
        elif value not in names:
            yield ("values", value), f"model {model} has no such value", did_you_mean(value, names)
    if camera.text != TextSettings() and manifest.task != "text":
        yield ("text",), f"model {model} reads no text", "remove it"
    if camera.event_interval_s is not None and manifest.task in TRACKED:
        yield (
            ("event_interval_s",),
            f"model {model} gives objects, each of which starts and ends",
            "use hold_s",
        )
    if camera.labels and manifest.task in WITHOUT_LABELS:
        answer = "values" if manifest.task == "value" else "a text"
        yield ("labels",), f"model {model} gives {answer} and no labels", "remove it"
