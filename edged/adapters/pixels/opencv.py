"""OpenCV: frames into input tensors, picture files into pixels, pixels into JPEG."""

from collections import OrderedDict
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.adapters.pixels.files import read_picture_file
from edged.adapters.pixels.headers import png_is_whole
from edged.domain.errors import BadPictureError, ModelError
from edged.domain.frame import FrameShape, PixelFormat
from edged.domain.geometry import Box
from edged.domain.tensors import TensorSpec
from edged.ports import Pixels, Tensor
from edged.vision.batch import MOST_PLACES
from edged.vision.fit import FitPlan, Rect, plan_frame
from edged.vision.manifest import InputRule
from edged.vision.quantise import InputMap, for_luma, input_table

SILENT = 0
"""OpenCV's log level."""
REMEMBERED_SHAPES = 4
"""Frame shapes whose buffers are kept: a model has few cameras, and a camera seldom changes its size."""
FLIP_TOP_BIT = np.uint8(0x80)

Painter: TypeAlias = Callable[[Pixels, Pixels], None]
"""Draws a frame into the rectangle it belongs into: [h, w] for a grey input, else [h, w, 3]."""
Ends: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
Stamp: TypeAlias = Callable[[Pixels, Tensor], object]
"""Turns drawn bytes into elements of the tensor."""


def prepare() -> None:
    """Keeps OpenCV to the calling thread and silent; once for each process, before anything else here."""
    cv2.setNumThreads(1)
    at = "setLogLevel" if hasattr(cv2, "setLogLevel") else "utils.logging.setLogLevel"  # it moved in OpenCV 5
    attrgetter(at)(cv2)(SILENT)


class Fitter:
    """Puts frames into the input tensor of one model; for one thread at a time.

    Buffers are made at the first frame of a shape and used again: a frame allocates nothing of its size.
    """

    def __init__(self, spec: TensorSpec, rule: InputRule) -> None:
        """Raises ModelError where the input is not one picture, or several, that pixels can be put into."""
        if not _takes_pictures(spec.shape):
            raise ModelError(
                f"input {spec.name} of shape {list(spec.shape)} is not one picture",
                "use a model with an input of [1, height, width, 3] or [1, height, width, 1]",
            )
        self._spec = spec
        self._rule = rule
        self._map = input_table(spec, rule)
        self._routes: OrderedDict[FrameShape, Route] = OrderedDict()

    @property
    def warning(self) -> str:
        """What is doubtful about the input's normalisation; empty where nothing is."""
        return self._map.warning

    def fit(self, pixels: Pixels, shape: FrameShape, out: Tensor) -> FitPlan:
        """Writes the frame into the first place of `out`, all of that, and tells where it lies.

        `pixels` holds `shape.nbytes` bytes; `out` is contiguous and has shape and dtype of the input.
        """
        route = self._routes.get(shape) or self._new_route(shape)
        route.run(pixels.reshape(shape.array_shape), out)
        return route.plan

    def route(self, shape: FrameShape, region: Box | None) -> "Route":
        """A way of its own for frames of one shape, or for a region of them."""
        return Route(self._spec, self._rule, self._map, shape, region)

    def _new_route(self, shape: FrameShape) -> "Route":
        if len(self._routes) >= REMEMBERED_SHAPES:
            self._routes.popitem(last=False)
        route = self._routes[shape] = self.route(shape, None)
        return route


def _takes_pictures(shape: tuple[int, ...]) -> bool:
    """Whether it is [places, height, width, channels]."""
    return (
        len(shape) == 4 and 1 <= shape[0] <= MOST_PLACES and shape[3] in {1, 3} and 0 not in shape  # noqa: PLR2004  the four axes
    )


