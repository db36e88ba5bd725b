"""`edged check`: one line for each finding, a summary, and an exit code."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edged.adapters.storage.bundles import bundled
from edged.cli.check import check

MODEL = (bundled("colours") / "colours.tflite").read_bytes()
GOOD = "models: {m: {path: model.tflite}}\ncameras:\n  front: {source: {type: pattern}, model: m}\n"


@pytest.fixture
def nobody(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """For the time of a test, a user who may not look into the test's folder."""
    tmp_path.chmod(0)
    request.getfixturevalue("as_nobody")


def run(folder: Path, text: str | None, *options: str) -> Result:
    (folder / "model.tflite").write_bytes(MODEL)
    file = folder / "edged.yaml"
    if text is not None:
        file.write_text(text)
    return CliRunner(env={"EDGED_MQTT_HOST": None}).invoke(check, [str(file), *options])


def test_a_good_file(tmp_path: Path) -> None:
    """A valid file is one line and exit 0."""
    result = run(tmp_path, GOOD)
    assert (result.exit_code, result.output) == (0, "edged.yaml: no errors\n")


def test_mistakes(tmp_path: Path) -> None:
    """Each mistake is a line, then they are counted; exit 78."""
    result = run(tmp_path, GOOD.replace("model: m", "model: x, top_k: 0"))
    assert result.exit_code == 78
    assert result.output.splitlines() == [
        f"{tmp_path}/edged.yaml:3:43: cameras.front.model: there is no model called 'x' (there is m)",
        f"{tmp_path}/edged.yaml:3:53: cameras.front.top_k: must be a whole number between 1 and 100, but is 0",
        "edged.yaml: 2 errors",
    ]


def test_a_missing_model_is_found_in_its_place(tmp_path: Path) -> None:
    """A model file that does not exist is an error at its path, with a near name."""
    result = run(tmp_path, GOOD.replace("model.tflite", "modell.tflite"))
    assert result.exit_code == 78
    hint = f"there is no {tmp_path}/modell.tflite (did you mean {tmp_path}/model.tflite?)"
    assert result.output == f"{tmp_path}/edged.yaml:1:20: models.m.path: {hint}\nedged.yaml: 1 error\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb\n", "labels file {0}: 2 lines but model"),
        (b"0 a\n99 b\n", "labels file {0} go up to index 99"),
        (b"0 a\n0 b\n", "labels file {0}: an index comes twice"),
        (b"\xff", "label file {0}: byte 0 is not UTF-8 text"),
        (b"\n", "label file {0} names no class"),
        (None, "there is no {0}"),
    ],
)
def test_a_wrong_label_file_is_found_in_its_place(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    """What is wrong with a label file, alone or for its model, is told once, at `labels_file`."""
    if content is not None:
        (tmp_path / "l.txt").write_bytes(content)
    result = run(tmp_path, GOOD.replace("model.tflite", "model.tflite, labels_file: l.txt"))
    first, last = result.output.splitlines()
    assert first.startswith(
        f"{tmp_path}/edged.yaml:1:47: models.m.labels_file: {message.format(tmp_path / 'l.txt')}"
    )
    assert last == "edged.yaml: 1 error"


def test_a_broken_model_with_a_label_file_is_found_at_its_path(tmp_path: Path) -> None:
    """A good label file is not blamed for its model."""
    (tmp_path / "l.txt").write_text("a\n")
    (tmp_path / "cut.tflite").write_bytes(MODEL[:100])
    for labels in ("l.txt", "model.tflite"):
        result = run(tmp_path, GOOD.replace("model.tflite", f"cut.tflite, labels_file: {labels}"))
        assert (
            f"{tmp_path}/edged.yaml:1:20: models.m.path: model {tmp_path}/cut.tflite is cut off"
            in result.output
        )


def test_a_label_that_stands_for_none_cannot_be_reported(tmp_path: Path) -> None:
    """`???` in a label file names no class, so it is nothing to wait for."""
    (tmp_path / "l.txt").write_text("a\n???\nn/a\nd\ne\n")
    good = GOOD.replace("model.tflite", "model.tflite, labels_file: l.txt")
    result = run(tmp_path, good.replace("model: m}", "model: m, labels: ['???', 'n/a', d]}"))
    assert [line.split(":")[3].strip() for line in result.output.splitlines()[:2]] == [
        "cameras.front.labels.???",
        "cameras.front.labels.n/a",
    ]


def test_warnings_do_not_fail(tmp_path: Path) -> None:
    """A warning is shown as such, counted, and leaves the exit code at 0."""
    result = run(tmp_path, GOOD + "mqtt: {username: u, password: x}\n")
    assert result.exit_code == 0
    assert ":4:21: mqtt.password: warning: can be read by whoever" in result.output
    assert result.output.endswith("edged.yaml: no errors, 1 warning\n")


def test_json(tmp_path: Path) -> None:
    """For programs the same is one JSON object."""
    result = run(tmp_path, GOOD + "mqtt: {prot: 1, password: x}\n", "--json")
    report = json.loads(result.output)
    assert (result.exit_code, report["ok"], report["file"]) == (78, False, f"{tmp_path}/edged.yaml")
    assert report["errors"] == [
        {
            "file": f"{tmp_path}/edged.yaml",
            "line": 4,
            "column": 8,
            "key": "mqtt.prot",
            "message": "unknown key",
            "suggestion": "did you mean protocol?",
        }
    ]
    good = json.loads(run(tmp_path, GOOD, "--json").output)
    assert good == {"file": f"{tmp_path}/edged.yaml", "ok": True, "errors": [], "warnings": []}


def test_a_missing_file(tmp_path: Path) -> None:
    """A file that does not exist is a finding like any other, in both forms."""
    result = run(tmp_path, None)
    assert (result.exit_code, result.output.count("\n")) == (78, 2)
    assert "there is no such file" in result.output
    assert json.loads(run(tmp_path, None, "--json").output)["errors"][0]["line"] == 0


def test_a_file_that_may_not_be_read(tmp_path: Path, nobody: None) -> None:
    """A file that this user may not read ends with exit 77 and the command that helps."""
    result = CliRunner().invoke(check, [str(tmp_path / "edged.yaml")])
    assert result.exit_code == 77
    assert "may not be" in result.output
    assert "sudo chmod" in result.output


def test_wrong_usage(tmp_path: Path) -> None:
    """An unknown option is refused with a usage line."""
    result = run(tmp_path, GOOD, "--jsn")
    assert result.exit_code != 0
    assert "--json" in result.output
