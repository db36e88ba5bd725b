"""`edged infer` as a user runs it: golden answers, documented JSON, and pictures that cannot be read."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edged.domain.geometry import Box
from tests.fakes.edgetpu.fixtures import MOBILENET, EdgeTpuControl

pytestmark = pytest.mark.runtime
REPOSITORY = Path(__file__).resolve().parents[2]
COLOURS = REPOSITORY / "models" / "colours"
SCORE, OVERLAP = 0.08, 0.9
"""How far an answer may be from the golden one, since libraries fit pictures differently."""
HEAD = {"image", "task", "model", "accelerator", "infer_ms"}
COCO = "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"


def infer(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "edged", "infer", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


def records(done: "subprocess.CompletedProcess[str]") -> list[Any]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def images(test_data: Path) -> Path:
    return test_data / "images"


@pytest.fixture(scope="module")
def detected(test_data: Path, images: Path) -> list[Any]:
    """Answers of the detector to three pictures, and to the first of them again."""
    names = ["cat.bmp", "pets.jpg", "grace_hopper.bmp", "cat.bmp"]
    done = infer("--model", test_data / "models" / COCO, "--json", *(images / name for name in names))
    assert done.returncode == 0, done.stderr
    return records(done)


@pytest.fixture(scope="module")
def classified(test_data: Path, images: Path) -> list[Any]:
    """Answers of the classifier to three pictures."""
    names = ["cat.bmp", "grace_hopper.bmp", "parrot.jpg"]
    path = test_data / "models" / "mobilenet_v2_1.0_224_quant.tflite"
    done = infer("--model", path, "--json", "--threshold", 0, "--top", 3, *(images / name for name in names))
    assert done.returncode == 0, done.stderr
    return records(done)


@pytest.mark.parametrize(
    ("index", "label_id", "label", "score"),
    [(0, 286, "Egyptian cat", 0.79), (1, 653, "military uniform", 0.92), (2, 89, "macaw", 0.996)],
)
def test_the_classifier_gives_the_golden_answers(
    classified: list[Any], index: int, label_id: int, label: str, score: float
) -> None:
    """MobileNet v2 names the cat, the uniform and the macaw, by the labels inside the model."""
    best = classified[index]["top"][0]
    assert (best["label_id"], best["label"]) == (label_id, label)
    assert best["score"] == pytest.approx(score, abs=SCORE)


@pytest.mark.parametrize(
    ("index", "label", "score", "edges"),
    [
        (0, "cat", 0.719, (0.131, 0.091, 0.977, 0.708)),
        (1, "dog", 0.816, (0.114, 0.237, 0.678, 0.491)),
        (2, "person", 0.711, (0.054, -0.009, 0.985, 1.014)),
    ],
)
def test_the_detector_gives_the_golden_answers(
    detected: list[Any], index: int, label: str, score: float, edges: tuple[float, float, float, float]
) -> None:
    """SSD MobileNet v1 finds the cat, the dog and the admiral where they are, within the frame."""
    best = detected[index]["detections"][0]
    ymin, xmin, ymax, xmax = edges
    assert best["label"] == label
    assert best["score"] == pytest.approx(score, abs=SCORE)
    found = Box(**best["box"])
    assert found.overlap(Box(xmin, ymin, xmax - xmin, ymax - ymin).clamped()) >= OVERLAP
    assert found == found.clamped()


@pytest.mark.parametrize(
    ("picture", "label", "score"), [("grace_hopper.bmp", "person", 0.895), ("cat.bmp", "non_person", 0.953)]
)
def test_a_label_file_names_the_classes(
    test_data: Path, images: Path, tmp_path: Path, picture: str, label: str, score: float
) -> None:
    """A model without labels takes them from a file; an int8 model answers as well as a uint8 one."""
    labels = tmp_path / "vww.txt"
    labels.write_text("non_person\nperson\n")
    done = infer(
        "--model", test_data / "models" / "vww_96_int8.tflite", "--labels", labels, "--json", images / picture
    )
    assert (done.returncode, done.stderr) == (0, "")
    best = records(done)[0]["top"][0]
    assert best["label"] == label
    assert best["score"] == pytest.approx(score, abs=SCORE)


@pytest.mark.parametrize(
    ("picture", "label", "score", "edges"),
    [
        ("cat.bmp", "cat", 0.953, (0.110, 0.102, 0.984, 0.711)),
        ("pets.jpg", "dog", 0.961, (0.384, 0.676, 0.858, 0.965)),
    ],
)
def test_yolov8_gives_the_golden_answers(
    test_data: Path, images: Path, picture: str, label: str, score: float, edges: tuple[float, ...]
) -> None:
    """An int8 export of YOLOv8n finds the cat and the dog where they are, without a manifest."""
    model = test_data / "models" / "yolov8n_a_fullint.tflite"
    done = infer("--model", model, "--json", "--raw", images / picture)
    assert (done.returncode, done.stderr) == (0, "")
    (record,) = records(done)
    assert {each["label"] for each in record["detections"]} == {label}
    best, (ymin, xmin, ymax, xmax) = record["detections"][0], edges
    assert best["score"] == pytest.approx(score, abs=SCORE)
    assert Box(**best["box"]).overlap(Box(xmin, ymin, xmax - xmin, ymax - ymin)) >= OVERLAP
    shown = record["raw"][0]["values"][0]
    assert shown["value"] == pytest.approx(best["score"], abs=1e-6)
    assert shown["index"][1] == 4 + best["label_id"]
    assert len(shown["box"]) == 4


def test_a_detection_has_the_documented_keys(detected: list[Any]) -> None:
    """The JSON of a detector is exactly what is documented, with boxes as fractions of the picture."""
    for record in detected:
        assert set(record) == HEAD | {"detections"}
        assert (record["task"], record["accelerator"]) == ("detection", "cpu")
        assert set(record["model"]) == {"name", "sha"}
        assert re.fullmatch("[0-9a-f]{8}", record["model"]["sha"])
        assert 0 < record["infer_ms"] < 10_000
        for item in record["detections"]:
            assert set(item) == {"label", "label_id", "score", "box"}
            assert set(item["box"]) == {"x", "y", "w", "h"}
            assert 0.3 <= item["score"] <= 1
        scores = [item["score"] for item in record["detections"]]
        assert scores == sorted(scores, reverse=True)


def test_a_classification_has_the_documented_keys(classified: list[Any]) -> None:
    """The JSON of a classifier has `top` instead of `detections`, best first, as many as asked for."""
    for record in classified:
        assert set(record) == HEAD | {"top"}
        assert record["task"] == "classification"
        assert len(record["top"]) == 3
        assert all(set(item) == {"label", "label_id", "score"} for item in record["top"])
        scores = [item["score"] for item in record["top"]]
        assert scores == sorted(scores, reverse=True)


def test_the_same_picture_twice_has_the_same_answer(detected: list[Any], images: Path) -> None:
    """One line a picture, in the order they were named, and no memory of what came between."""
    assert [Path(record["image"]).name for record in detected] == [
        "cat.bmp", "pets.jpg", "grace_hopper.bmp", "cat.bmp"
    ]  # fmt: skip
    assert detected[0]["detections"] == detected[3]["detections"]


def test_a_bad_picture_does_not_stop_the_others(images: Path, tmp_path: Path) -> None:
    """A missing file, a text and half a picture are named, the rest is answered, and the exit code is 1."""
    text, half = tmp_path / "text.jpg", tmp_path / "half.jpg"
    text.write_text("no picture")
    half.write_bytes((images / "pets.jpg").read_bytes()[:400])
    bad = [tmp_path / "gone.png", text, half]
    good = [images / "cat.bmp", images / "parrot.jpg"]
    done = infer("--model", COLOURS, "--json", bad[0], good[0], bad[1], bad[2], good[1])
    assert done.returncode == 1
    assert [record["image"] for record in records(done)] == [str(path) for path in good]
    lines = done.stderr.splitlines()
    assert len(lines) == 3, done.stderr
    for line, path in zip(lines, bad, strict=True):
        assert line.startswith("edged: ")
        assert str(path) in line


def test_only_bad_pictures_end_well_too(tmp_path: Path) -> None:
    """Nothing to answer is no reason to hang."""
    done = infer("--model", COLOURS, "--json", tmp_path / "a.jpg", tmp_path / "b.jpg")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 2


def test_raw_shows_what_the_model_really_said(test_data: Path, images: Path) -> None:
    """Stored integers, their real values by scale and zero point, and which part each output plays."""
    done = infer(
        "--model", test_data / "models" / "vww_96_int8.tflite", "--raw", "--json", images / "cat.bmp"
    )
    assert done.returncode == 0
    (record,) = records(done)
    (output,) = record["raw"]
    assert (output["role"], output["dtype"], output["shape"]) == ("scores", "int8", [1, 2])
    for value in output["values"]:
        assert isinstance(value["stored"], int)
        assert value["value"] == pytest.approx((value["stored"] - output["zero_point"]) * output["scale"])
    best = record["top"][0]
    assert output["values"][0]["index"] == [0, best["label_id"]]
    assert output["values"][0]["value"] == pytest.approx(best["score"], abs=1e-5)


def test_without_json_a_person_can_read_it(images: Path) -> None:
    """A line for the picture, and one for each answer, best first; --raw adds a line for each output."""
    done = infer("--model", COLOURS, "--threshold", 0, "--raw", images / "cat.bmp")
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert lines[0].startswith(f"{images / 'cat.bmp'}  (colours on cpu, ")
    assert len(lines) == 1 + 5 + 1
    assert re.fullmatch(r"  \d\.\d{3}  red \(0\)", lines[1])
    assert json.loads(lines[-1])["dtype"] == "uint8"


def test_nothing_above_the_threshold_is_an_answer(images: Path) -> None:
    """A picture without anything to report still has its line."""
    done = infer("--model", COLOURS, "--threshold", 1, images / "cat.bmp")
    assert done.returncode == 0
    assert "nothing above the threshold" in done.stdout


@pytest.fixture
def twins(test_data: Path, tmp_path: Path, free_edgetpu: EdgeTpuControl) -> Path:
    """A model with its compiled twin beside it, once nothing else on this machine holds the Edge TPUs."""
    del free_edgetpu
    models = test_data / "models"
    shutil.copy(models / f"{MOBILENET}.tflite", tmp_path)
    shutil.copy(models / "edgetpu" / f"{MOBILENET}_edgetpu.tflite", tmp_path)
    return tmp_path / f"{MOBILENET}.tflite"


def test_an_edge_tpu_answers_where_there_is_one(
    twins: Path, edgetpu_library: Path, edgetpu_control: EdgeTpuControl, images: Path
) -> None:
    """The compiled twin is taken by itself, and the answer says who gave it and from which file."""
    done = infer(
        "--model", twins, "--library", edgetpu_library, "--json", "--threshold", 0, images / "cat.bmp"
    )
    assert done.returncode == 0, done.stderr
    (record,) = records(done)
    assert (record["accelerator"], record["model"]["sha"]) == ("edgetpu", "a4cb1e49")
    assert any(line.startswith("invoke ok") for line in edgetpu_control.log())


def test_without_an_edge_tpu_the_cpu_twin_answers_and_says_so(twins: Path, images: Path) -> None:
    """The fall-back is told in a line of ours, and the answer comes from the CPU's file."""
    done = infer("--model", twins, "--library", "libedgetpu-nowhere.so.1", "--json", images / "cat.bmp")
    assert done.returncode == 0
    assert records(done)[0]["accelerator"] == "cpu"
    assert "using the CPU" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cable_pulled_in_the_middle_loses_no_picture(
    twins: Path, edgetpu_library: Path, edgetpu_control: EdgeTpuControl, images: Path
) -> None:
    """A chip that dies at every third run: all pictures are answered all the same, in order, each once.

    Where the chip's next process takes its time, the CPU answers some.
    """
    edgetpu_control.set(invoke="abort", fail_after=3)
    names = [images / name for name in ("cat.bmp", "parrot.jpg", "pets.jpg", "grace_hopper.bmp", "bird.bmp")]
    done = infer("--model", twins, "--library", edgetpu_library, "--json", *names)
    assert [record["image"] for record in records(done)] == [str(name) for name in names], done.stderr
    assert records(done)[0]["accelerator"] == "edgetpu"
    assert done.returncode == 0, done.stderr
    assert "SIGABRT" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cable_pulled_between_two_regions_loses_none(
    twins: Path, edgetpu_library: Path, edgetpu_control: EdgeTpuControl, images: Path
) -> None:
    """A chip that dies in the middle of a picture's regions: every region of every picture is answered, once."""
    edgetpu_control.set(invoke="abort", fail_after=5)
    names = [images / name for name in ("cat.bmp", "parrot.jpg", "pets.jpg", "bird.bmp")]
    regions = [f"--region=part_{at}={at / 3},0,{1 / 3},1" for at in range(3)]
    done = infer("--model", twins, "--library", edgetpu_library, "--json", *regions, *names)
    found = [(record["image"], record["region"]) for record in records(done)]
    wanted = [(str(name), f"part_{at}") for name in names for at in range(3)]
    assert found == wanted, done.stderr
    assert (done.returncode, "SIGABRT" in done.stderr) == (0, True), done.stderr


def test_a_chip_that_dies_at_every_picture_is_left_for_the_cpu(
    twins: Path, edgetpu_library: Path, edgetpu_control: EdgeTpuControl, images: Path
) -> None:
    """A few processes die on the first picture, then the CPU twin answers it and all others."""
    edgetpu_control.set(invoke="abort", fail_after=1)
    names = [images / name for name in ("cat.bmp", "parrot.jpg", "pets.jpg")]
    done = infer("--model", twins, "--library", edgetpu_library, "--json", *names)
    found = [(record["image"], record["accelerator"]) for record in records(done)]
    assert found == [(str(name), "cpu") for name in names], done.stderr
    assert done.returncode == 0, done.stderr


def test_only_lines_of_ours_reach_stderr(twins: Path, images: Path) -> None:
    """A script that reads stderr finds `edged: ...` lines and nothing else."""
    done = infer("--model", twins, "--library", "libedgetpu-nowhere.so.1", "--json", images / "cat.bmp")
    assert [line for line in done.stderr.splitlines() if not line.startswith("edged: ")] == []