class Route:
    """The way of frames of one shape, or of a region of them, into one place of the tensor, with its buffers."""

    def __init__(
        self, spec: TensorSpec, rule: InputRule, mapping: InputMap, shape: FrameShape, region: Box | None
    ) -> None:
        channels = spec.shape[3]
        luma = shape.format is PixelFormat.I420 and channels == 1
        self.plan = plan_frame(shape, spec, rule, region)
        place = self.plan.place
        self._paint = _painter(shape, self.plan.crop, (place.w, place.h), _order(rule, channels))
        self._stamp = _stamp(for_luma(mapping) if luma else mapping)
        self._in_place = mapping.table.dtype.itemsize == 1
        size = (place.h, place.w) if channels == 1 else (place.h, place.w, 3)
        self._drawn = np.empty((0,) if self._in_place else size, np.uint8)
        self._padding = mapping.table[rule.fill]
        self._border = [strip.window for strip in self.plan.padding()]
        self._inner = place.window
        self._grey = channels == 1

    def run(self, pixels: Pixels, out: Tensor) -> None:
        """Fills the first place of `out`: padding first, then the picture."""
        whole = out[0, :, :, 0] if self._grey else out[0]
        for strip in self._border:
            whole[strip] = self._padding
        area = whole[self._inner]
        drawn = area.view(np.uint8) if self._in_place else self._drawn
        self._paint(pixels, drawn)
        self._stamp(drawn, area)


