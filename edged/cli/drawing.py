"""`edged infer --draw`: where each picture goes, and what is drawn over it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from edged.compose.drawing import Drawing, draw_pictures
from edged.daemon.inference import Answer
from edged.domain.regions import Region
from edged.vision.bundle import Bundle
from edged.vision.fit import plan_frame
from edged.vision.overlay import Overlay, merged, observed_overlay

SUFFIXES = (".png", ".jpg", ".jpeg")


def targets(place: Path, pictures: Sequence[Path]) -> list[Path]:
    """The file that each picture is drawn into, `place` itself or one in the folder `place`, which is made.

    Raises click.BadParameter where one would be a picture that was given, or two would be the same.
    """
    one_file = len(set(pictures)) == 1 and not place.is_dir() and place.suffix.lower() in SUFFIXES
    if one_file:
        chosen = [place] * len(pictures)
    else:
        _make_folder(place, several=len(set(pictures)) > 1)
        chosen = [place / f"{picture.stem}{_suffix(picture)}" for picture in pictures]
    _check(chosen, pictures)
    return chosen


def _suffix(picture: Path) -> str:
    """What a picture is drawn as: as what it is, or PNG."""
    return picture.suffix if picture.suffix.lower() in SUFFIXES else ".png"


def _make_folder(place: Path, *, several: bool) -> None:
    if place.suffix and not place.is_dir():
        wanted = "name a folder for several pictures" if several else f"a file ends in {', '.join(SUFFIXES)}"
        raise _refused(f"{place} is no folder: {wanted}")
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(f"{place}: {(error.strerror or str(error)).lower()}") from error


def _check(chosen: Sequence[Path], pictures: Sequence[Path]) -> None:
    """Refuses to write over a source, or twice to one file."""
    sources = {picture.resolve() for picture in pictures}
    taken: dict[Path, Path] = {}
    for target, picture in zip(chosen, pictures, strict=True):
        if target.resolve() in sources:
            raise _refused(f"{target} is one of the pictures: draw elsewhere")
        if taken.setdefault(target.resolve(), picture.resolve()) != picture.resolve():
            raise _refused(f"two pictures would be drawn into {target}: draw them one by one")
        if not target.parent.is_dir():
            raise _refused(f"there is no folder {target.parent}")


def _refused(why: str) -> click.BadParameter:
    return click.BadParameter(why, param_hint="--draw")


class Drawer:
    """Keeps what is to be drawn until all pictures are answered."""

    def __init__(
        self, place: Path, pictures: Sequence[Path], bundle: Bundle, regions: Sequence[Region] = ()
    ) -> None:
        """Raises click.BadParameter, see `targets`."""
        self._targets = targets(place, pictures)
        self._pictures = pictures
        self._bundle = bundle
        self._regions = {region.name: region.box for region in regions}
        self._drawings: dict[int, Drawing] = {}
        self._overlay = Overlay()
        """Of the picture whose answers come; those of its regions follow one another."""

    def answer(self, answer: Answer) -> None:
        """One picture is answered, or another part of it."""
        overlay = self._overlay_of(answer)
        begun = answer.index in self._drawings
        self._overlay = merged(self._overlay if begun else Overlay(), overlay)
        source, target = self._pictures[answer.index], self._targets[answer.index]
        self._drawings[answer.index] = Drawing.of(source, target, self._overlay)

    def finish(self, notice: Callable[[str], None]) -> int:
        """Draws every picture that was answered; the number of those that failed."""
        return draw_pictures(list(self._drawings.values()), notice) if self._drawings else 0

    def _overlay_of(self, answer: Answer) -> Overlay:
        manifest, observation = self._bundle.manifest, answer.observation
        region = self._regions.get(observation.region)
        plan = plan_frame(observation.frame.shape, self._bundle.inputs[0], manifest.input, region)
        return observed_overlay(observation, answer.outputs, answer.specs, manifest, plan)
