"""`edged model list` and `edged model pull`: public models by name."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from edged.adapters.storage.catalogue import load_catalogue
from edged.adapters.storage.download import Download, Notice, Patience, Progress
from edged.adapters.storage.installing import Installed, install, is_installed
from edged.adapters.storage.mirror import Mirror, mirror_at
from edged.vision.catalogue import Catalogue, Entry

FOLDER = Path("/var/lib/edged/models")
_into = click.option(
    "--into", type=Path, default=FOLDER, show_default=True, metavar="DIR", help="The folder of models."
)


@click.command("list")
@_into
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_models(into: Path, as_json: bool) -> None:
    """Name the public models that `edged model pull` knows, and which of them are in the folder of models."""
    catalogue = load_catalogue()
    models = [_record(entry, into) for entry in catalogue.entries]
    if as_json:
        source = {"repository": catalogue.repository, "commit": catalogue.commit, "url": catalogue.url}
        print(json.dumps({"source": source, "folder": str(into), "models": models}))
        return
    print(f"{'NAME':<26}{'TASK':<16}{'CLASSES':>7}  {'INPUT':<9}{'MB':>5}  {'LICENCE':<12}INSTALLED")
    for record in models:
        print(_row(record))


def _record(entry: Entry, folder: Path) -> dict[str, Any]:
    """An entry as plain JSON values; null is what is not known."""
    return {
        "name": entry.name,
        "task": entry.task,
        "decoder": entry.decoder,
        "classes": entry.classes,
        "labels": entry.labels.path if entry.labels else None,
        "background": entry.background,
        "input": [entry.side, entry.side],
        "bytes": entry.size,
        "licence": entry.licence,
        "cpu": entry.cpu.path,
        "edgetpu": entry.edgetpu.path,
        "installed": is_installed(entry, folder),
    }


def _row(record: dict[str, Any]) -> str:
    """An entry for people."""
    size = "?" if record["bytes"] is None else f"{record['bytes'] / 1e6:.1f}"
    side = "x".join(str(each) for each in record["input"])
    there = {True: "yes", False: "no", None: "?"}[record["installed"]]
    return (
        f"{record['name']:<26}{record['task']:<16}{record['classes']:>7}  {side:<9}{size:>5}  "
        f"{record['licence']:<12}{there}"
    )


@click.command()
@click.argument("name")
@_into
@click.option(
    "--from",
    "source",
    metavar="URL|DIR",
    help="A copy of the repository to take the files from: an address or a folder.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Fetch it anew, and replace the bundle that is there once the new one is whole.",
)
def pull(name: str, into: Path, source: str | None, force: bool) -> None:
    """Fetch the public model NAME as a bundle: both files, labels and a model.yaml with their checksums.

    Each file is checked before it is put in place. What a broken line or Ctrl-C leaves is gone on with by the
    next call.
    """
    catalogue = load_catalogue()
    entry = _entry(catalogue, name)
    mirror = _mirror(source or catalogue.url)
    with _reporting() as (progress, notice):
        done = install(catalogue, entry, into, Download(mirror, Patience(), progress, notice), replaces=force)
    print("\n".join(_lines(entry, done)))


def _entry(catalogue: Catalogue, name: str) -> Entry:
    entry = catalogue.find(name)
    if entry is None:
        near = catalogue.near(name)
        fix = f"did you mean {' or '.join(near)}?" if near else "`edged model list` names all"
        raise click.BadParameter(f"no model {name!r} in the catalogue; {fix}", param_hint="NAME")
    return entry


def _mirror(source: str) -> Mirror:
    try:
        return mirror_at(source)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--from") from error


@contextmanager
def _reporting() -> Iterator[tuple[Progress, Notice]]:
    """Bars on a terminal; elsewhere only what a person should know."""
    if sys.stderr.isatty():
        from edged.cli.progress import bars  # noqa: PLC0415  rich is slow to import and of use only here

        with bars() as both:
            yield both
        return
    yield lambda _name, _have, _total: None, lambda text: print(f"edged: {text}", file=sys.stderr, flush=True)


def _lines(entry: Entry, done: Installed) -> list[str]:
    """What there is now, and how to use it."""
    height, width = done.bundle.inputs[0].shape[1:3]
    what = f"{entry.task}, {width}x{height}, {_count(len(done.bundle.labels))}, licence {entry.licence}"
    if not done.fresh:
        return [f"{entry.name} is already in {done.path}, and its files are those of the catalogue ({what})"]
    warnings = [f"  warning: {warning}" for warning in done.bundle.warnings]
    return [
        f"{entry.name}: {what}",
        *warnings,
        f"try it:  edged infer --model {done.path} PICTURE",
        f"use it:  models: {{{entry.name}: {{path: {done.path}}}}}",
    ]


def _count(labels: int) -> str:
    return "1 label" if labels == 1 else f"{labels} labels"
