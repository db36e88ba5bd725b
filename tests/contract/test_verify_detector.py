"""`edged model verify` on a detector, whose answers are lists; compiling one for the stand-in needs LiteRT."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from edged.cli import outcome
from tests.fakes.edgetpu.compile import fake_compile
from tests.fakes.edgetpu.fixtures import EdgeTpuControl
from tests.fakes.edgetpu.golden import record_golden


@pytest.fixture
def coco(tmp_path: Path, test_data: Path, free_edgetpu: EdgeTpuControl) -> Path:
    """A detector whose last operator stays on the CPU, and its twin; once nothing else holds the Edge TPUs."""
    pytest.importorskip("flatbuffers", reason="compiling needs flatbuffers")
    pytest.importorskip("ai_edge_litert", reason="compiling needs LiteRT's schema")
    folder = tmp_path / "coco"
    folder.mkdir()
    cpu, edgetpu = folder / "coco.tflite", folder / "coco_edgetpu.tflite"
    shutil.copy(test_data / "models" / "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite", cpu)
    compiled = fake_compile(cpu.read_bytes())
    edgetpu.write_bytes(compiled.content)
    with zipfile.ZipFile(cpu) as ours, zipfile.ZipFile(edgetpu, "a") as theirs:
        for name in ours.namelist():
            theirs.writestr(name, ours.read(name))
    record_golden(cpu, tmp_path, tensors=compiled.crossing)
    free_edgetpu.set(output="known", replay_dir=tmp_path)
    return folder


def test_a_detector_is_compared_by_what_it_lists(
    coco: Path, edgetpu_library: Path, edgetpu_control: EdgeTpuControl, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its four outputs are one list; a chip whose scores and boxes are others lists other objects."""

    def verify() -> tuple[int, Any]:
        code = outcome(["model", "verify", "--json", "--library", str(edgetpu_library), str(coco)])
        (found,) = json.loads(capsys.readouterr().out)["models"]
        return code, found

    code, found = verify()
    assert (code, found["verdict"]) == (0, "same"), found
    assert [output["kind"] for output in found["outputs"]] == ["list"] * 4
    edgetpu_control.set(offset=64)
    code, found = verify()
    assert (code, found["verdict"]) == (1, "differ"), found
    assert "rows that stand out are not in the other list" in found["fault"]
