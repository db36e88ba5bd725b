"""A bundle's `model.yaml` as text, with a comment at each thing that nobody knows but a person."""

from collections.abc import Iterator, Mapping

from edged.config import yamlfile
from edged.vision.bundle import Bundle
from edged.vision.document import manifest_to_mapping
from edged.vision.doubts import HEAD, doubts
from edged.vision.manifest import Manifest

MODELINE = "# yaml-language-server: $schema=model.schema.json"
"""Where an editor looks for the schema: beside the file."""
_TOP = f"""\
# Written by `edged model inspect --write`. A comment stands where the model's file does not say it: please look there.
# `edged model schema > model.schema.json` in this folder lets an editor check the file:
{MODELINE}
"""
_MISSING: Mapping[str, str] = {
    "cpu": "{name}.tflite",
    "edgetpu": "{name}_edgetpu.tflite",
    "labels": "labels.txt",
    "source": "where it is from",
    "licence": "what may be done with it",
}
"""What a key could hold that there is nothing for."""


def manifest_text(bundle: Bundle, manifest: Manifest) -> str:
    """The file's text; `manifest` is the bundle's, with the names and checksums of the files as they are written."""
    notes = doubts(bundle)
    data = manifest_to_mapping(manifest)
    lines = [_TOP, *_comments(notes.get(HEAD, ()))]
    for key, value in data.items():
        lines += [*_comments(notes.get(key, ())), yamlfile.dump({key: value})]
    for key, example in _MISSING.items():
        if key not in data:
            lines += [
                *_comments(notes.get(key, ())),
                f"#{key}: {example.format(name=_plain(manifest.name))}\n",
            ]
    return "".join(lines)


def _comments(notes: tuple[str, ...]) -> Iterator[str]:
    """Notes as comments; a warning may quote a model's names, which are one line each."""
    yield from (f"# {_plain(note)}\n" for note in notes)


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
