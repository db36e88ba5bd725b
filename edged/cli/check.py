"""`edged check`: what is wrong with a configuration, line by line."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from edged.compose.models import examine_models
from edged.compose.wiring import examine_accelerators
from edged.config.files import check_files
from edged.config.findings import Finding, InvalidConfiguration
from edged.config.load import Loaded, load
from edged.config.password import check_password_file
from edged.domain.errors import ExitCode, PermissionDeniedError

DEFAULT_FILE = "/etc/edged/edged.yaml"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found, and how the command ends."""

    errors: Sequence[Finding] = ()
    warnings: Sequence[Finding] = ()
    exit_code: ExitCode = ExitCode.OK


@click.command()
@click.argument("file", default=DEFAULT_FILE, type=Path)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def check(context: click.Context, file: Path, *, as_json: bool) -> None:
    """Validate the configuration FILE, and conf.d beside it.

    Prints each mistake as FILE:LINE:COL: key: what is wrong (what to write instead).
    Exits 0 if there is no mistake, 78 if there is one, 77 if the file may not be read.
    """
    verdict = judge(file)
    click.echo(_as_json(file, verdict) if as_json else _as_text(file, verdict))
    context.exit(verdict.exit_code)


def judge(file: Path) -> Verdict:
    """Everything that can be said about a configuration without loading a model."""
    try:
        loaded = load(file, os.environ)
    except InvalidConfiguration as error:
        return Verdict(error.findings, (), error.exit_code)
    except PermissionDeniedError as error:
        return Verdict((Finding(str(file), 0, 0, "", error.what, error.fix),), (), error.exit_code)
    errors = _errors(loaded)
    warnings = (*loaded.warnings, *check_password_file(loaded, os.environ))
    return Verdict(errors, warnings, ExitCode.CONFIGURATION if errors else ExitCode.OK)


def _errors(loaded: Loaded) -> tuple[Finding, ...]:
    """Files that are missing, then what is wrong with those models that are there, and with their labels."""
    missing = check_files(loaded)
    known = {finding.key for finding in missing}
    bundles, findings = examine_models(loaded)
    findings += examine_accelerators(loaded, bundles)
    return (*missing, *(finding for finding in findings if finding.key not in known))


def _as_text(file: Path, verdict: Verdict) -> str:
    lines = [str(finding) for finding in verdict.errors]
    lines += [str(_marked(finding)) for finding in verdict.warnings]
    counts = [_count(verdict.errors, "error")]
    if verdict.warnings:
        counts.append(_count(verdict.warnings, "warning"))
    return "\n".join([*lines, f"{file.name}: {', '.join(counts)}"])


def _marked(finding: Finding) -> Finding:
    return Finding(**{**asdict(finding), "message": f"warning: {finding.message}"})


def _count(findings: Sequence[Finding], noun: str) -> str:
    number = len(findings)
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _as_json(file: Path, verdict: Verdict) -> str:
    report = {
        "file": str(file),
        "ok": not verdict.errors,
        "errors": [asdict(finding) for finding in verdict.errors],
        "warnings": [asdict(finding) for finding in verdict.warnings],
    }
    return json.dumps(report, indent=2)
