"""A video file is a camera at its own pace or at ours, and damage in it does not stop it."""

import itertools
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from edged.adapters.cameras.video import VideoCamera
from edged.domain.errors import ConfigurationError
from tests.contract.camera_sources import SIZE, all_frames, buffer_for, make_video, pixels


def test_a_video_plays_as_fast_as_it_is_taken_where_that_is_asked(tmp_path: Path) -> None:
    """Without its own pace a video of 30 s is through at once."""
    path, start = make_video(tmp_path / "slow.mkv", fps=1, frames=30), time.monotonic()
    assert len(all_frames(VideoCamera(path=path, realtime=False))) == 30
    assert time.monotonic() - start < 5


def test_a_looping_video_begins_again_one_frame_later(tmp_path: Path) -> None:
    """The first frame of the second pass comes one period after the last of the first."""
    camera = VideoCamera(path=make_video(tmp_path / "clip.mkv", fps=50, frames=3), loop=True)
    buffer, times, levels = buffer_for(camera), [], []
    for _ in range(7):
        captured = camera.read(buffer)
        assert captured is not None
        times.append(captured.captured_ns)
        levels.append(int(pixels(buffer, captured)[0, 0]))
    camera.close()
    assert levels == [*levels[:3], *levels[:3], levels[0]]
    assert all(later - earlier > 19e6 for earlier, later in itertools.pairwise(times))


@pytest.mark.parametrize(("pixel_format", "expected"), [("i420", (34, 22)), ("rgb", (35, 23))])
def test_odd_sizes_lose_a_row_and_a_column_where_they_must(
    tmp_path: Path, pixel_format: Any, expected: Any
) -> None:
    """I420 frames have even sides: the last row and column of a larger video are cut off, not squeezed."""
    path = make_video(tmp_path / "odd.mkv", size=(35, 23), frames=2)
    frames = all_frames(VideoCamera(path=path, realtime=False, pixel_format=pixel_format))
    assert [(c.shape.width, c.shape.height) for c, _ in frames] == [expected] * 2
    assert frames[0][1].std() < 60


def test_video_colours_are_right_in_both_formats(tmp_path: Path) -> None:
    """I420 frames turn into the same colours as RGB frames of the same file."""
    path, picture = tmp_path / "c.mkv", np.zeros((*SIZE[::-1], 3), np.uint8)
    picture[:, :32], picture[:, 32:] = (200, 40, 60), (30, 90, 220)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        container.mux(stream.encode(frame) + stream.encode(None))
    [(_, rgb)] = all_frames(VideoCamera(path=path, realtime=False, pixel_format="rgb"))
    [(_, i420)] = all_frames(VideoCamera(path=path, realtime=False))
    turned = cv2.cvtColor(i420, cv2.COLOR_YUV2RGB_I420)
    for got in (rgb, turned):
        assert np.abs(got[8:40, 4:28].astype(int) - (200, 40, 60)).max() <= 4
        assert np.abs(got[8:40, 36:60].astype(int) - (30, 90, 220)).max() <= 4


def test_damaged_packets_are_skipped_and_counted(tmp_path: Path) -> None:
    """A video with damage in its middle goes on behind it."""
    path = make_video(tmp_path / "clip.avi", frames=20, codec="mjpeg", pix_fmt="yuvj420p")
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size and p.pos]
    content = bytearray(path.read_bytes())
    for position, size in packets[8:11]:
        content[position + 8 : position + size] = bytes(size - 8)
    path.write_bytes(content)
    camera = VideoCamera(path=path, realtime=False)
    frames = all_frames(camera)
    assert camera.skipped == 3
    assert len(frames) == 17


def test_what_is_no_video_is_a_matter_of_configuration(tmp_path: Path) -> None:
    """A missing file, a text, a folder and a sound are refused when they are opened, with what to do."""
    text = tmp_path / "text.mp4"
    text.write_text("no video " * 100)
    sound = tmp_path / "sound.mka"
    with av.open(str(sound), "w") as container:
        stream: Any = container.add_stream("pcm_s16le", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        silence.sample_rate = 8000
        container.mux(stream.encode(silence) + stream.encode(None))
    for path in (tmp_path / "missing.mp4", text, tmp_path, sound):
        with pytest.raises(ConfigurationError) as caught:
            VideoCamera(path=path).open()
        assert str(path) in caught.value.what
        assert caught.value.fix


def test_without_pyav_the_way_to_get_it_is_told(tmp_path: Path) -> None:
    """Where PyAV is not installed, opening a video says how to install it."""
    code = """
import sys
from pathlib import Path
sys.modules["av"] = None
from edged.adapters.cameras.video import VideoCamera
try:
    VideoCamera(path=Path("clip.mp4")).open()
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'edged[camera]'" in done.stdout
    assert "apt install python3-av" in done.stdout
