"""Whether the files exist that a configuration names; looks at names only, opens nothing."""

from collections.abc import Iterator
from pathlib import Path

from edged.config.document import Path as Keys
from edged.config.fields import BUNDLED
from edged.config.findings import Finding
from edged.config.load import Loaded
from edged.config.settings_sources import ImagesSource, Source, VideoSource
from edged.config.translate import key_name
from edged.config.wording import near


def check_files(loaded: Loaded) -> tuple[Finding, ...]:
    """A finding for each model, label, certificate, video or picture file that is not there."""
    findings = (_check(loaded, keys, file) for keys, file in _named_files(loaded))
    return tuple(finding for finding in findings if finding)


def _named_files(loaded: Loaded) -> Iterator[tuple[Keys, Path]]:
    for name, model in loaded.settings.models.items():
        if not str(model.path).startswith(BUNDLED):
            yield ("models", name, "path"), model.path
        if model.labels_file:
            yield ("models", name, "labels_file"), model.labels_file
    tls = loaded.settings.mqtt.tls
    for key in ("ca_file", "cert_file", "key_file"):
        file = getattr(tls, key, None)
        if file:
            yield ("mqtt", "tls", key), file
    for name, camera in loaded.settings.cameras.items():
        for keys, file in _source_files(camera.source):
            yield ("cameras", name, "source", *keys), file


def _source_files(source: Source) -> Iterator[tuple[Keys, Path]]:
    if isinstance(source, VideoSource):
        yield ("path",), source.path
    elif isinstance(source, ImagesSource):
        if isinstance(source.path, Path):
            yield ("path",), source.path
        else:
            yield from ((("path", i), file) for i, file in enumerate(source.path))


def _check(loaded: Loaded, keys: Keys, file: Path) -> Finding | None:
    place = loaded.document.place(keys)
    try:
        if file.exists():
            return None
        siblings = [each.name for each in file.parent.iterdir()] if file.parent.is_dir() else None
    except PermissionError:
        return Finding.at(place, key_name(keys), f"{file} may not be looked at by this user", "run with sudo")
    except OSError as error:
        return Finding.at(place, key_name(keys), f"{file} is no usable path: {error.strerror}")
    return Finding.at(place, key_name(keys), f"there is no {file}", _hint(file, siblings))


def _hint(file: Path, siblings: list[str] | None) -> str:
    if siblings is None:
        return f"the folder {file.parent} does not exist either"
    guess = near(file.name, siblings)
    return f"did you mean {file.parent / guess}?" if guess else ""
