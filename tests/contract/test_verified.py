"""What runs is the file whose checksum was looked at, and a wrong one ends every command in the same way."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edged.adapters.runtimes.tflite import TfliteRuntimes
from edged.adapters.storage.bundles import bundled, load_bundle
from edged.cli import outcome
from edged.compose.inference import probe_model
from edged.compose.plans import AcceleratorOptions
from edged.domain.errors import ModelError

REPOSITORY = Path(__file__).resolve().parents[2]
CPU_ONLY = AcceleratorOptions(use="cpu")


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """A copy of the bundled model's folder."""
    return Path(shutil.copytree(bundled("colours"), tmp_path / "colours"))


@pytest.mark.parametrize("key", ["cpu", "labels"])
def test_a_wrong_checksum_ends_check_start_and_infer_with_78(
    colours: Path, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    """`edged check` names the line of the configuration; `edged run` and `edged infer` end with the reason."""
    manifest = colours / "model.yaml"
    manifest.write_text(re.sub(rf"({key}: .*sha256: )\w+", rf"\g<1>{'f' * 64}", manifest.read_text()))
    why = "has sha256 [0-9a-f]{64}, but its model.yaml says f{64}"
    config = colours.parent / "edged.yaml"
    config.write_text(
        "models: {colours: {path: colours}}\ncameras: {front: {source: {type: pattern}, model: colours}}\n"
    )
    assert outcome(["check", str(config)]) == 78
    assert re.search(rf"edged\.yaml:1:\d+: models\.colours\.path: .*{why}", capsys.readouterr().out)
    for command in (
        ["run", "--publish", "stdout", "--config", config],
        ["infer", "--model", colours, "x.png"],
    ):
        arguments = [sys.executable, "-m", "edged", *map(str, command)]
        done = subprocess.run(
            arguments, capture_output=True, text=True, timeout=60, check=False, cwd=REPOSITORY
        )
        assert done.returncode == 78, done.stderr
        assert re.search(why, done.stderr)
        assert "Traceback" not in done.stderr


@pytest.mark.runtime
def test_the_runtime_takes_the_verified_bytes_alone(colours: Path) -> None:
    """A file with the right checksum is loaded, one that was changed since is refused by name."""
    path = colours / "colours.tflite"
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    runtimes = TfliteRuntimes(library=None, device="", threads=1)
    assert runtimes.load(str(path), sha256=sha256).inputs
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelError, match=rf"{path} was changed after it had been examined"):
        runtimes.load(str(path), sha256=sha256)
    path.unlink()
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        runtimes.load(str(path), sha256=sha256)


@pytest.mark.runtime
def test_a_file_that_is_exchanged_before_the_child_starts_is_refused(colours: Path) -> None:
    """Between the look at a model and its start somebody may replace it: then nothing runs."""
    bundle = load_bundle(colours)
    assert probe_model(bundle, CPU_ONLY).outputs
    (colours / "colours.tflite").write_bytes((colours / "colours.tflite").read_bytes() + b"\0\0\0\0")
    with pytest.raises(ModelError, match="was changed after it had been examined"):
        probe_model(bundle, CPU_ONLY)
