"""Pictures from files are a camera that bad pictures do not stop."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edged.adapters.cameras.images import ImagesCamera
from edged.domain.errors import BadPictureError, ConfigurationError, DeviceUnavailableError
from tests.contract.camera_sources import FRAMES, all_frames, buffer_for, make_pictures, pixels


def test_pictures_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    """A folder is read by name, whatever the kind and case of its suffixes; other files are not pictures."""
    frames = all_frames(ImagesCamera(source=make_pictures(tmp_path)))
    assert [round(int(frame.mean()) / 30) - 1 for _, frame in frames] == list(range(FRAMES))


def test_a_list_of_pictures_may_loop_and_differ_in_size(tmp_path: Path) -> None:
    """Paths come in the order given, over and over, each in its own size and with red first."""
    for name, size in {"a.png": (40, 20), "b.png": (10, 30)}.items():
        cv2.imwrite(str(tmp_path / name), np.full((size[1], size[0], 3), (0, 0, 255), np.uint8))
    camera = ImagesCamera(source=[tmp_path / "b.png", tmp_path / "a.png"], loop=True)
    buffer, sizes = buffer_for(camera), []
    for _ in range(5):
        captured = camera.read(buffer)
        assert captured is not None
        sizes.append(captured.shape.width)
        assert pixels(buffer, captured)[0, 0].tolist() == [255, 0, 0]
    assert sizes == [10, 40, 10, 40, 10]


def test_a_bad_picture_among_good_ones_is_one_error(tmp_path: Path) -> None:
    """An unreadable picture is named once; those after it come as if nothing had been."""
    pictures = make_pictures(tmp_path)
    (pictures / "2.bmp").write_bytes(b"BM this is no picture")
    (pictures / "3.png").unlink()
    paths = [pictures / name for name in ("0.png", "1.JPG", "2.bmp", "3.png", "4.JPG")]
    camera = ImagesCamera(source=paths)
    buffer, outcome = buffer_for(camera), []
    for _ in range(len(paths)):
        try:
            camera.read(buffer)
            outcome.append("good")
        except BadPictureError as error:
            outcome.append(Path(error.what.split(":")[0]).name)
    assert outcome == ["good", "good", "2.bmp", "3.png", "good"]
    assert camera.read(buffer) is None


def test_a_loop_of_bad_pictures_ends(tmp_path: Path) -> None:
    """Where no picture of a loop can be read, the source is unavailable instead of failing for ever."""
    (tmp_path / "a.png").write_bytes(b"a")
    (tmp_path / "b.png").write_bytes(b"b")
    camera = ImagesCamera(source=tmp_path, loop=True)
    buffer = buffer_for(camera)
    with pytest.raises(BadPictureError, match=r"a\.png"):
        camera.read(buffer)
    with pytest.raises(DeviceUnavailableError, match="none of the 2 pictures"):
        camera.read(buffer)


def test_an_empty_or_missing_folder_is_a_matter_of_configuration(tmp_path: Path) -> None:
    """A folder without pictures, or none at all, is refused when it is opened, with what to do."""
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ConfigurationError) as caught:
            ImagesCamera(source=folder).open()
        assert str(folder) in caught.value.what
        assert caught.value.fix
