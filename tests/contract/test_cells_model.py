"""A real model with a box and scores for each cell, from the file to the printed detections."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MANIFEST = """\
name: cells
decoder: fcos
input: {resize: letterbox, place: PLACE, fill: 128}
roles: {boxes: 1, scores: 0}
strides: [8]
nms: {iou: 0.5}
labels: labels.txt
"""
pytestmark = pytest.mark.runtime


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bare file, with its labels beside it."""
    for package in ("flatbuffers", "ai_edge_litert"):
        pytest.importorskip(package, reason="writing the model needs flatbuffers and LiteRT's schema")
    from tests.fakes.cells import LABELS, cells_model  # noqa: PLC0415  after the check for what it needs

    folder = tmp_path_factory.mktemp("cells")
    (folder / "cells.tflite").write_bytes(cells_model())
    (folder / "labels.txt").write_text("\n".join(LABELS))
    return folder / "cells.tflite"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """128 x 96 pixels of grey; a green square where the first column and row of whole cells are."""
    pixels = np.full((96, 128, 3), 128, np.uint8)
    pixels[0:32, 32:64] = (0, 255, 0)
    path = tmp_path / "green.png"
    assert cv2.imwrite(str(path), pixels)
    return path


def edged(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "edged", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    return done


def test_the_bare_file_is_known(model: Path) -> None:
    """Inspecting it says what it is, how its rows lie, and what is taken on trust."""
    found: Any = json.loads(edged("model", "inspect", "--json", model).stdout)
    assert (found["task"], found["decoder"], found["activation"]) == ("detection", "fcos", "none")
    assert found["roles"] == {"boxes": 1, "scores": 0}
    assert (found["strides"], found["nms"]) == ([8], {"iou": 0.5, "per_class": True})
    assert found["labels"]["count"] == 3
    assert [warning.split(" from ")[0] for warning in found["warnings"]] == [
        "the boxes are taken for distances"
    ]


def test_the_printed_manifest_can_be_read_again(model: Path, tmp_path: Path) -> None:
    """What inspect prints as model.yaml, put beside the model, describes the same model."""
    text = edged("model", "inspect", model).stdout
    assert text.startswith("cells: detection, decoded as fcos\n")
    for name in ("cells.tflite", "labels.txt"):
        (tmp_path / name).write_bytes((model.parent / name).read_bytes())
    (tmp_path / "model.yaml").write_text(text.split("as far as it is known:\n", 1)[1])
    there, alone = (
        json.loads(edged("model", "inspect", "--json", path).stdout) for path in (tmp_path, model)
    )
    for key in ("task", "decoder", "roles", "activation", "strides", "nms", "outputs"):
        assert there[key] == alone[key], key
    assert there["warnings"] == []


@pytest.mark.parametrize("place", ["centre", "corner"])
def test_objects_are_found_where_they_are(model: Path, picture: Path, tmp_path: Path, place: str) -> None:
    """The green square of a letterboxed picture comes back in the picture's own fractions."""
    for name in ("cells.tflite", "labels.txt"):
        (tmp_path / name).write_bytes((model.parent / name).read_bytes())
    (tmp_path / "model.yaml").write_text(MANIFEST.replace("PLACE", place))
    done = edged("infer", "--model", tmp_path, "--raw", "--json", "--threshold", "0.4", picture)
    answer: Any = json.loads(done.stdout)
    boxes = [each["box"] for each in answer["detections"]]
    assert {each["label"] for each in answer["detections"]} == {"green"}
    if place == "corner":  # in the middle, the square lies across two rows of cells
        assert boxes == [pytest.approx({"x": 0.25, "y": 0.0, "w": 0.25, "h": 1 / 3}, abs=1e-5)]
    else:
        assert boxes == [
            pytest.approx({"x": 0.25, "y": y, "w": 0.25, "h": h}, abs=1e-5)
            for y, h in ((0.0, 1 / 6), (1 / 6, 1 / 3))
        ]
    assert {view["role"]: view["shape"] for view in answer["raw"]} == {
        "scores": [1, 16, 3],
        "boxes": [1, 16, 4],
    }
