"""The parts list of `edged model verify`: a bundle's files, and what each answers to the golden frame."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from edged.adapters.storage.bundles import load_bundle
from edged.adapters.storage.catalogue import load_catalogue
from edged.adapters.storage.checksums import Checked, check_entry, checksums
from edged.adapters.storage.reading import UnfitFileError, translated
from edged.adapters.system.tpulock import TpuLock
from edged.compose.plans import AcceleratorOptions, accelerator_plan, tpu_is_taken, wants_tpu
from edged.daemon.trial import try_once
from edged.domain.errors import ChildDiedError, DeviceUnavailableError, EdgedError, ExitCode, ModelError
from edged.transport.protocol import LoadedModel
from edged.vision.bundle import Bundle
from edged.vision.catalogue import Entry
from edged.vision.parity import OutputParity, compare, strange

Verdict = Literal["same", "differ", "cpu_only", "edgetpu_only", "not_run", "not_finite", "failed"]
TOO_MANY = "there are too many outputs to compare: nothing but their shapes was"


@dataclass(frozen=True, slots=True)
class Target:
    """A model to be verified, and what it is called."""

    name: str
    path: Path
    entry: Entry | None = None
    """What the catalogue says of it, where it was named or installed by that."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of one model."""

    name: str
    path: Path
    verdict: Verdict
    exit_code: ExitCode
    fault: str = ""
    """What is not as it should be, for people."""
    files: Sequence[Checked] = ()
    outputs: Sequence[OutputParity] = ()
    notes: tuple[str, ...] = ()


def targets(names: Sequence[str], folder: Path) -> list[Target]:
    """What the names mean: models of the catalogue in `folder`, or paths; all that is installed where there are none.

    Raises ModelError where nothing is, PermissionDeniedError where this user may not look.
    """
    found = [_target(name, folder) for name in names] if names else _installed(folder)
    if not found:
        raise ModelError(
            f"no model is installed in {folder}", "fetch one with `edged model pull NAME`, or give a path"
        )
    return found


class Verification:
    """Looks at one model after the other; keeps this machine's Edge TPUs meanwhile, once it has them."""

    def __init__(self, options: AcceleratorOptions) -> None:
        self._options = options
        self._lock = TpuLock()

    def close(self) -> None:
        """Lets others have the Edge TPUs."""
        self._lock.release()

    def verify(self, target: Target) -> Verified:
        """What becomes of a model, whatever is wrong with it. Call from the main thread.

        Raises DeviceUnavailableError where no runtime is there, or no Edge TPU and `use` wants one.
        """
        try:
            return self._verify(target)
        except DeviceUnavailableError:
            raise
        except UnfitFileError as error:
            return Verified(target.name, target.path, "differ", ExitCode.CHECK_FAILED, str(error))
        except ChildDiedError as error:  # what it says to do is about one that is started again
            return Verified(target.name, target.path, "failed", error.exit_code, error.what)
        except EdgedError as error:
            return Verified(target.name, target.path, "failed", error.exit_code, str(error))

    def _verify(self, target: Target) -> Verified:
        if target.entry:
            check_entry(target.entry, target.path)
        bundle = load_bundle(target.path)
        files = checksums(bundle, by_catalogue=target.entry is not None)
        edgetpu, why = self._on_edgetpu(bundle)
        cpu = self._run(bundle, "cpu") if bundle.cpu else None
        verdict, code, fault, outputs = _judged(bundle, cpu, edgetpu)
        silent = cpu and edgetpu and not (cpu.digests and edgetpu.digests)
        notes = tuple(note for note in (why, TOO_MANY if silent else "") if note)
        return Verified(target.name, target.path, verdict, code, fault, files, outputs, notes)

    def _run(self, bundle: Bundle, use: Literal["cpu", "edgetpu"]) -> LoadedModel:
        """One process, ended again when it has told."""
        job = accelerator_plan(replace(self._options, use=use), [bundle]).rungs[0]
        return try_once(job, self._options.start_deadline_s).models[0]

    def _on_edgetpu(self, bundle: Bundle) -> tuple[LoadedModel | None, str]:
        """What the compiled twin says, or why it was not run."""
        wanted = self._options.use == "edgetpu"
        if not (wanted or wants_tpu(self._options, [bundle])):
            return None, "" if bundle.edgetpu else "there is no compiled twin"
        try:
            if bundle.edgetpu and not self._lock.acquire():
                raise tpu_is_taken(self._lock.owner())
            return self._run(bundle, "edgetpu"), ""
        except DeviceUnavailableError as error:
            if wanted:
                raise
            return None, f"the compiled twin was not run: {error.what}"


def _target(name: str, folder: Path) -> Target:
    entry = load_catalogue().find(name)
    return Target(name, folder / name, entry) if entry else Target(name, Path(name))


def _installed(folder: Path) -> list[Target]:
    """The bundles in a folder of models, those of the catalogue and others."""
    with translated(folder, "folder of models"):
        holders = sorted({path.parent for path in folder.glob("*/*.tflite") if path.parent.name[0] != "."})
    return [Target(each.name, each, load_catalogue().find(each.name)) for each in holders]


def _judged(
    bundle: Bundle, cpu: LoadedModel | None, edgetpu: LoadedModel | None
) -> tuple[Verdict, ExitCode, str, Sequence[OutputParity]]:
    decoder = bundle.manifest.decoder
    fault = next((words for seen in (cpu, edgetpu) if seen and (words := strange(decoder, seen))), "")
    if fault:
        return "not_finite", ExitCode.CHECK_FAILED, fault, ()
    if cpu and edgetpu:
        parity = compare(decoder, cpu, edgetpu)
        code = ExitCode.OK if parity.same else ExitCode.CHECK_FAILED
        return "same" if parity.same else "differ", code, parity.fault, parity.outputs
    return "cpu_only" if cpu else "edgetpu_only" if edgetpu else "not_run", ExitCode.OK, "", ()
