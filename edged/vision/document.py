"""`model.yaml` as plain values, both ways; all mistakes are reported together, each with its place."""

import re
from collections.abc import Mapping
from typing import get_args

from edged.domain.errors import ConfigurationError
from edged.vision.manifest import (
    ACTIVATIONS,
    PARTS,
    Activation,
    Background,
    Colour,
    DecoderName,
    FileEntry,
    InputRule,
    Manifest,
    Place,
    Resize,
    Task,
    level_parts,
)
from edged.vision.ownkeys import KEYS as OWN_KEYS
from edged.vision.ownkeys import own_values, plain_own_values
from edged.vision.section import Section, Where, meant

_KEYS = (
    "name", "task", "decoder", "input", "roles", "activation", "background", *OWN_KEYS, "cpu", "edgetpu",
    "labels", "source", "licence",
)  # fmt: skip
_INPUT_KEYS = ("resize", "place", "fill", "colour", "mean", "std")
_TASKS: Mapping[DecoderName, Task] = {
    "ssd": "detection",
    "classification": "classification",
    "binary": "classification",
    "multilabel": "labels",
    "linear": "value",
    "sequence": "text",
    "fcos": "detection",
    "yolov5": "detection",
    "yolov8": "detection",
    "yolov9": "detection",
    "yolov10": "detection",
    "movenet": "pose",
    "yolov8pose": "pose",
    "classmap": "areas",
}
_DEALT_WITH = "whose post-processing has dealt with it"
_OWN_SCORES = "which has a score of its own for each class"
_WHY_NOT: Mapping[DecoderName, str] = {
    "ssd": _DEALT_WITH,
    "binary": "which has one score",
    "multilabel": "whose labels hold each for itself",
    "linear": "which has no scores",
    "sequence": "whose `blank` says which class is no character",
    "fcos": _OWN_SCORES,
    "yolov5": _OWN_SCORES,
    "yolov8": _OWN_SCORES,
    "yolov9": _OWN_SCORES,
    "yolov10": _DEALT_WITH,
    "movenet": "which finds one person",
    "yolov8pose": _OWN_SCORES,
    "classmap": "which takes the best class of each pixel",
}
"""Why these have no background, and most of them no activation."""
_HAVE_BACKGROUND = frozenset({"classification", "classmap"})
_MAX_OUTPUT = 1000
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
KEYS, INPUT_KEYS, TASKS, MAX_OUTPUT = _KEYS, _INPUT_KEYS, _TASKS, _MAX_OUTPUT
WITHOUT_BACKGROUND = frozenset(_TASKS) - _HAVE_BACKGROUND
"""What the schema is made from, too."""


def manifest_from_mapping(data: Mapping[str, object], where: Where) -> Manifest:
    """The manifest that a `model.yaml` says; `where` gives the place of a value by its path.

    Raises ConfigurationError with a line for each mistake.
    """
    top = Section(data, where, (), [])
    manifest = _manifest(top)
    if top.mistakes:
        raise ConfigurationError("\n".join(top.mistakes))
    return manifest


def manifest_to_mapping(manifest: Manifest) -> dict[str, object]:
    """The plain values of a `model.yaml`, without what is left at its default."""
    plain = InputRule()
    rule = {key: getattr(manifest.input, key) for key in _INPUT_KEYS}
    data: dict[str, object] = {
        "name": manifest.name,
        "task": manifest.task,
        "decoder": manifest.decoder,
        "input": {
            key: value for key, value in rule.items() if value != getattr(plain, key) or key == "resize"
        },
        "roles": dict(manifest.roles),
        "activation": manifest.activation,
        "background": manifest.background,
    }
    data |= plain_own_values(manifest)
    for key, entry in (("cpu", manifest.cpu), ("edgetpu", manifest.edgetpu), ("labels", manifest.labels)):
        if entry:
            data[key] = {"path": entry.path} | ({"sha256": entry.sha256} if entry.sha256 else {})
    if not PARTS[manifest.decoder]:
        del data["roles"]
    return data | {key: text for key in ("source", "licence") if (text := getattr(manifest, key))}


