"""`edged infer --draw`: what is drawn, where it goes, and what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edged.adapters.pixels.drawing import PALETTE, colour_of, draw
from edged.adapters.pixels.encoding import QUALITIES, encode_picture, encode_png, encode_within
from edged.adapters.pixels.headers import png_is_whole, read_header
from edged.adapters.pixels.opencv import encode_jpeg, prepare, read_picture
from edged.ports import Pixels
from edged.vision.overlay import Figure, Overlay

pytestmark = pytest.mark.runtime
REPOSITORY = Path(__file__).resolve().parents[2]
COLOURS = REPOSITORY / "models" / "colours"


@pytest.fixture(autouse=True, scope="module")
def _prepared() -> None:
    prepare()


def grey(height: int = 200, width: int = 300) -> Pixels:
    return np.full((height, width, 3), 100, np.uint8)


def test_a_mask_tints_its_pixels_and_no_others() -> None:
    """Half of each tinted pixel is its class's colour; 0 leaves the picture as it was."""
    pixels = grey(600, 40)
    mask = np.zeros((600, 40), np.uint8)
    mask[:300, :20] = 3
    draw(pixels, Overlay(mask=mask))
    assert pixels[10, 10].tolist() == [int(100 * 0.5 + part * 0.5) for part in colour_of(2)]
    assert (pixels[300:] == 100).all()
    assert (pixels[:, 20:] == 100).all()


def test_a_class_has_one_colour() -> None:
    """In the mask, which counts to 252, and in words, which do not: the colours come round in step."""
    assert 252 % len(PALETTE) == 0
    assert colour_of(300 % 252) == colour_of(300)


def test_a_figure_has_its_box_points_and_words() -> None:
    """The box's edges and the points are in the class's colour, limbs are white, and the inside is left alone."""
    pixels = grey()
    figure = Figure(
        "person 0.9", 1, (0.25, 0.25, 0.5, 0.5), dots=((0.5, 0.5),), lines=(((0.5, 0.5), (0.5, 0.7)),)
    )
    draw(pixels, Overlay(figures=(figure,)))
    colour = list(colour_of(1))
    for x, y in ((75, 100), (225, 100), (150, 50), (150, 150)):
        assert pixels[y, x].tolist() == colour, (x, y)
    assert pixels[100, 150].tolist() == colour
    assert pixels[125, 150].min() > 230
    assert pixels[75, 100].tolist() == [100, 100, 100]
    assert np.abs(pixels[40:49, 76:90].astype(int) - colour).max(axis=2).min() == 0


@pytest.mark.parametrize("box", [(0.0, 0.0, 1.0, 1.0), (1.0, 1.0, 0.0, 0.0), (0.0, 0.99, 0.01, 0.01)])
@pytest.mark.parametrize("size", [(1, 1), (3, 400), (400, 3), (64, 64)])
def test_nothing_is_drawn_outside(box: tuple[float, float, float, float], size: tuple[int, int]) -> None:
    """Words, boxes and points at the edge of any picture stay in it."""
    figure = Figure("a long label \u00e9 0.99", 5, box, dots=((0.0, 1.0), (1.0, 0.0)))
    draw(grey(*size), Overlay(figures=(figure,), words=(("one 0.5", 1),) * 40))


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (64, 33)])
def test_a_png_is_read_back_as_it_was(tmp_path: Path, size: tuple[int, int]) -> None:
    """Ours is a whole PNG that other programs read, byte for byte."""
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8)
    data = encode_png(pixels)
    assert png_is_whole(data)
    (tmp_path / "a.png").write_bytes(data)
    assert np.array_equal(read_picture(tmp_path / "a.png"), pixels)
    found = cv2.imread(str(tmp_path / "a.png"))
    assert found is not None
    assert np.array_equal(found[..., ::-1], pixels)
    header = read_header(encode_picture(np.zeros((20, 30, 3), np.uint8), ".jpeg"))
    assert header is not None
    assert (header.kind, header.width, header.height) == ("JPEG", 30, 20)


@pytest.mark.parametrize("most_bytes", [400, 5_000, 100_000])
@pytest.mark.parametrize("size", [(33, 1000), (480, 640)])
def test_a_jpeg_fits_into_what_it_may_take(size: tuple[int, int], most_bytes: int) -> None:
    """Even noise, of which nothing can be left out, becomes a small picture; nothing at all only of next to nothing."""
    noise = np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8)
    data = encode_within(noise, most_bytes)
    assert len(data) <= most_bytes
    if most_bytes > 400 and size[0] > 33:
        header = read_header(data)
        assert header is not None
        assert header.width / header.height == pytest.approx(size[1] / size[0], rel=0.05)


