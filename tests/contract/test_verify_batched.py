"""`edged model verify` on a model that takes several pictures at once; writing one needs LiteRT's schema."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edged.adapters.storage.bundles import load_bundle
from edged.cli import outcome
from edged.vision.golden import golden_input
from tests.fakes.edgetpu.compile import fake_compile, input_hash
from tests.fakes.edgetpu.fixtures import EdgeTpuControl
from tests.fakes.edgetpu.golden import record_golden

pytestmark = pytest.mark.runtime
COLOURS = Path(__file__).resolve().parents[2] / "models" / "colours"
PLACES = 3


@pytest.fixture
def bundle(tmp_path: Path, free_edgetpu: EdgeTpuControl) -> Path:
    """The bundled model for three pictures, and its twin; once nothing else holds the Edge TPUs."""
    for package in ("flatbuffers", "ai_edge_litert"):
        pytest.importorskip(package, reason="writing the model needs flatbuffers and LiteRT's schema")
    from tests.fakes.batched import batched  # noqa: PLC0415  after the check for what it needs

    shutil.copytree(COLOURS, folder := tmp_path / "colours")
    (cpu,) = folder.glob("*.tflite")
    cpu.write_bytes(batched(cpu.read_bytes(), PLACES))
    cpu.with_stem(f"{cpu.stem}_edgetpu").write_bytes(fake_compile(cpu.read_bytes()).content)
    manifest = folder / "model.yaml"
    manifest.write_text(
        re.sub(r", sha256: \w+", "", manifest.read_text()) + "edgetpu: {path: colours_edgetpu.tflite}\n"
    )
    record_golden(folder, tmp_path)
    free_edgetpu.set(output="known", replay_dir=tmp_path)
    return folder


@pytest.fixture
def verify(bundle: Path, edgetpu_library: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[], Any]:
    def call() -> tuple[int, Any]:
        code = outcome(["model", "verify", "--json", "--library", str(edgetpu_library), str(bundle)])
        (found,) = json.loads(capsys.readouterr().out)["models"]
        return code, found

    return call


def test_every_picture_of_a_batch_is_compared(verify: Callable[[], Any], bundle: Path) -> None:
    """A chip that answers the second of three pictures wrongly, and the others as the CPU does, disagrees."""
    code, found = verify()
    assert (code, found["verdict"]) == (0, "same"), found
    loaded = load_bundle(bundle)
    given = golden_input(loaded.inputs[0], loaded.manifest.input)
    recording = bundle.parent / f"{input_hash(given.tobytes()):016x}.bin"
    answers = bytearray(recording.read_bytes())
    size = len(answers) // PLACES
    answers[size : 2 * size] = bytes(answers[size : 2 * size][::-1])
    recording.write_bytes(answers)
    code, found = verify()
    assert (code, found["verdict"]) == (1, "differ"), found
    assert "picture 2 of 3" in found["fault"]
    assert len(found["outputs"]) == 1
