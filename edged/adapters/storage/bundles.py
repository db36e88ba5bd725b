"""Loads a model from a bundle's folder or from a bare .tflite file, and finds the models that ship with us."""

import importlib.resources
from dataclasses import replace
from pathlib import Path

from edged.adapters.storage.reading import (
    LoadedLabels,
    LoadedModel,
    load_labels,
    translated,
)
from edged.adapters.storage.twins import Twins, find_twins, in_folder, named_twins, stem
from edged.config import yamlfile
from edged.config.fields import BUNDLED
from edged.domain.errors import ModelError
from edged.vision.bundle import Bundle
from edged.vision.document import manifest_from_mapping
from edged.vision.embedded import embedded_labels
from edged.vision.infer import Inferred, check_manifest, infer_manifest
from edged.vision.labels import Labels
from edged.vision.manifest import FileEntry, Manifest
from edged.vision.placement import place

__all__ = ["Bundle", "bundled", "load_bundle"]

MANIFEST = "model.yaml"
_REPOSITORY = Path(__file__).resolve().parents[3]


def load_bundle(path: Path, *, labels_file: Path | None = None) -> Bundle:
    """The model at `path`, a folder, a .tflite file or `bundled:NAME`; `labels_file` replaces its own labels.

    Raises ModelError, ConfigurationError or PermissionDeniedError.
    """
    if str(path).startswith(BUNDLED):
        path = bundled(str(path).removeprefix(BUNDLED))
    with translated(path, "model"):
        folder = path.parent if path.name == MANIFEST else path
        is_folder = folder.is_dir()
        has_manifest = is_folder and (folder / MANIFEST).exists()
    if has_manifest:
        return _with_manifest(folder, labels_file)
    return _without_manifest(in_folder(folder) if is_folder else path, labels_file, own_folder=is_folder)


def bundled(name: str) -> Path:
    """The folder of a model that ships with the package, or with the checkout that we run from.

    Raises ModelError where there is none of that name.
    """
    shipped = importlib.resources.files("edged") / "bundled" / name
    for folder in (Path(str(shipped)), _REPOSITORY / "models" / name):
        if name.isalnum() and folder.is_dir():
            return folder
    raise ModelError(f"no model {name} ships with edged", "use bundled:testcard, or give a model's path")


def _with_manifest(folder: Path, labels_file: Path | None) -> Bundle:
    document = yamlfile.read(folder / MANIFEST)
    manifest = manifest_from_mapping(document.data, document.where)
    twins = _manifest_twins(folder, manifest)
    beside = None
    if labels_file is None and manifest.labels:
        beside = load_labels(folder / manifest.labels.path, sha256=manifest.labels.sha256)
    elif labels_file is not None:
        beside = load_labels(labels_file)
    labels = beside.labels if beside else _embedded(twins)
    bundle = _bundle(twins, check_manifest(manifest, twins.leading.file, labels), beside)
    return replace(bundle, has_manifest=True)


def _manifest_twins(folder: Path, manifest: Manifest) -> Twins:
    """The files that the manifest names; the folder's only model where it names none."""
    if manifest.cpu is None and manifest.edgetpu is None:
        return find_twins(in_folder(folder))
    return named_twins(folder, manifest.cpu, manifest.edgetpu)


def _without_manifest(path: Path, labels_file: Path | None, *, own_folder: bool) -> Bundle:
    twins = find_twins(path)
    beside = load_labels(labels_file) if labels_file else None
    embedded = None if beside else _embedded(twins)
    if beside is None and (own_folder or embedded is None):
        found = _labels_beside(path, own_folder=own_folder)
        beside = load_labels(found) if found else None
    inferred = infer_manifest(twins.leading.file, stem(path), beside.labels if beside else embedded)
    listed = beside if beside and beside.path.parent == path.parent else None
    manifest = replace(
        inferred.manifest, cpu=_entry(twins.cpu), edgetpu=_entry(twins.edgetpu), labels=_entry(listed)
    )
    if own_folder and twins.edgetpu:
        twins = replace(twins, compiled=True)
    return _bundle(twins, replace(inferred, manifest=manifest), beside)


def _labels_beside(path: Path, *, own_folder: bool) -> Path | None:
    """A label file in the model's folder: by its name, or as the only text of a folder of its own."""
    with translated(path.parent, "folder"):
        for name in (f"{stem(path)}.txt", "labels.txt"):
            if path.with_name(name).is_file():
                return path.with_name(name)
        texts = [text for text in path.parent.iterdir() if text.suffix == ".txt"] if own_folder else []
    return texts[0] if len(texts) == 1 else None


def _embedded(twins: Twins) -> Labels | None:
    """Labels inside the CPU's file or inside its twin."""
    for model in (twins.cpu, twins.edgetpu):
        labels = embedded_labels(model.file.files) if model else None
        if labels:
            return labels
    return None


def _entry(found: LoadedModel | LoadedLabels | None) -> FileEntry | None:
    return FileEntry(found.path.name, found.sha256) if found else None


def _bundle(twins: Twins, inferred: Inferred, beside: LoadedLabels | None) -> Bundle:
    leading = twins.leading.file
    decided = twins.edgetpu.file if twins.edgetpu else leading
    alone = () if twins.cpu else ("there is no CPU twin: nothing to fall back to when the Edge TPU is lost",)
    return Bundle(
        manifest=inferred.manifest,
        labels=inferred.labels,
        cpu=twins.cpu.path if twins.cpu else None,
        edgetpu=twins.edgetpu.path if twins.edgetpu else None,
        cpu_sha256=twins.cpu.sha256 if twins.cpu else "",
        edgetpu_sha256=twins.edgetpu.sha256 if twins.edgetpu else "",
        inputs=leading.inputs,
        outputs=leading.outputs,
        compiled=twins.compiled,
        ops=leading.ops,
        custom_ops=leading.custom_ops,
        placement=place(decided.operators),
        warnings=twins.warnings + inferred.warnings + alone,
        undecided=inferred.undecided,
        labels_file=beside.path if beside else None,
    )
