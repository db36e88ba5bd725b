"""Every camera keeps the port's promises, whatever its frames come from."""

import importlib.util
import itertools
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edged.adapters.cameras.images import ImagesCamera
from edged.adapters.cameras.pattern import PatternCamera
from edged.adapters.cameras.picamera2 import Picamera2Camera
from edged.adapters.cameras.video import VideoCamera
from edged.domain.errors import BadPictureError, ConfigurationError, DeviceUnavailableError, EdgedError
from edged.domain.frame import FrameShape, PixelFormat
from edged.ports import Camera
from tests.contract.camera_sources import (
    FRAMES,
    SIZE,
    buffer_for,
    make_pictures,
    make_video,
    pixels,
)

Make = Callable[[Path], Camera]


def pattern(_: Path) -> Camera:
    return PatternCamera(size=SIZE, fps=25, frames=FRAMES)


def pattern_i420(_: Path) -> Camera:
    return PatternCamera(size=SIZE, fps=25, frames=FRAMES, pixel_format="i420")


def images(folder: Path) -> Camera:
    return ImagesCamera(source=make_pictures(folder), fps=100)


def video(folder: Path) -> Camera:
    return VideoCamera(path=make_video(folder / "clip.mkv"))


def video_rgb(folder: Path) -> Camera:
    return VideoCamera(path=make_video(folder / "clip.mkv"), realtime=False, pixel_format="rgb")


FINITE = [pattern, pattern_i420, images, video, video_rgb]


@pytest.fixture(params=FINITE, ids=lambda make: make.__name__)
def camera(request: pytest.FixtureRequest, tmp_path: Path) -> Camera:
    """Each camera in turn, with FRAMES frames."""
    made: Camera = request.param(tmp_path)
    return made


def test_frames_are_whole_and_end_with_none(camera: Camera) -> None:
    """Each frame fills the bytes of its shape, times increase, and a finite source ends with None, twice."""
    start_ns = time.monotonic_ns()
    buffer = buffer_for(camera)
    assert len(buffer) >= FrameShape(PixelFormat.I420, *SIZE).nbytes
    times = [start_ns]
    while True:
        buffer[:20000] = bytes([7, 201] * 10000)[: len(buffer[:20000])]
        if (captured := camera.read(buffer)) is None:
            break
        times.append(captured.captured_ns)
        assert (captured.shape.width, captured.shape.height) == SIZE
        frame = pixels(buffer, captured)
        assert not (frame.reshape(-1)[-64:] == 201).any(), "the end of the frame was not written"
    assert len(times) - 1 == FRAMES or isinstance(camera, PatternCamera)
    assert times == sorted(set(times))
    assert times[-1] <= time.monotonic_ns()
    assert camera.read(buffer) is None
    camera.close()


def test_closing_twice_is_fine_and_reading_then_is_an_error(camera: Camera) -> None:
    """A camera may be closed twice, opened again, and says so when it is read while closed."""
    camera.close()
    buffer = buffer_for(camera)
    assert camera.read(buffer) is not None
    camera.close()
    camera.close()
    with pytest.raises(DeviceUnavailableError, match="not open"):
        camera.read(buffer)
    assert camera.read(buffer_for(camera)) is not None
    camera.close()


def test_a_buffer_that_is_too_small_is_named(camera: Camera) -> None:
    """A frame that does not fit raises an error with both sizes, and nothing is written."""
    camera.open()
    with pytest.raises(
        BadPictureError, match=r"64x48 (RGB|I420) frame takes \d+ bytes, but the buffer has 100"
    ):
        camera.read(memoryview(bytearray(100)))
    camera.close()


def test_a_camera_leaves_the_rest_of_its_buffer_alone(camera: Camera) -> None:
    """A buffer larger than the frame keeps what is behind it."""
    room = min(camera.open(), 64 * 48 * 3) + 8
    buffer = memoryview(bytearray(b"\xa5" * room))
    captured = camera.read(buffer)
    assert captured is not None
    assert bytes(buffer[captured.shape.nbytes :]) == b"\xa5" * (room - captured.shape.nbytes)
    camera.close()


def test_paced_frames_are_not_lost_by_a_slow_reader(tmp_path: Path) -> None:
    """Pictures and videos wait for a reader that is late, and go on at their pace from there."""
    for camera in (ImagesCamera(source=make_pictures(tmp_path), fps=50), video(tmp_path)):
        buffer, times = buffer_for(camera), []
        for number in range(FRAMES):
            captured = camera.read(buffer)
            assert captured is not None
            assert abs(int(pixels(buffer, captured)[0].mean()) - (30 + 30 * number)) < 20
            times.append(captured.captured_ns)
            time.sleep(0.05 if number == 2 else 0)
        gaps_ms = [(later - earlier) / 1e6 for earlier, later in itertools.pairwise(times)]
        assert min(gaps_ms) > 19
        assert gaps_ms[2] > 45
        camera.close()


def test_without_picamera2_the_way_to_get_it_is_told() -> None:
    """Where picamera2 is not installed, opening a camera says how to install it."""
    if importlib.util.find_spec("picamera2"):
        pytest.skip("hardware: picamera2 is installed here")
    with pytest.raises(ConfigurationError, match="apt install python3-picamera2"):
        Picamera2Camera().open()


def test_a_pi_camera_delivers() -> None:
    """On a Raspberry Pi with a camera, whole frames come and their times increase."""
    camera = Picamera2Camera(size=(640, 480), fps=30)
    try:
        buffer = buffer_for(camera)
    except EdgedError as error:
        pytest.skip(f"hardware: no Raspberry Pi camera here: {error.what}")
    times = []
    for _ in range(5):
        captured = camera.read(buffer)
        assert captured is not None
        times.append(captured.captured_ns)
    camera.close()
    camera.close()
    assert times == sorted(set(times))
