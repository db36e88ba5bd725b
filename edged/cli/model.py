"""`edged model`: looks into models, verifies them, and fetches public ones."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from edged.adapters.storage.bundles import MANIFEST, load_bundle
from edged.adapters.storage.writing import write_bundle
from edged.cli.model_catalogue import list_models, pull
from edged.cli.model_verify import verify
from edged.compose.inference import probe_model
from edged.compose.plans import DEFAULT_LIBRARY, AcceleratorOptions
from edged.config import yamlfile
from edged.domain.errors import DeviceUnavailableError
from edged.vision.bundle import Bundle
from edged.vision.document import manifest_to_mapping
from edged.vision.manifestschema import manifest_schema
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
@click.option(
    "--write",
    "folder",
    type=Path,
    metavar="DIR",
    help="Make a bundle of it: a new folder with its files, its labels and a model.yaml.",
)
@click.option("--library", default=DEFAULT_LIBRARY, show_default=True, help="The Edge TPU library.")
def inspect(path: Path, labels: Path | None, as_json: bool, folder: Path | None, library: str) -> None:
    """Say what the model at PATH (a bundle folder or a .tflite file) is, and how it would be decoded.

    The model is loaded and run once, in a process of its own; one that is compiled for the Edge TPU is only
    read where there is none. Without --json, a manifest that could be its model.yaml is printed too.
    """
    bundle, notes = _as_run(load_bundle(path, labels_file=labels), library)
    written = write_bundle(bundle, folder) if folder else None
    report = describe(replace(bundle, warnings=(*bundle.warnings, *notes)))
    if as_json:
        print(json.dumps(report | ({"written": str(folder)} if written else {})))
        return
    print("\n".join(_lines(report)))
    if written and folder:
        print(f"\nwritten: {folder}\nlook at the comments in {folder / MANIFEST}, then try it:")
        print(f"  edged infer --model {folder} PICTURE")
        return
    print("\nmodel.yaml as far as it is known:\n")
    print(yamlfile.dump(manifest_to_mapping(bundle.manifest)), end="")


@model.command()
def schema() -> None:
    """Print the JSON Schema of a bundle's model.yaml, for editors."""
    print(json.dumps(manifest_schema(), indent=2))


def _as_run(bundle: Bundle, library: str) -> tuple[Bundle, tuple[str, ...]]:
    """The bundle with what only running it shows: shapes after an invoke, and the roles of an SSD's outputs.

    Also what is to be said of this machine, and not of the model.
    """
    use = "cpu" if bundle.cpu else "edgetpu"
    options = AcceleratorOptions(use=use, library=library)  # type: ignore[arg-type]  # one of the two
    try:
        found = probe_model(bundle, options)
    except DeviceUnavailableError as error:
        return bundle, (f"only read, not run: {error}",)
    manifest = replace(bundle.manifest, roles=found.roles)
    warnings = (*bundle.warnings, *found.warnings)
    return replace(bundle, manifest=manifest, outputs=found.outputs, warnings=warnings, undecided=False), ()


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
    lines += _placement(report["placement"])
    lines += [f"  warning: {warning}" for warning in report["warnings"]]
    return lines


def _placement(found: dict[str, Any]) -> list[str]:
    """Which operators run on the Edge TPU and which stay on the CPU."""
    left, there = found["on_cpu"], found["on_edgetpu"]
    here = sum(each["count"] for each in left)
    if found["decided_by"] == "compiler":
        parts = f"{there} compiled part{'' if there == 1 else 's'}"
        rest = f"{here or 'no'} operator{'' if here == 1 else 's'} left on the CPU"
        lines = [f"  Edge TPU: {parts}, {rest}"]
    else:
        would = (
            f"{there} of {there + here} operators could go there" if there else "no operator could go there"
        )
        lines = [
            f"  Edge TPU: not compiled; by the documentation's table {would} (only the compiler decides)"
        ]
    return lines + [f"    on the CPU: {each['count']} x {each['name']}, which {each['why']}" for each in left]
