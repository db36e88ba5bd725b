"""`edged model inspect` on every model there is: what it is, or in one line why it cannot be used."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edged.cli import outcome

pytestmark = pytest.mark.runtime
REPOSITORY = Path(__file__).resolve().parents[2]
COLOURS = REPOSITORY / "models" / "colours"
DOCUMENTED = {"task", "decoder", "compiled", "inputs", "outputs", "labels", "warnings"}
TENSOR = {"name", "shape", "dtype", "scale", "zero_point"}
# File, task, decoder, input shape and dtype, outputs, labels.
USABLE = [
    ("coco_ssd_mobilenet_v1_1.0_quant_2018_06_29", "detection", "ssd", [1, 300, 300, 3], "uint8", 4, 90),
    ("deeplabv3_mnv2_dm05_pascal_quant", "areas", "classmap", [1, 513, 513, 3], "uint8", 1, 0),
    ("mobilenet_v1_0.25_128_quant", "classification", "classification", [1, 128, 128, 3], "uint8", 1, 1001),
    ("mobilenet_v2_1.0_224_quant", "classification", "classification", [1, 224, 224, 3], "uint8", 1, 1001),
    ("movenet_single_pose_lightning_ptq", "pose", "movenet", [1, 192, 192, 3], "uint8", 1, 1),
    ("null_classifier_224", "classification", "classification", [1, 224, 224, 3], "uint8", 1, 0),
    ("null_ssd_300", "detection", "ssd", [1, 300, 300, 3], "uint8", 4, 0),
    ("vww_96_int8", "classification", "classification", [1, 96, 96, 3], "int8", 1, 0),
    ("yolov8n_a_fullint", "detection", "yolov8", [1, 640, 640, 3], "int8", 1, 80),
]
REFUSED = [
    ("keras_lstm_mnist_ptq", "no picture"),
    ("model_invoking_error", "fake-op-double"),
    ("traffic_model", "3 inputs"),
]


def inspect(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "edged", "model", "inspect", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=REPOSITORY)


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[[Path], str]:
    """The line that a refusal prints; in this process, since no child is started for a file that is refused."""

    def run(path: Path) -> str:
        assert outcome(["model", "inspect", "--json", str(path)]) == 78
        out, err = capsys.readouterr()
        assert out == ""
        (line,) = err.splitlines()
        return line

    return run


def report(*arguments: object) -> Any:
    done = inspect("--json", *arguments)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    return json.loads(done.stdout)


def check_documented(found: Any) -> None:
    """The documented keys are there, and their values are of the documented kind."""
    assert set(found) >= DOCUMENTED
    assert isinstance(found["compiled"], bool)
    assert set(found["labels"]) == {"count", "source"}
    assert all(isinstance(warning, str) for warning in found["warnings"])
    for tensor in (*found["inputs"], *found["outputs"]):
        assert set(tensor) == TENSOR
        assert (tensor["scale"] is None) == (tensor["zero_point"] is None)
        assert all(side > 0 for side in tensor["shape"])


@pytest.mark.parametrize(
    ("name", "task", "decoder", "shape", "dtype", "outputs", "labels"),
    USABLE,
    ids=[case[0] for case in USABLE],
)
def test_a_usable_model_is_described(
    test_data: Path,
    name: str,
    task: str,
    decoder: str,
    shape: list[int],
    dtype: str,
    outputs: int,
    labels: int,
) -> None:
    """Task, decoder, tensors with their final shapes, and where the labels came from."""
    found = report(test_data / "models" / f"{name}.tflite")
    check_documented(found)
    assert (found["task"], found["decoder"], found["compiled"]) == (task, decoder, False)
    (given,) = found["inputs"]
    assert (given["shape"], given["dtype"]) == (shape, dtype)
    assert given["scale"] is None or given["scale"] > 0
    assert len(found["outputs"]) == outputs
    assert found["labels"]["count"] == labels
    assert found["labels"]["source"].startswith(("embedded", "the decoder") if labels else "none")
    assert any("no labels" in warning for warning in found["warnings"]) == (labels == 0)


@pytest.mark.parametrize(("name", "words"), REFUSED, ids=[case[0] for case in REFUSED])
def test_an_unusable_model_is_refused_in_one_line(
    test_data: Path, refused: Callable[[Path], str], name: str, words: str
) -> None:
    """What this version cannot decode is told by what it looks like, with exit code 78."""
    path = test_data / "models" / f"{name}.tflite"
    line = refused(path)
    assert line.startswith(f"edged: model {path}")
    assert words in line


def test_every_model_of_the_test_data_is_covered(test_data: Path) -> None:
    """A model that is added is to be described or refused here."""
    there = {path.stem for path in (test_data / "models").glob("*.tflite")}
    assert there == {case[0] for case in USABLE} | {case[0] for case in REFUSED}


@pytest.mark.parametrize("name", ["mobilenet_v1_0.25_128_quant", "mobilenet_v2_1.0_224_quant"])
def test_a_compiled_model_is_read_where_it_cannot_run(test_data: Path, name: str) -> None:
    """Without an Edge TPU the file alone tells what it is, and a warning says that it did not run."""
    path = test_data / "models" / "edgetpu" / f"{name}_edgetpu.tflite"
    found = report("--library", "libedgetpu-nowhere.so.1", path)
    check_documented(found)
    assert found["compiled"] is True
    assert found["task"] == "classification"
    assert any("only read, not run" in warning for warning in found["warnings"])
    assert any("CPU twin" in warning for warning in found["warnings"])


def test_a_bundle_is_described_by_its_manifest() -> None:
    """The bundled model has five labels of its own and nothing to warn about."""
    found = report(COLOURS)
    check_documented(found)
    assert (found["task"], found["labels"]["count"], found["warnings"]) == ("classification", 5, [])


def test_a_label_file_replaces_the_models_own(test_data: Path, tmp_path: Path) -> None:
    """Labels from the command line are counted and named."""
    labels = tmp_path / "vww.txt"
    labels.write_text("non_person\nperson\n")
    found = report("--labels", labels, test_data / "models" / "vww_96_int8.tflite")
    assert (found["labels"]["count"], found["labels"]["source"]) == (2, f"file {labels}")
    assert found["warnings"] == []


def test_a_person_gets_a_manifest_to_start_from(test_data: Path) -> None:
    """Without --json the model is described in words, with a model.yaml below."""
    done = inspect(test_data / "models" / "vww_96_int8.tflite")
    assert done.returncode == 0
    first, *rest = done.stdout.splitlines()
    assert first == "vww_96_int8: classification, decoded as classification"
    assert any(line.startswith("  warning: no labels") for line in rest)
    assert "decoder: classification" in rest


@pytest.mark.parametrize("size", [0, 7, 1000, 300_000])
def test_a_truncated_model_is_refused_and_nothing_crashes(
    test_data: Path, tmp_path: Path, refused: Callable[[Path], str], size: int
) -> None:
    """A file that was cut off by a full disk is told as such, in one line, with exit code 78."""
    path = tmp_path / "cut.tflite"
    path.write_bytes((test_data / "models" / "vww_96_int8.tflite").read_bytes()[:size])
    line = refused(path)
    assert line.startswith("edged: ")
    assert str(path) in line


def test_a_manifest_that_is_printed_can_be_read_again(test_data: Path, tmp_path: Path) -> None:
    """What inspect prints as model.yaml, put beside the model, describes the same model."""
    source = test_data / "models" / "mobilenet_v1_0.25_128_quant.tflite"
    (tmp_path / source.name).write_bytes(source.read_bytes())
    printed = inspect(source).stdout.split("as far as it is known:\n", 1)[1]
    (tmp_path / "model.yaml").write_text(printed)
    there, alone = report(tmp_path), report(source)
    for key in ("task", "decoder", "inputs", "outputs", "roles", "activation", "background"):
        assert there[key] == alone[key], key
