"""`edged model`: looks into models, verifies them, and fetches public ones."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from edged.adapters.storage.bundles import load_bundle
from edged.cli.model_catalogue import list_models, pull
from edged.cli.model_verify import verify
from edged.compose.inference import probe_model
from edged.compose.plans import DEFAULT_LIBRARY, AcceleratorOptions
from edged.domain.errors import DeviceUnavailableError
from edged.vision.bundle import Bundle
from edged.vision.document import manifest_to_mapping
from edged.vision.report import describe


@click.group()
def model() -> None:
    """Look into model files and bundles, verify them, and fetch public ones."""


model.add_command(list_models)
model.add_command(pull)
model.add_command(verify)


@model.command()
@click.argument("path", type=Path)
@click.option("--labels", type=Path, help="Label file to use instead of the one that the model brings.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--library", default=DEFAULT_LIBRARY, show_default=True, help="The Edge TPU library.")
def inspect(path: Path, labels: Path | None, as_json: bool, library: str) -> None:
    """Say what the model at PATH (a bundle folder or a .tflite file) is, and how it would be decoded.

    The model is loaded and run once, in a process of its own; one that is compiled for the Edge TPU is only
    read where there is none. Without --json, a manifest that could be its model.yaml is printed too.
    """
    bundle = _as_run(load_bundle(path, labels_file=labels), library)
    report = describe(bundle)
    if as_json:
        print(json.dumps(report))
        return
    print("\n".join(_lines(report)))
    print("\nmodel.yaml as far as it is known:\n")
    print("\n".join(_yaml(manifest_to_mapping(bundle.manifest))))


def _as_run(bundle: Bundle, library: str) -> Bundle:
    """The bundle with what only running it shows: shapes after an invoke, and the roles of an SSD's outputs."""
    use = "cpu" if bundle.cpu else "edgetpu"
    options = AcceleratorOptions(use=use, library=library)  # type: ignore[arg-type]  # one of the two
    try:
        found = probe_model(bundle, options)
    except DeviceUnavailableError as error:
        warning = f"only read, not run: {error}"
        return replace(bundle, warnings=(*bundle.warnings, warning))
    manifest = replace(bundle.manifest, roles=found.roles)
    warnings = (*bundle.warnings, *found.warnings)
    return replace(bundle, manifest=manifest, outputs=found.outputs, warnings=warnings, undecided=False)


def _lines(report: dict[str, Any]) -> list[str]:
    """The report for people."""
    lines = [
        f"{report['name']}: {report['task']}, decoded as {report['decoder']}"
        + (", compiled for the Edge TPU" if report["compiled"] else "")
    ]
    for side in ("inputs", "outputs"):
        for spec in report[side]:
            quantised = f", scale {spec['scale']:g}, zero point {spec['zero_point']}" if spec["scale"] else ""
            lines.append(f"  {side[:-1]}: {spec['name']} {spec['dtype']}{spec['shape']}{quantised}")
    lines.append(f"  labels: {report['labels']['count']} ({report['labels']['source']})")
    lines += [f"  warning: {warning}" for warning in report["warnings"]]
    return lines


def _yaml(mapping: dict[str, Any], indent: str = "") -> list[str]:
    """A mapping of plain values as YAML; JSON's scalars are YAML's."""
    lines = []
    for key, value in mapping.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", *_yaml(value, indent + "  ")]
        else:
            lines.append(f"{indent}{key}: {json.dumps(value)}")
    return lines
