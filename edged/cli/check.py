"""`edged check`: what is wrong with a configuration, line by line."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from edged.compose.examine import Verdict, judge
from edged.config.findings import Finding

DEFAULT_FILE = "/etc/edged/edged.yaml"


@click.command()
@click.argument("file", default=DEFAULT_FILE, type=Path)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def check(context: click.Context, file: Path, *, as_json: bool) -> None:
    """Validate the configuration FILE, and conf.d beside it.

    Prints each mistake as FILE:LINE:COL: key: what is wrong (what to write instead).
    Exits 0 if there is no mistake, 78 if there is one, 77 if the file may not be read.
    """
    verdict = judge(file, os.environ)
    click.echo(_as_json(file, verdict) if as_json else _as_text(file, verdict))
    context.exit(verdict.exit_code)


def _as_text(file: Path, verdict: Verdict) -> str:
    counts = [_count(verdict.errors, "error")]
    if verdict.warnings:
        counts.append(_count(verdict.warnings, "warning"))
    return "\n".join([*verdict.lines(), f"{file.name}: {', '.join(counts)}"])


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
