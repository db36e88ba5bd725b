"""Every topic of the contract, and the names that may stand in one."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import TypeAlias

from edged.domain.errors import ConfigurationError

RESERVED_CAMERAS = frozenset({"status", "info", "stats", "problem", "event", "request", "response"})
"""Names that mean something else in the same place of a topic."""
MAX_SLASHES = 7
MAX_BYTES = 256
SlugOf: TypeAlias = Callable[[str, int], str]
"""The slug of a label and its class index."""
ID_LENGTH = 32
ID = f"[a-z0-9_-]{{1,{ID_LENGTH}}}"
"""The pattern of the name of a device, camera, label, model or accelerator."""
_ID = re.compile(ID)
_BELOW_BASE = 4
"""Slashes below the base in the deepest topic, `<base>/<device>/<camera>/reading/<name>`."""
_DEEPEST_BYTES = len("//reading/") + 2 * ID_LENGTH + 1


def as_id(text: str) -> str:
    """A text in the characters of an id, of any length; what is one stays as it is, of some nothing is left."""
    if _ID.fullmatch(text):
        return text
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_-]+", "_", plain).strip("_")


def slug(label: str, label_id: int) -> str:
    """A label as it stands in topics and payloads: `traffic light` gives `traffic_light`.

    Non-ASCII letters lose their accents; one too long is cut and gets `_<label_id>`; one of which nothing
    is left becomes `class_<label_id>`. A slug is its own slug.
    """
    name = as_id(label)
    if not name:
        return f"class_{label_id}"
    return name if len(name) <= ID_LENGTH else _numbered(name, label_id)


def slugs(labels: Mapping[int, str]) -> dict[int, str]:
    """The slugs of a model's labels by class index; one that is already taken gets `_<label_id>`."""
    taken: dict[str, int] = {}
    for label_id, label in sorted(labels.items()):
        name = slug(label, label_id)
        while name in taken:
            name = _numbered(name, label_id)
        taken[name] = label_id
    return {label_id: name for name, label_id in taken.items()}


def slugs_by_name(labels: Mapping[int, str]) -> dict[str, str]:
    """The slug of each label; two classes of the same name share one, two names never do."""
    first: dict[str, int] = {}
    for label_id, label in sorted(labels.items()):
        first.setdefault(label, label_id)
    unique = slugs({label_id: label for label, label_id in first.items()})
    return {label: unique[label_id] for label, label_id in first.items()}


def _numbered(name: str, label_id: int) -> str:
    tail = f"_{label_id}"
    return name[: ID_LENGTH - len(tail)] + tail


class Topics:
    """The topics of one device below one base.

    Raises ConfigurationError for a base or device that cannot stand in a topic, or where the longest topic
    would pass 7 slashes or 256 bytes.
    """

    def __init__(self, base: str, device: str) -> None:
        _check_base(base)
        _check_id("device", device)
        root = f"{base}/{device}"
        if base.count("/") + _BELOW_BASE > MAX_SLASHES:
            raise ConfigurationError(
                f"MQTT base {base!r} leads to topics of more than {MAX_SLASHES} slashes",
                f"use at most {MAX_SLASHES - _BELOW_BASE} slashes in the base",
            )
        if len(root.encode()) + _DEEPEST_BYTES > MAX_BYTES:
            raise ConfigurationError(
                f"MQTT base {base[:40]!r}… leads to topics of more than {MAX_BYTES} bytes",
                "choose a shorter base",
            )
        self.base = base
        self.device = device
        self.status = f"{root}/status"
        self.info = f"{root}/info"
        self.stats = f"{root}/stats"
        self.problem = f"{root}/problem"
        self.event = f"{root}/event"
        self._root = root

    def camera_status(self, camera: str) -> str:
        """Where a camera is `online` or `offline`."""
        return f"{self._camera(camera)}/status"

    def camera_event(self, camera: str) -> str:
        """Where a camera's events go."""
        return f"{self._camera(camera)}/event"

    def camera_frame(self, camera: str) -> str:
        """Where all detections of a frame go, for overlays."""
        return f"{self._camera(camera)}/frame"

    def camera_snapshot(self, camera: str) -> str:
        """Where a picture of a frame goes, with what was found in it."""
        return f"{self._camera(camera)}/snapshot"

    def camera_object(self, camera: str, label: str) -> str:
        """Where the state of one label goes; `label` is a slug."""
        _check_id("label", label)
        return f"{self._camera(camera)}/object/{label}"

    def camera_reading(self, camera: str, name: str) -> str:
        """Where the last value of that name, or the last text, goes."""
        _check_id("reading", name)
        return f"{self._camera(camera)}/reading/{name}"

    def _camera(self, camera: str) -> str:
        check_camera(camera)
        return f"{self._root}/{camera}"


def reading_name(name: str, region: str = "") -> str:
    """The name of a value or text in topics and states: that of its region goes first, and stands for its text."""
    joined = name if not region else region if name == "text" else f"{region}_{name}"
    return joined[:ID_LENGTH]


def check_camera(camera: str) -> None:
    """Raises ConfigurationError for a camera's name that is malformed or has a meaning in topics."""
    _check_id("camera", camera)
    if camera in RESERVED_CAMERAS:
        raise ConfigurationError(f"camera {camera!r}: this name has a meaning in MQTT topics", "rename it")


def _check_id(kind: str, name: str) -> None:
    if not _ID.fullmatch(name):
        raise ConfigurationError(
            f"{kind} {name!r} cannot stand in an MQTT topic",
            f"use 1 to {ID_LENGTH} of a-z, 0-9, _ and -",
        )


def _check_base(base: str) -> None:
    levels = base.split("/")
    if not all(levels) or base.startswith("$") or not base.isprintable() or set(base) & set("+#"):
        raise ConfigurationError(
            f"MQTT base {base!r} is not a topic prefix",
            "use names separated by single slashes, without +, #, a leading $ or a slash at either end",
        )
