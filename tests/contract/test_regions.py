"""Regions of a picture through real child processes: each is answered by its name, one by one or several at once."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edged.domain.geometry import Box
from tests.fakes.tflite import Tensor, model

pytestmark = pytest.mark.runtime
REPOSITORY = Path(__file__).resolve().parents[2]
COLOURS = REPOSITORY / "models" / "colours"
RGB = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 230), "yellow": (230, 220, 10)}
WALL = ("red", "green", "blue", "yellow", "green")
"""What the wall shows, from left to right."""
LEFT, TOP, WIDTH, HEIGHT = 24, 36, 60, 90
"""Of the first one, in pixels of a picture of 400 x 160; the next one begins 70 pixels further right."""
REGIONS = {
    f"digit_{at}": ((LEFT + 70 * at) / 400, TOP / 160, WIDTH / 400, HEIGHT / 160) for at in range(len(WALL))
}


def infer(*arguments: object, regions: dict[str, Any]) -> "subprocess.CompletedProcess[str]":
    given = [f"--region={name}={','.join(map(str, box))}" for name, box in regions.items()]
    return subprocess.run(
        [sys.executable, "-m", "edged", "infer", *map(str, arguments), *given],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


def answers(
    model_path: Path, *pictures: Path, regions: dict[str, Any] = REGIONS, **options: object
) -> list[Any]:
    """What `edged infer --json` says of the regions, without times and the model's digest."""
    extra = [part for name, value in options.items() for part in (f"--{name}", value)]
    done = infer("--model", model_path, "--json", *extra, *pictures, regions=regions)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    return [{key: each[key] for key in each if key not in {"model", "infer_ms"}} for each in records]


@pytest.fixture(scope="module")
def wall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grey picture with five fields of one colour each."""
    pixels = np.full((160, 400, 3), 128, np.uint8)
    for at, colour in enumerate(WALL):
        pixels[TOP : TOP + HEIGHT, LEFT + 70 * at : LEFT + 70 * at + WIDTH] = RGB[colour]
    return picture(tmp_path_factory.mktemp("wall") / "wall.png", pixels)


def picture(path: Path, pixels: NDArray[np.uint8]) -> Path:
    cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return path


def several(bundle: Path, folder: Path, places: int) -> Path:
    """The bundle with a model that takes several pictures at once."""
    for package in ("flatbuffers", "ai_edge_litert"):
        pytest.importorskip(package, reason="writing the model needs flatbuffers and LiteRT's schema")
    from tests.fakes.batched import batched  # noqa: PLC0415  after the check for what it needs

    shutil.copytree(bundle, folder)
    (file,) = folder.glob("*.tflite")
    file.write_bytes(batched(file.read_bytes(), places))
    manifest = folder / "model.yaml"
    manifest.write_text(re.sub(r", sha256: \w+", "", manifest.read_text()))
    return folder


@pytest.fixture(scope="module")
def one_by_one(wall: Path) -> list[Any]:
    """The answers of the model that takes one picture."""
    return answers(COLOURS, wall)


def test_each_region_is_answered_by_its_name(one_by_one: list[Any]) -> None:
    """Five fields of a wall are five answers in the order of their regions, each with what its field shows."""
    assert [each["region"] for each in one_by_one] == list(REGIONS)
    assert [each["top"][0]["label"] for each in one_by_one] == list(WALL)
    assert all(each["top"][0]["score"] > 0.9 for each in one_by_one)


def test_pictures_in_a_picture_are_told_apart(test_data: Path, tmp_path: Path) -> None:
    """A cat, an officer and a macaw side by side in one picture are each recognised in their regions."""
    names = {"cat": "cat.bmp", "officer": "grace_hopper.bmp", "bird": "parrot.jpg"}
    tiles = [cv2.resize(cv2.imread(str(test_data / "images" / name)), (320, 320)) for name in names.values()]
    cv2.imwrite(str(tmp_path / "side.png"), np.hstack(tiles))
    regions = {name: (at / 3, 0, 1 / 3, 1) for at, name in enumerate(names)}
    path = test_data / "models" / "mobilenet_v2_1.0_224_quant.tflite"
    found = answers(path, tmp_path / "side.png", regions=regions)
    assert {each["region"]: each["top"][0]["label"] for each in found} == {
        "cat": "Egyptian cat",
        "officer": "military uniform",
        "bird": "macaw",
    }


@pytest.mark.parametrize("places", [2, 5, 8])
def test_several_at_once_say_the_same_as_one_by_one(
    wall: Path, one_by_one: list[Any], tmp_path: Path, places: int
) -> None:
    """Whether the places are too few, enough or too many: each region has the same answer to the last digit."""
    assert answers(several(COLOURS, tmp_path / "several", places), wall) == one_by_one


def test_a_model_of_several_places_takes_whole_frames_too(wall: Path, tmp_path: Path) -> None:
    """Without regions the frame is in the first place, and the answers of the others are nobody's."""
    found = answers(several(COLOURS, tmp_path / "several", 3), wall, wall, regions={})
    assert found == answers(COLOURS, wall, wall, regions={})
    assert "region" not in found[0]


