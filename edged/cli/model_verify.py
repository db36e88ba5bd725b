"""`edged model verify`: whether a model's two files are whole, the right ones, and answer alike."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from edged.adapters.storage.checksums import Checked
from edged.cli.model_catalogue import FOLDER
from edged.compose.plans import DEFAULT_LIBRARY, AcceleratorOptions
from edged.compose.verify import Verdict, Verification, Verified, targets
from edged.domain.errors import ExitCode
from edged.vision.parity import OutputParity

VERDICTS: dict[Verdict, str] = {
    "same": "both twins answer alike",
    "differ": "THE FILES DISAGREE",
    "cpu_only": "only the CPU twin ran; it runs and gives finite numbers",
    "edgetpu_only": "only the compiled twin ran; it runs and gives finite numbers",
    "not_run": "only read, not run",
    "not_finite": "IT GIVES NO FINITE NUMBERS",
    "failed": "IT CANNOT BE VERIFIED",
}
SAID = {
    "catalogue": "as the catalogue says",
    "manifest": "as model.yaml says",
    "": "nobody says which it should be",
}
_WIDEST = 40


@click.command()
@click.argument("models", nargs=-1, metavar="[NAME|PATH]...")
@click.option(
    "--into", type=Path, default=FOLDER, show_default=True, metavar="DIR", help="The folder of models."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--use",
    type=click.Choice(["auto", "edgetpu", "cpu"]),
    default="auto",
    help="Whether the compiled twin is run: where an Edge TPU is free, in any case, or not.",
)
@click.option("--library", default=DEFAULT_LIBRARY, show_default=True, help="The Edge TPU library.")
@click.option("--device", default="", help="Which Edge TPU, such as usb:0; empty takes the first.")
@click.option(
    "--deadline",
    default=60.0,
    show_default=True,
    type=click.FloatRange(1, 3600),
    help="Seconds for each process.",
)
def verify(
    models: tuple[str, ...], into: Path, as_json: bool, use: str, library: str, device: str, deadline: float
) -> int:
    """Check models: the sha256 of their files, and whether the CPU's file and the compiled one answer alike.

    NAME is one of `edged model list`, PATH a bundle folder or a .tflite file; without either, all installed
    models are checked. Each file is run on one picture that edged draws, in a process of its own. An Edge TPU
    that another process of edged has is left alone.

    Exits 0 if nothing disagrees, 1 if something does, 69 if an Edge TPU is wanted and not there.
    """
    options = AcceleratorOptions(use=use, library=library, device=device, start_deadline_s=deadline)  # type: ignore[arg-type]  # one of Choice
    found = []
    wanted = targets(models, into)
    verification = Verification(options)
    try:
        for target in wanted:
            verified = verification.verify(target)
            found.append(verified)
            if not as_json:
                print("\n".join(_lines(verified)), flush=True)
    finally:
        verification.close()
    if as_json:
        print(json.dumps({"models": [_record(each) for each in found]}))
    return _exit_code(found)


def _exit_code(found: Sequence[Verified]) -> ExitCode:
    """A disagreement counts more than a model that could not be looked at."""
    codes = [each.exit_code for each in found]
    return ExitCode.CHECK_FAILED if ExitCode.CHECK_FAILED in codes else max(codes)


def _record(verified: Verified) -> dict[str, Any]:
    """One model as plain JSON values."""
    return {
        "name": verified.name,
        "path": str(verified.path),
        "verdict": verified.verdict,
        "fault": verified.fault,
        "files": [
            {"path": str(file.path), "sha256": file.sha256, "by": file.by or None} for file in verified.files
        ],
        "outputs": [asdict(output) for output in verified.outputs],
        "notes": list(verified.notes),
    }


def _lines(verified: Verified) -> list[str]:
    """One model for people."""
    return [
        f"{verified.name}: {VERDICTS[verified.verdict]}",
        *([f"  {verified.fault}"] if verified.fault else []),
        *(_file(file) for file in verified.files),
        *([f"  {'OUTPUT':<{_WIDEST}} {'STEPS':>7} {'REAL VALUE':>11}  VERDICT"] if verified.outputs else []),
        *(_output(output) for output in verified.outputs),
        *(f"  {note}" for note in verified.notes),
    ]


def _file(file: Checked) -> str:
    return f"  {file.path.name}: whole, sha256 {file.sha256[:8]}, {SAID[file.by]}"


def _output(output: OutputParity) -> str:
    steps = "-" if output.steps is None else f"{output.steps:.1f}"
    real = "-" if output.real is None else f"{output.real:.4g}"
    verdict = "same" if output.same else "DIFFERS"
    note = f" ({output.note})" if output.note else ""
    return f"  {output.name[-_WIDEST:]:<{_WIDEST}} {steps:>7} {real:>11}  {verdict}{note}"