def _manifest(top: Section) -> Manifest:
    top.known(_KEYS)
    decoder: DecoderName = top.choice("decoder", tuple(_TASKS))
    by_decoder = top if meant(top.data.get("decoder"), tuple(_TASKS)) else top.unheard()
    task = _task(by_decoder, decoder)
    own = own_values(by_decoder, decoder)
    return Manifest(
        name=top.text("name", required=True),
        task=task,
        decoder=decoder,
        input=_input(top.section("input")),
        roles=_roles(by_decoder, decoder, own["strides"]),
        activation=_activation(by_decoder, decoder),
        background=_background(by_decoder, decoder),
        **own,
        source=top.text("source"),
        licence=top.text("licence"),
        cpu=_file(top, "cpu"),
        edgetpu=_file(top, "edgetpu"),
        labels=_file(top, "labels"),
    )


def _task(top: Section, decoder: DecoderName) -> Task:
    """The task, which may be left out since each decoder has one."""
    task: Task = top.choice("task", get_args(Task), _TASKS[decoder])
    if task != _TASKS[decoder] and top.data.get("decoder") == decoder:
        top.note("task", f"is {task} but the decoder {decoder} is for {_TASKS[decoder]}")
    return task


def _activation(top: Section, decoder: DecoderName) -> Activation:
    """What the scores still need, of what the decoder can apply."""
    activation: Activation = top.choice("activation", get_args(Activation), "none")
    allowed = ACTIVATIONS[decoder]
    if activation not in allowed:
        why = f"must be {' or '.join(allowed)} for {decoder}, not {activation}"
        top.note("activation", _none_for(decoder) if len(allowed) == 1 else why)
    return activation


def _none_for(decoder: DecoderName) -> str:
    return f"must be none for {decoder}, {_WHY_NOT[decoder]}"


def _background(top: Section, decoder: DecoderName) -> Background:
    """Where the background is, which only classes of whole pictures and of pixels have."""
    background: Background = top.choice("background", get_args(Background), "none")
    if background != "none" and decoder not in _HAVE_BACKGROUND:
        top.note("background", _none_for(decoder))
    return background


def _input(section: Section) -> InputRule:
    section.known(_INPUT_KEYS)
    mean, std = section.real("mean"), section.real("std")
    if (mean is None) != (std is None):
        section.note("mean" if std is None else "std", "mean and std go together: give both or none")
    if std is not None and std <= 0:
        section.note("std", f"must be above 0, not {std}")
    return InputRule(
        resize=section.choice("resize", get_args(Resize), "stretch"),
        place=section.choice("place", get_args(Place), "centre"),
        fill=section.integer("fill", 0, 255, 0),
        colour=section.choice("colour", get_args(Colour), "rgb"),
        mean=mean,
        std=std,
    )


def _roles(top: Section, decoder: DecoderName, strides: tuple[int, ...]) -> tuple[tuple[str, int], ...]:
    """Output index of each part that the decoder needs; where it needs one, the first output is the default."""
    parts = PARTS[decoder]
    if not parts:
        if top.data.get("roles") not in (None, {}):
            top.note("roles", f"{decoder} has none")
        return ()
    if len(parts) == 1 and "roles" not in top.data:
        return ((parts[0], 0),)
    section = top.section("roles")
    levels = level_parts(strides)
    if decoder == "yolov9" and set(section.data) & set(levels):
        parts = levels
    section.known(parts)
    missing = [part for part in parts if part not in section.data]
    if missing:
        top.note("roles", f"must say which output holds {', '.join(missing)}")
    roles = tuple((part, section.integer(part, 0, _MAX_OUTPUT, 0)) for part in parts if part in section.data)
    if len({index for _, index in roles}) < len(roles):
        top.note("roles", "two parts cannot be the same output")
    return roles


def _file(top: Section, key: str) -> FileEntry | None:
    """A file of the bundle: its name alone, or `path` and `sha256`."""
    value = top.data.get(key)
    if value is None:
        return None
    if isinstance(value, str):
        return FileEntry(_file_name(top, key), "")
    section = top.section(key)
    section.known(("path", "sha256"))
    path, sha256 = _file_name(section, "path"), section.text("sha256")
    if sha256 and not _SHA256.fullmatch(sha256):
        section.note("sha256", "must be 64 hexadecimal digits")
    return FileEntry(path, sha256.lower())


def _file_name(section: Section, key: str) -> str:
    name = section.text(key, required=True)
    if name in {".", ".."} or set(name) & set("/\\"):
        section.note(key, f"must be the name of a file in the bundle's folder, not {name!r}")
    return name
