"""`edged infer`: the daemon's fit, model and decoder on pictures."""

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from edged.adapters.storage.bundles import load_bundle
from edged.cli.answers import as_lines, as_record
from edged.cli.drawing import Drawer
from edged.cli.regions import regions_of
from edged.compose.inference import infer_pictures
from edged.compose.plans import DEFAULT_LIBRARY, AcceleratorOptions
from edged.daemon.inference import Answer
from edged.domain.errors import ChildDiedError, EdgedError, ExitCode
from edged.domain.regions import Region
from edged.vision.bundle import Bundle
from edged.vision.manifest import Task
from edged.vision.raw import explain

DEFAULT_THRESHOLDS: dict[Task, float] = {
    "detection": 0.3,
    "classification": 0.0,
    "labels": 0.3,
    "value": 0.0,
    "text": 0.0,
    "pose": 0.3,
    "areas": 0.01,
}


def _a_number(_context: click.Context, _option: click.Parameter, value: float | None) -> float | None:
    """Refuses `nan`, which no range does."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("is not a number")
    return value


@click.command()
@click.option("--model", "model_path", required=True, type=Path, help="Bundle folder or .tflite file.")
@click.option("--labels", type=Path, help="Label file to use instead of the one that the model brings.")
@click.option("--top", default=5, type=click.IntRange(1, 1000), help="Classes a classifier reports.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    callback=_a_number,
    help="Lowest score that is reported; by default 0.3, 0 for classes and 0.01 for areas.",
)
@click.option(
    "--region",
    "regions",
    multiple=True,
    callback=regions_of,
    metavar="NAME=x,y,w,h",
    help="Show the model this part of each picture, in fractions of it; may be given several times.",
)
@click.option("--raw", is_flag=True, help="Show integers, dequantised values and what became of them.")
@click.option(
    "--draw", "place", type=Path, help="Draw what was found over copies: a PNG or JPEG file, or a folder."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--use", type=click.Choice(["auto", "edgetpu", "cpu"]), default="auto", help="What runs it.")
@click.option("--library", default=DEFAULT_LIBRARY, show_default=True, help="The Edge TPU library.")
@click.option("--device", default="", help="Which Edge TPU, such as usb:0; empty takes the first.")
@click.argument("images", nargs=-1, required=True, type=Path)
def infer(
    model_path: Path,
    labels: Path | None,
    top: int,
    threshold: float | None,
    regions: tuple[Region, ...],
    raw: bool,
    place: Path | None,
    as_json: bool,
    use: str,
    library: str,
    device: str,
    images: tuple[Path, ...],
) -> int:
    """Run a model on IMAGES, as the daemon would run it on frames.

    Goes on after a picture that cannot be read, and ends with exit code 1 then.
    """
    bundle = load_bundle(model_path, labels_file=labels)
    drawer = Drawer(place, images, bundle, regions) if place else None
    report = _Report(images, bundle, as_json=as_json, raw=raw, drawer=drawer)
    options = AcceleratorOptions(use=use, library=library, device=device)  # type: ignore[arg-type]  # one of Choice
    infer_pictures(
        bundle,
        images,
        options=options,
        threshold=DEFAULT_THRESHOLDS[bundle.manifest.task] if threshold is None else threshold,
        top_k=top,
        reader=report,
        regions=regions,
    )
    failed = drawer.finish(report.notice) if drawer else 0
    return ExitCode.CHECK_FAILED if report.skipped or failed else ExitCode.OK


class _Report:
    """Prints answers as they come."""

    def __init__(
        self, images: Sequence[Path], bundle: Bundle, *, as_json: bool, raw: bool, drawer: Drawer | None
    ) -> None:
        self._images = images
        self._manifest = bundle.manifest
        self._warnings = list(bundle.warnings)
        self._as_json = as_json
        self._raw = raw
        self._drawer = drawer
        self.skipped = 0

    def notice(self, text: str) -> None:
        """A line for people."""
        print(f"edged: {text}", file=sys.stderr, flush=True)

    def skip(self, index: int, error: EdgedError) -> None:
        """One picture has no answer; only the error of a picture itself names it."""
        self.skipped += 1
        lost = isinstance(error, ChildDiedError)
        self.notice(f"{self._images[index]}: {error}" if lost else str(error))

    def answer(self, answer: Answer) -> None:
        """One picture is answered; what is questionable about the model is said with the first."""
        while self._warnings:
            self.notice(self._warnings.pop(0))
        record = as_record(str(self._images[answer.index]), self._manifest, answer)
        if self._drawer:
            self._drawer.answer(answer)
        if self._raw:
            record["raw"] = explain(answer.outputs, answer.specs, self._manifest)
        if self._as_json:
            print(json.dumps(record), flush=True)
        else:
            print("\n".join(as_lines(record)), flush=True)
