"""Finds a model's two files, for the CPU and for the Edge TPU, and checks that they are one model."""

from dataclasses import dataclass, replace
from pathlib import Path

from edged.adapters.storage.reading import LoadedModel, UnfitFileError, load_model, translated
from edged.domain.errors import ModelError
from edged.vision.embedded import embedded_labels
from edged.vision.manifest import FileEntry
from edged.vision.specs import difference
from edged.vision.support import check_runnable

_SUFFIX = "_edgetpu"
_TAKE_ONE = "give the path of one .tflite file, or write a model.yaml"


@dataclass(frozen=True, slots=True)
class Twins:
    """A model's files; at least one is there."""

    cpu: LoadedModel | None
    edgetpu: LoadedModel | None
    compiled: bool
    """Whether the file that was asked for is the compiled one."""
    warnings: tuple[str, ...] = ()

    @property
    def leading(self) -> LoadedModel:
        """The file that says what the model is: the CPU's, since a compiled one hides its operators."""
        leading = self.cpu or self.edgetpu
        assert leading is not None  # noqa: S101  one of the two is there by construction
        return leading


def stem(path: Path) -> str:
    """A model's name without what marks its compiled twin."""
    return path.stem.removesuffix(_SUFFIX)


def in_folder(folder: Path) -> Path:
    """The one model in a folder: its CPU file, or its compiled one where that is alone. Raises ModelError."""
    with translated(folder, "model folder"):
        models = sorted(path for path in folder.iterdir() if path.suffix == ".tflite")
    if not models:
        raise ModelError(f"no model in the folder {folder}", "put a .tflite file and a model.yaml there")
    stems = sorted({stem(path) for path in models})
    if len(stems) > 1:
        raise ModelError(f"the folder {folder} holds several models: {', '.join(stems)}", _TAKE_ONE)
    plain = folder / f"{stems[0]}.tflite"
    return plain if plain in models else models[0]


def find_twins(path: Path) -> Twins:
    """The file that was asked for and its twin beside it: `X.tflite` and `X_edgetpu.tflite`."""
    asked = load_model(path)
    compiled = asked.file.compiled
    named = path.stem.endswith(_SUFFIX)
    warnings: tuple[str, ...] = ()
    if named and not compiled:
        warnings = (f"{path.name} is named {_SUFFIX} but not compiled for the Edge TPU: it runs on the CPU",)
    other = path.with_name(f"{stem(path)}.tflite" if named else f"{path.stem}{_SUFFIX}.tflite")
    with translated(other, "model"):
        twin = load_model(other) if other.is_file() else None
    if twin and twin.file.compiled == compiled:
        kind = "compiled, too" if compiled else "not compiled, either"
        warnings, twin = (*warnings, f"{other.name} is left out: it is {kind}"), None
    twins = Twins(twin, asked, True) if compiled else Twins(asked, twin, False)
    return replace(check_twins(twins), warnings=warnings)


def named_twins(folder: Path, cpu: FileEntry | None, edgetpu: FileEntry | None) -> Twins:
    """The files that a manifest names. Raises ModelError where one has another sha256 or is of the other kind."""
    plain, compiled = (
        load_model(folder / entry.path, sha256=entry.sha256) if entry else None for entry in (cpu, edgetpu)
    )
    if plain and plain.file.compiled:
        raise ModelError(
            f"model {plain.path} is compiled for the Edge TPU but its manifest names it as cpu",
            "name it under edgetpu",
        )
    if compiled and not compiled.file.compiled:
        raise ModelError(
            f"model {compiled.path} is not compiled but its manifest names it as edgetpu", "name it under cpu"
        )
    return check_twins(Twins(plain, compiled, compiled is not None))


def check_twins(twins: Twins) -> Twins:
    """The same twins, once their inputs and outputs agree. Raises ModelError where they don't."""
    if not (twins.cpu and twins.edgetpu):
        return twins
    check_runnable(twins.cpu.file)  # that nobody looks for a better twin of what could not run with it either
    for kind in ("inputs", "outputs"):
        ours, theirs = (getattr(model.file, kind) for model in (twins.cpu, twins.edgetpu))
        _refuse(twins.cpu, twins.edgetpu, kind, difference(ours, theirs))
    counts = [len(embedded_labels(model.file.files) or ()) for model in (twins.cpu, twins.edgetpu)]
    _refuse(twins.cpu, twins.edgetpu, "labels", _unlike(counts))
    return twins


def _unlike(counts: list[int]) -> str:
    """How the numbers of labels differ, where both files have labels."""
    return f"{counts[0]} against {counts[1]}" if all(counts) and counts[0] != counts[1] else ""


def _refuse(cpu: LoadedModel, edgetpu: LoadedModel, kind: str, fault: str) -> None:
    if fault:
        raise UnfitFileError(
            f"model {cpu.path} and its twin {edgetpu.path.name} differ in their {kind}: {fault}",
            "compile the twin from this very file, or move one of them away",
        )
