"""Where a camera's frames come from."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Tag

from edged.config.fields import FilePath, Section, Size, kind_of, setting

SOURCE_TYPES = ("picamera2", "video", "images", "pattern")
LATER_SOURCE_TYPES = ("v4l2", "rtsp")
"""Known to the design, but not to this version."""


class Picamera2Source(Section):
    """A camera on the ribbon cable or on USB, through libcamera."""

    type: Literal["picamera2"] = setting("A camera that libcamera knows.")
    camera: int | str = setting(
        "Which camera: its Id as `rpicam-hello --list-cameras` lists it, or its number counted from 0.",
        0,
        example="/base/soc/i2c0mux/i2c@1/imx708@1a",
    )
    size: Size = setting(
        "Width and height of the frames in pixels, both even.", (1280, 720), example=[640, 480]
    )
    fps: float = setting("Frames per second that the sensor delivers.", 15.0, gt=0, le=240, example=30)
    rotate: Literal[0, 180] = setting(
        "Degrees by which the picture is turned, for a camera that hangs upside down.", 0, example=180
    )


class VideoSource(Section):
    """A recording in a video file."""

    type: Literal["video"] = setting("A recording in a file.")
    path: FilePath = setting("The video file.", example="/var/lib/edged/recordings/front.mp4")
    loop: bool = setting("Begin again at the end instead of ending.", default=False, example=True)
    realtime: bool = setting(
        "Play at the speed of the recording; false takes every frame as fast as it is processed.",
        default=True,
        example=False,
    )


class ImagesSource(Section):
    """Pictures in a folder or a list, in order."""

    type: Literal["images"] = setting("Pictures in files.")
    path: Annotated[
        Annotated[FilePath, Tag("<one>")] | Annotated[tuple[FilePath, ...], Tag("<many>")],
        Discriminator(kind_of("<one>", "<one>", "<many>")),
    ] = setting(
        "A folder, whose pictures are taken by name, or a list of files.", example="/var/lib/edged/pictures"
    )
    loop: bool = setting("Begin again at the end instead of ending.", default=False, example=True)
    fps: float = setting("Pictures per second.", 1.0, gt=0, le=240, example=5)


class PatternSource(Section):
    """A drawn test picture with moving shapes; needs no camera."""

    type: Literal["pattern"] = setting("A drawn scene, for trying things out.")
    scene: Literal["cards", "colours"] = setting(
        "What is drawn: test cards for the bundled model testcard, or shapes for the model colours.", "cards"
    )
    size: Size = setting(
        "Width and height of the frames in pixels, both even.", (640, 480), example=[320, 240]
    )
    fps: float = setting("Frames per second.", 15.0, gt=0, le=240, example=30)
    seed: int = setting(
        "Which scene is drawn: the same number draws the same one.", 0, ge=0, le=2**31, example=7
    )
    frames: int | None = setting(
        "End after so many frames; without it the scene never ends.", None, ge=1, example=100
    )


def _source_type(value: Any) -> str | None:
    name = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"<{name}>" if name in SOURCE_TYPES else None


Source: TypeAlias = Annotated[
    Annotated[Picamera2Source, Tag("<picamera2>")]
    | Annotated[VideoSource, Tag("<video>")]
    | Annotated[ImagesSource, Tag("<images>")]
    | Annotated[PatternSource, Tag("<pattern>")],
    Discriminator(_source_type),
]
