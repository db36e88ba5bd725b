"""From a camera's `source` section to the adapter that reads it; SDKs are imported only where they are used."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edged.domain.errors import ConfigurationError
from edged.ports import Camera


def make_camera(source: Mapping[str, Any]) -> Camera:
    """The camera that a source section describes, not yet opened. Raises ConfigurationError."""
    options = dict(source)
    kind = options.pop("type")
    match kind:
        case "pattern":
            return _pattern(options)
        case "images":
            return _images(options)
        case "video":
            return _video(options)
        case "picamera2":
            return _picamera2(options)
    raise ConfigurationError(f"source type {kind!r} is unknown", "use picamera2, video, images or pattern")


def _pattern(options: dict[str, Any]) -> Camera:
    from edged.adapters.cameras.pattern import PatternCamera  # noqa: PLC0415  one child, one kind of camera

    return PatternCamera(**{**options, "size": tuple(options["size"])})


def _images(options: dict[str, Any]) -> Camera:
    from edged.adapters.cameras.images import ImagesCamera  # noqa: PLC0415  one child, one kind of camera
    from edged.adapters.pixels.opencv import prepare  # noqa: PLC0415  OpenCV only where pictures are decoded

    prepare()
    path = options.pop("path")
    source = Path(path) if isinstance(path, str) else [Path(each) for each in path]
    return ImagesCamera(source=source, **options)


def _video(options: dict[str, Any]) -> Camera:
    from edged.adapters.cameras.video import VideoCamera  # noqa: PLC0415  one child, one kind of camera

    return VideoCamera(**{**options, "path": Path(options["path"])})


def _picamera2(options: dict[str, Any]) -> Camera:
    from edged.adapters.cameras.picamera2 import Picamera2Camera  # noqa: PLC0415  one child, one kind of camera

    return Picamera2Camera(**{**options, "size": tuple(options["size"])})
