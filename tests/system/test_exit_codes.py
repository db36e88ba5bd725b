"""What cannot work ends at once with a code that means something and one line that says why."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.system.machine import COLOURS, REPOSITORY

pytestmark = pytest.mark.rig
CONFIGURATION, UNAVAILABLE = 78, 69
LIMIT_S = 15


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def edged(*arguments: object, folder: Path | None = None) -> Ended:
    """Runs a command to its end, which must come in time and without a traceback."""
    started_s = time.monotonic()
    process = subprocess.run(
        [sys.executable, "-m", "edged", *map(str, arguments)],
        cwd=folder or REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=2 * LIMIT_S,
        check=False,
    )
    assert time.monotonic() - started_s < LIMIT_S
    assert "Traceback" not in process.stderr, process.stderr
    assert "edged: bug" not in process.stderr, process.stderr
    return Ended(process.returncode, process.stdout, process.stderr)


def one_line(text: str) -> str:
    """The only line of a text."""
    (line,) = text.strip().splitlines()
    return line


@pytest.fixture
def picture(test_data: Path) -> Path:
    return test_data / "images" / "cat.bmp"


def run_config(folder: Path, model: Path, **more: str) -> Path:
    """A configuration that needs no broker; `more` are lines at its end."""
    lines = [
        f"state_dir: {folder}/state",
        f"models: {{main: {{path: {model}}}}}",
        "cameras: {front: {source: {type: pattern, frames: 20}, model: main}}",
        *more.values(),
    ]
    file = folder / "edged.yaml"
    file.write_text("\n".join(lines) + "\n")
    return file


def refused(folder: Path, model: Path, picture: Path, code: int = CONFIGURATION) -> tuple[str, str]:
    """What `infer` and `run` say about a model that neither can use."""
    infer = edged("infer", "--use", "auto", "--model", model, picture)
    run = edged("run", "--config", run_config(folder, model), "--publish", "stdout")
    assert (infer.code, run.code) == (code, code), (infer.err, run.err)
    assert infer.out == ""
    return infer.err, run.err


def test_a_missing_model_is_named(tmp_path: Path, picture: Path) -> None:
    """A path that leads nowhere is told with the path; `run` adds the line of the configuration."""
    infer, run = refused(tmp_path, tmp_path / "none.tflite", picture)
    assert "none.tflite" in one_line(infer)
    assert f"{tmp_path}/edged.yaml:2:" in one_line(run)
    assert "none.tflite" in run


@pytest.mark.parametrize(
    "name", ["mobilenet_v1_0.25_128_quant.tflite", "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"]
)
def test_a_model_that_was_cut_off_is_refused_at_any_point(
    tmp_path: Path, test_data: Path, picture: Path, name: str
) -> None:
    """Wherever a download broke off, the model is refused as cut off or damaged, in one line."""
    content = (test_data / "models" / name).read_bytes()
    file = tmp_path / name
    for twentieth in range(20):
        file.write_bytes(content[: len(content) * twentieth // 20])
        ended = edged("infer", "--use", "cpu", "--model", file, picture)
        assert (ended.code, ended.out) == (CONFIGURATION, ""), (twentieth, ended)
        assert name in one_line(ended.err)


def test_a_cut_off_model_does_not_start_the_daemon(tmp_path: Path, test_data: Path) -> None:
    """`run` refuses it before any child is started."""
    file = tmp_path / "model.tflite"
    content = (test_data / "models" / "mobilenet_v1_0.25_128_quant.tflite").read_bytes()
    file.write_bytes(content[: len(content) // 2])
    ended = edged("run", "--config", run_config(tmp_path, file), "--publish", "stdout")
    assert (ended.code, ended.out) == (CONFIGURATION, "")
    assert "model.tflite" in one_line(ended.err)


def test_a_compiled_model_alone_needs_an_edge_tpu(tmp_path: Path, test_data: Path, picture: Path) -> None:
    """Without a twin for the CPU and without a chip nothing can run: device unavailable, not a bad file."""
    name = "mobilenet_v1_0.25_128_quant_edgetpu.tflite"
    shutil.copy(test_data / "models" / "edgetpu" / name, tmp_path / name)
    for text in refused(tmp_path, tmp_path / name, picture, UNAVAILABLE):
        assert "libedgetpu" in text
    ended = edged("infer", "--use", "cpu", "--model", tmp_path / name, picture)
    assert (ended.code, ended.out) == (CONFIGURATION, "")
    assert "no CPU twin" in ended.err


@pytest.mark.parametrize("name", ["traffic_model.tflite", "keras_lstm_mnist_ptq.tflite"])
def test_a_model_whose_input_is_no_picture_is_refused(
    tmp_path: Path, test_data: Path, picture: Path, name: str
) -> None:
    """Three inputs, or one that is no picture, cannot be fed from a camera."""
    for text in refused(tmp_path, test_data / "models" / name, picture):
        assert "input" in one_line(text)


def test_a_model_that_cannot_be_invoked_is_refused(tmp_path: Path, test_data: Path, picture: Path) -> None:
    """A model that fails when it runs is found out before the first frame."""
    for text in refused(tmp_path, test_data / "models" / "model_invoking_error.tflite", picture):
        assert "model_invoking_error" in text


def test_labels_that_cannot_be_those_of_the_model_are_refused(
    tmp_path: Path, test_data: Path, picture: Path
) -> None:
    """Three labels for 1,001 classes are a wrong file, not a guess."""
    model = test_data / "models" / "mobilenet_v1_0.25_128_quant.tflite"
    labels = tmp_path / "labels.txt"
    labels.write_text("one\ntwo\nthree\n")
    ended = edged("infer", "--use", "cpu", "--model", model, "--labels", labels, picture)
    assert (ended.code, ended.out) == (CONFIGURATION, "")
    assert "labels.txt" in one_line(ended.err)


def test_an_unreadable_picture_fails_alone(tmp_path: Path, picture: Path) -> None:
    """The others are answered, in order, and the exit code says that one was not."""
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff\xe0 not really")
    pictures = [picture, bad, picture, tmp_path / "gone.png", picture]
    ended = edged("infer", "--json", "--model", COLOURS, *pictures)
    assert ended.code == 1
    assert [json.loads(line)["image"] for line in ended.out.splitlines()] == [str(picture)] * 3
    assert ["bad.jpg" in ended.err, "gone.png" in ended.err] == [True, True]


def test_a_great_many_pictures_are_taken(tmp_path: Path, picture: Path) -> None:
    """Three thousand long names on one command line reach the process that reads them."""
    folder = tmp_path / "a_folder_whose_name_is_rather_long_so_that_the_list_of_names_grows"
    folder.mkdir()
    (folder / "first.bmp").symlink_to(picture)
    names = [folder / "first.bmp", *(folder / f"picture_{number:06}.bmp" for number in range(3000))]
    ended = edged("infer", "--json", "--model", COLOURS, *names)
    assert (ended.code, len(ended.out.splitlines())) == (1, 1)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("cameras:\n  front:\n    sorce: {type: pattern}\n", ":3:5:", "source"),
        ("cameras:\n\tfront: {}\n", ":2:1:", "tab"),
        ("", "", "empty"),
    ],
    ids=["unknown key", "tab", "empty file"],
)
def test_a_wrong_configuration_is_told_with_its_place(
    tmp_path: Path, text: str, place: str, words: str
) -> None:
    """Line and column, what is wrong, and what was probably meant."""
    file = tmp_path / "edged.yaml"
    file.write_text(text)
    for command in (["check", file], ["run", "--config", file]):
        ended = edged(*command)
        assert ended.code == CONFIGURATION, ended
        said = ended.out + ended.err
        assert f"edged.yaml{place}" in said
        assert words in said