class _Shrink:
    """Resizes pictures of one size to another: halved while at least twice as large, then interpolated.

    Means of 2 x 2 pixels are fast and leave no aliasing for the interpolation.
    """

    def __init__(self, size: tuple[int, int], target: tuple[int, int], channels: int) -> None:
        """Sizes are width and height."""
        depth = () if channels == 1 else (channels,)
        self._target = target
        self._last = cv2.INTER_LINEAR
        self._halves: list[tuple[tuple[int, int], Pixels]] = []
        while size[0] >= 2 * target[0] and size[1] >= 2 * target[1]:
            size = (size[0] // 2, size[1] // 2)
            if size == target:
                self._last = cv2.INTER_AREA
            else:
                self._halves.append((size, np.empty((size[1], size[0], *depth), np.uint8)))

    def __call__(self, picture: Pixels, out: Pixels) -> None:
        for size, buffer in self._halves:
            cv2.resize(picture, size, dst=buffer, interpolation=cv2.INTER_AREA)
            picture = buffer
        cv2.resize(picture, self._target, dst=out, interpolation=self._last)


def _order(rule: InputRule, channels: int) -> PixelFormat:
    """What the input's channels mean."""
    if channels == 1:
        return PixelFormat.GRAY
    return PixelFormat.RGB if rule.colour == "rgb" else PixelFormat.BGR


def _painter(shape: FrameShape, crop: Rect, target: tuple[int, int], wanted: PixelFormat) -> Painter:
    """Crops, shrinks, and only then changes colours: there are fewer pixels by then."""
    if shape.format is PixelFormat.I420:
        return (
            _luma_painter(shape, crop, target)
            if wanted is PixelFormat.GRAY
            else _I420(shape, crop, target, wanted)
        )
    channels = 1 if shape.format is PixelFormat.GRAY else 3
    shrink = _Shrink((crop.w, crop.h), target, channels)
    window = crop.window
    if shape.format is wanted:
        return lambda pixels, area: shrink(pixels[window], area)
    code = {
        (PixelFormat.GRAY, PixelFormat.RGB): cv2.COLOR_GRAY2RGB,
        (PixelFormat.GRAY, PixelFormat.BGR): cv2.COLOR_GRAY2BGR,
        (PixelFormat.RGB, PixelFormat.GRAY): cv2.COLOR_RGB2GRAY,
        (PixelFormat.BGR, PixelFormat.GRAY): cv2.COLOR_BGR2GRAY,
    }.get((shape.format, wanted), cv2.COLOR_RGB2BGR)
    small = np.empty((target[1], target[0]) if channels == 1 else (target[1], target[0], 3), np.uint8)

    def paint(pixels: Pixels, area: Pixels) -> None:
        shrink(pixels[window], small)
        cv2.cvtColor(small, code, dst=area)

    return paint


def _luma_painter(shape: FrameShape, crop: Rect, target: tuple[int, int]) -> Painter:
    """The Y plane alone."""
    shrink, window = _Shrink((crop.w, crop.h), target, 1), crop.window
    return lambda pixels, area: shrink(pixels[: shape.height][window], area)


class _I420:
    """Shrinks the three planes, then makes colours of the small picture (BT.601, limited range).

    OpenCV wants even sides: for an odd target the small picture has a spare row or column.
    """

    def __init__(self, shape: FrameShape, crop: Rect, target: tuple[int, int], wanted: PixelFormat) -> None:
        width, height = (target[0] + 1) // 2 * 2, (target[1] + 1) // 2 * 2
        half = (width // 2, height // 2)
        self._rows = shape.height
        self._chroma_shape = (2, shape.height // 2, shape.width // 2)
        self._window = crop.window
        self._half_window = Rect(crop.x // 2, crop.y // 2, crop.w // 2, crop.h // 2).window
        self._luma_shrink = _Shrink((crop.w, crop.h), target, 1)
        self._chroma_shrink = _Shrink((crop.w // 2, crop.h // 2), half, 1)
        self._small = np.zeros((height * 3 // 2, width), np.uint8)
        self._luma = self._small[: target[1], : target[0]]
        self._chroma = self._small[height:].reshape(2, half[1], half[0])
        self._code = cv2.COLOR_YUV2RGB_I420 if wanted is PixelFormat.RGB else cv2.COLOR_YUV2BGR_I420
        self._spare = None if (width, height) == target else np.empty((height, width, 3), np.uint8)

    def __call__(self, pixels: Pixels, area: Pixels) -> None:
        self._luma_shrink(pixels[: self._rows][self._window], self._luma)
        for plane, small in zip(pixels[self._rows :].reshape(self._chroma_shape), self._chroma, strict=True):
            self._chroma_shrink(plane[self._half_window], small)
        if self._spare is None:
            cv2.cvtColor(self._small, self._code, dst=area)
        else:
            cv2.cvtColor(self._small, self._code, dst=self._spare)
            np.copyto(area, self._spare[: area.shape[0], : area.shape[1]])


def _stamp(mapping: InputMap) -> Stamp:
    """The map as a function; bytes are changed where they lie if the tensor's elements are bytes."""
    table = mapping.table
    if mapping.kind == "identity":
        return lambda drawn, area: None  # noqa: ARG005  the bytes are drawn where they belong
    if mapping.kind == "xor":
        return lambda drawn, area: np.bitwise_xor(drawn, FLIP_TOP_BIT, out=drawn)  # noqa: ARG005  one memory
    if table.dtype.itemsize == 1:
        byte_table = table.view(np.uint8)
        return lambda drawn, area: cv2.LUT(drawn, byte_table, dst=drawn)  # noqa: ARG005  one memory
    return lambda drawn, area: cv2.LUT(drawn, table, dst=area)


def small_picture(pixels: Pixels, shape: FrameShape, size: tuple[int, int]) -> Pixels:
    """A copy of a frame as RGB [height, width, 3], no larger than the frame; `size` is width and height."""
    out = np.empty((size[1], size[0], 3), np.uint8)
    whole = Rect(0, 0, shape.width, shape.height)
    _painter(shape, whole, size, PixelFormat.RGB)(pixels.reshape(shape.array_shape), out)
    return out


def halved(pixels: Pixels) -> Pixels:
    """An RGB picture of half the sides, each at least one pixel."""
    height, width = (max(1, side // 2) for side in pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def read_picture(path: Path) -> Pixels:
    """The picture as RGB [height, width, 3], upright as its EXIF orientation says.

    Raises BadPictureError for a file that cannot be read, is no JPEG, PNG, BMP or WebP, is cut off, or is
    larger than 50 megapixels.
    """
    header, data = read_picture_file(path)
    picture = None
    if header.kind != "PNG" or png_is_whole(data):
        picture = _decode(data)
    if picture is None:
        raise BadPictureError(
            f"{path}: the {header.kind} picture is cut off or damaged", "copy the file again"
        )
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB, dst=picture), np.uint8)


def _decode(data: bytes) -> NDArray[np.uint8] | None:
    """Blue first; None where OpenCV gives up, in whichever of its ways."""
    try:
        picture: NDArray[np.uint8] | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return picture


def encode_jpeg(pixels: Pixels, quality: int) -> bytes:
    """An RGB picture [height, width, 3] as a JPEG file of quality 1..100."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    return bytes(data)


def draw_line(pixels: Pixels, ends: Ends, colour: tuple[int, int, int], thick: int) -> None:
    """A line between two pixels, each (x, y), with round ends; from a pixel to itself it is a dot."""
    cv2.line(pixels, *ends, colour, thick, cv2.LINE_AA)


def drawn_text(text: str, scale: float) -> Pixels:
    """A line of text as [height, width] of coverage, 0..255, with a little room around it; of ASCII alone."""
    (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    room = np.zeros((height + below + 3, width + 4), np.uint8)
    cv2.putText(room, text, (2, height + 2), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1, cv2.LINE_AA)
    return room
