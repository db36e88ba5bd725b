"""The models of a configuration, loaded and held against it; every mistake with its line."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from edged.adapters.storage.bundles import load_bundle
from edged.adapters.storage.reading import load_labels
from edged.compose.readings import WITHOUT_LABELS, examine_readings
from edged.config.findings import Finding, InvalidConfiguration
from edged.config.load import Loaded
from edged.config.settings import ModelSettings
from edged.domain.errors import EdgedError
from edged.vision.bundle import Bundle
from edged.vision.labels import PLACEHOLDERS, LabelMismatchError


def load_models(loaded: Loaded) -> Mapping[str, Bundle]:
    """The bundle of each model that a camera uses, by its name in the configuration.

    Raises InvalidConfiguration with everything that is wrong with models and labels.
    """
    bundles, findings = examine_models(loaded)
    if findings:
        raise InvalidConfiguration(findings)
    return bundles


def examine_models(loaded: Loaded) -> tuple[dict[str, Bundle], list[Finding]]:
    """The bundles that load, and a finding for each that does not and each label that its model lacks."""
    bundles: dict[str, Bundle] = {}
    findings: list[Finding] = []
    used = {camera.model for camera in loaded.settings.cameras.values()}
    for name, model in loaded.settings.models.items():
        if name not in used:
            continue
        try:
            bundles[name] = load_bundle(model.path, labels_file=model.labels_file)
        except EdgedError as error:
            key = _key_at_fault(model, error)
            place = loaded.document.place(("models", name, key))
            findings.append(Finding.at(place, f"models.{name}.{key}", error.what, error.fix))
    return bundles, [*findings, *_unknown_labels(loaded, bundles), *examine_readings(loaded, bundles)]


def _key_at_fault(model: ModelSettings, error: EdgedError) -> str:
    """Which of a model's keys an error is about: the label file may be wrong by itself, or be another model's."""
    if model.labels_file is None:
        return "path"
    if isinstance(error, LabelMismatchError):
        return "labels_file"
    try:
        load_labels(model.labels_file)
    except EdgedError as again:
        return "labels_file" if again.what == error.what else "path"
    return "path"


def _unknown_labels(loaded: Loaded, bundles: Mapping[str, Bundle]) -> Iterator[Finding]:
    """A label that the model never gives would be waited for in silence, for ever."""
    for camera, settings in loaded.settings.cameras.items():
        bundle = bundles.get(settings.model)
        if bundle and bundle.manifest.task in WITHOUT_LABELS:
            continue
        known = set(bundle.labels.names.values()) - PLACEHOLDERS if bundle else set()
        for label in settings.label_settings:
            if known and label not in known:
                place = loaded.document.place_key(("cameras", camera, "labels", label))
                near = get_close_matches(label, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(sorted(known)[:8])} …"
                key = f"cameras.{camera}.labels.{label}"
                yield Finding.at(place, key, f"model {settings.model} has no such label", hint)