@pytest.mark.parametrize("size", [(200, 300), (1, 1), (1, 640), (640, 2), (20, 20)])
def test_a_calm_picture_keeps_its_size_and_quality(size: tuple[int, int]) -> None:
    """Nothing is taken away that need not be, also of a frame that is small or a line."""
    assert encode_within(grey(*size), 100_000) == encode_jpeg(grey(*size), QUALITIES[0])


@pytest.mark.parametrize("size", [(1, 1920), (2, 1280), (8, 640), (1920, 60), (64, 64), (31, 33)])
def test_a_narrow_picture_shrinks_too(size: tuple[int, int]) -> None:
    """Noise of any proportions fits into the least that may be configured."""
    noise = np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8)
    assert 0 < len(encode_within(noise, 5_000)) <= 5_000


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """A red PNG and a green JPEG."""
    made = []
    for name, colour in (("red.png", (0, 0, 255)), ("green.jpg", (0, 255, 0))):
        path = tmp_path / name
        assert cv2.imwrite(str(path), np.full((48, 64, 3), colour, np.uint8))
        made.append(path)
    return made


def infer(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "edged", "infer", "--model", str(COLOURS), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


def test_one_picture_goes_into_a_file(pictures: list[Path], tmp_path: Path) -> None:
    """The answer is printed as ever, and the picture is there with words in its corner; the source is as it was."""
    before, target = pictures[0].read_bytes(), tmp_path / "out.png"
    done = infer("--threshold", 0.5, "--draw", target, pictures[0])
    assert (done.returncode, done.stderr) == (0, "")
    assert "red (0)" in done.stdout
    drawn = read_picture(target)
    assert drawn.shape == (48, 64, 3)
    assert (drawn[-1, -1].tolist(), pictures[0].read_bytes()) == ([255, 0, 0], before)
    assert not (drawn == read_picture(pictures[0])).all()


def test_several_pictures_go_into_a_folder(pictures: list[Path], tmp_path: Path) -> None:
    """The folder is made; each picture keeps its name and its kind, others than JPEG and PNG become PNG."""
    bmp = tmp_path / "blue.bmp"
    assert cv2.imwrite(str(bmp), np.full((48, 64, 3), (255, 0, 0), np.uint8))
    folder = tmp_path / "a" / "b"
    done = infer("--draw", folder, *pictures, bmp, pictures[0])
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == ["blue.png", "green.jpg", "red.png"]
    assert all(read_picture(path).shape == (48, 64, 3) for path in folder.iterdir())


def test_a_picture_that_cannot_be_read_is_left_out(pictures: list[Path], tmp_path: Path) -> None:
    """The others are drawn, and the exit code is 1 as without --draw."""
    done = infer("--draw", tmp_path / "out", pictures[0], tmp_path / "gone.png")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["red.png"]


@pytest.mark.parametrize(
    ("place", "chosen", "says"),
    [
        ("red.png", ["red.png"], "red.png is one of the pictures: draw elsewhere"),
        (".", ["red.png", "green.jpg"], "red.png is one of the pictures: draw elsewhere"),
        ("out.png", ["red.png", "green.jpg"], "out.png is no folder: name a folder for several pictures"),
        ("out.gif", ["red.png"], "out.gif is no folder: a file ends in .png, .jpg, .jpeg"),
        ("none/out.png", ["red.png"], "there is no folder"),
        ("red.png/x", ["red.png"], "not a directory"),
        ("out", ["red.png", "twin/red.png"], "two pictures would be drawn into"),
    ],
)
def test_places_that_do_not_do_are_refused(
    pictures: list[Path], tmp_path: Path, place: str, chosen: list[str], says: str
) -> None:
    """Before anything is run, with exit code 64 and one line that says why; no source is ever written over."""
    (tmp_path / "twin").mkdir()
    (tmp_path / "twin" / "red.png").write_bytes(pictures[0].read_bytes())
    before = pictures[0].read_bytes()
    done = infer("--draw", tmp_path / place, *(tmp_path / name for name in chosen))
    assert (done.returncode, done.stdout) == (64, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert pictures[0].read_bytes() == before


def test_a_file_that_cannot_be_written_is_named(pictures: list[Path], tmp_path: Path) -> None:
    """A folder in the file's place is told in a line, and the other picture is drawn."""
    (tmp_path / "out" / "red.png").mkdir(parents=True)
    done = infer("--draw", tmp_path / "out", *pictures)
    assert done.returncode == 1
    assert "red.png: cannot be written: is a directory" in done.stderr
    assert (tmp_path / "out" / "green.jpg").is_file()