def test_raw_values_are_those_of_the_region(wall: Path, tmp_path: Path) -> None:
    """`--raw` shows each region its own part of the tensor, as if the model took one picture."""
    regions = {name: REGIONS[name] for name in ("digit_1", "digit_3")}
    bundle = several(COLOURS, tmp_path / "several", 2)
    done = infer("--model", bundle, "--json", "--raw", wall, regions=regions)
    raw = [json.loads(line)["raw"][0] for line in done.stdout.splitlines()]
    assert [each["shape"] for each in raw] == [[1, 5], [1, 5]]
    assert [each["values"][0]["index"] for each in raw] == [[0, 1], [0, 3]]  # green and yellow


@pytest.mark.parametrize("places", [1, 2])
def test_boxes_are_in_the_whole_frame(tmp_path: Path, places: int) -> None:
    """A detector that is shown two regions tells where in the whole frame each thing is, letterboxes undone."""
    bundle = cells(tmp_path / "cells")
    bundle = bundle if places == 1 else several(bundle, tmp_path / "several", places)
    pixels = np.full((200, 400, 3), 128, np.uint8)
    pixels[100:120, 40:60] = (255, 0, 0)
    pixels[40:80, 240:280] = (0, 0, 255)
    regions = {"near": (0.05, 0.4, 0.2, 0.4), "far": (0.4, 0.1, 0.4, 0.6)}
    found = answers(bundle, picture(tmp_path / "two.png", pixels), regions=regions)
    (near,), (far,) = (each["detections"] for each in found)
    assert (near["label"], far["label"]) == ("red", "blue")
    assert Box(**near["box"]).overlap(Box(40 / 400, 100 / 200, 20 / 400, 20 / 200)) > 0.99
    assert Box(**far["box"]).overlap(Box(240 / 400, 40 / 200, 40 / 400, 40 / 200)) > 0.99


def cells(folder: Path) -> Path:
    """A detector with a box for each cell of 8 x 8 pixels of its input of 32 x 32."""
    for package in ("flatbuffers", "ai_edge_litert"):
        pytest.importorskip(package, reason="writing the model needs flatbuffers and LiteRT's schema")
    from tests.fakes.cells import LABELS, cells_model  # noqa: PLC0415  after the check for what it needs

    folder.mkdir()
    (folder / "cells.tflite").write_bytes(cells_model())
    (folder / "labels.txt").write_text("\n".join(LABELS))
    (folder / "model.yaml").write_text(
        "name: cells\ndecoder: fcos\ninput: {resize: letterbox, fill: 128}\n"
        "roles: {boxes: 1, scores: 0}\nstrides: [8]\nlabels: labels.txt\n"
    )
    return folder


def test_a_model_of_several_places_can_be_looked_into(tmp_path: Path) -> None:
    """`edged model inspect` runs it, and shows its tensors as they are."""
    bundle = several(COLOURS, tmp_path / "several", 3)
    done = subprocess.run(
        [sys.executable, "-m", "edged", "model", "inspect", "--json", str(bundle)],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )
    report = json.loads(done.stdout)
    assert (report["inputs"][0]["shape"], report["outputs"][0]["shape"]) == ([3, 32, 32, 3], [3, 5])


def test_outputs_for_one_picture_only_are_refused(wall: Path, tmp_path: Path) -> None:
    """A model that takes three pictures and answers once is refused in one line, with what to do."""
    file = tmp_path / "half.tflite"
    file.write_bytes(model((Tensor("image", (3, 32, 32, 3), "uint8", 1 / 255),), (Tensor("scores", (1, 5)),)))
    done = infer("--model", file, wall, regions={})
    assert done.returncode == 78
    assert done.stderr == (
        f"edged: model {file} takes 3 pictures at once, but its output scores is [1, 5] "
        "(convert it so that each output begins with 3, or so that it takes one picture)\n"
    )


def test_what_is_no_region_is_said_so(wall: Path) -> None:
    """A region that reaches beyond the picture is refused before anything starts."""
    done = infer("--model", COLOURS, wall, regions={"dial": (0.5, 0, 0.6, 1)})
    assert done.returncode == 64
    assert "is no part of the frame" in done.stderr
