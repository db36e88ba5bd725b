"""The caller's memory as the array that a frame is written into."""

import numpy as np

from edged.domain.errors import BadPictureError
from edged.domain.frame import FrameShape
from edged.ports import Pixels


def frame_array(buffer: memoryview, shape: FrameShape, source: str) -> Pixels:
    """The first bytes of `buffer` as a uint8 array of the frame's shape, without a copy.

    Raises BadPictureError where the frame does not fit; `source` names the camera's source in it.
    """
    if buffer.nbytes < shape.nbytes:
        size = f"{shape.width}x{shape.height} {shape.format.name}"
        raise BadPictureError(
            f"{source}: a {size} frame takes {shape.nbytes} bytes, but the buffer has {buffer.nbytes}",
            "keep every frame of one source to the size that it had when it was opened",
        )
    return np.frombuffer(buffer, np.uint8, shape.nbytes).reshape(shape.array_shape)
