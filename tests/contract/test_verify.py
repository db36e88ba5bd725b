"""`edged model verify`: a model's two files against their checksums, and against each other on the golden frame."""

import json
import os
import re
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edged.adapters.storage.catalogue import load_catalogue
from edged.adapters.system.tpulock import TpuLock
from edged.cli import outcome
from tests.fakes.edgetpu.fixtures import MOBILENET, EdgeTpuControl

pytestmark = pytest.mark.runtime
REPOSITORY = Path(__file__).resolve().parents[2]
COLOURS = REPOSITORY / "models" / "colours"
NAME = "mobilenet_v1_025_128"
"""The same in the catalogue."""


@dataclass(frozen=True)
class Done:
    """One call of the command."""

    code: int
    out: str
    err: str


class Verify:
    """Calls the command with the stand-in for the Edge TPU."""

    def __init__(self, library: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._library = library
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Done:
        """In this process; those that run the models are its children."""
        code = outcome(["model", "verify", "--library", str(self._library), *map(str, arguments)])
        return Done(code, *self._capsys.readouterr())

    def report(self, *arguments: object) -> tuple[int, Any]:
        """Exit code, and what was found out about the one model."""
        done = self("--json", *arguments)
        assert "Traceback" not in done.err, done.err
        (found,) = json.loads(done.out)["models"]
        return done.code, found


@pytest.fixture
def verify(edgetpu_library: Path, free_edgetpu: EdgeTpuControl, capsys: pytest.CaptureFixture[str]) -> Verify:
    """The command, once nothing else on this machine holds the Edge TPUs."""
    del free_edgetpu
    return Verify(edgetpu_library, capsys)


@pytest.fixture
def installed(tmp_path: Path, test_data: Path) -> Path:
    """A folder of models with one of the catalogue in it."""
    entry = load_catalogue().find(NAME)
    assert entry
    folder = tmp_path / "installed"
    (folder / NAME).mkdir(parents=True)
    models = test_data / "models"
    shutil.copy(models / entry.cpu.path, folder / NAME)
    shutil.copy(models / "edgetpu" / entry.edgetpu.name, folder / NAME)
    shutil.copy(models / "imagenet_labels.txt", folder / NAME / "labels.txt")
    return folder


def flipped(path: Path, at: float = 0.3, length: int = 256) -> None:
    """Turns a block of weights over, among the first layers of a network."""
    content = bytearray(path.read_bytes())
    start = int(len(content) * at)
    content[start : start + length] = bytes(byte ^ 0x80 for byte in content[start : start + length])
    path.write_bytes(content)


def another_checksum(folder: Path) -> Path:
    """The bundled model with another checksum of its file in `model.yaml`; returns its folder."""
    shutil.copytree(COLOURS, folder)
    manifest = folder / "model.yaml"
    text = manifest.read_text()
    assert "sha256: 2c2ca583" in text
    manifest.write_text(text.replace("sha256: 2c2ca583", "sha256: 0c2ca583"))
    return folder


def test_twins_that_answer_alike_are_the_same(
    verify: Verify, twins: Path, edgetpu_control: EdgeTpuControl
) -> None:
    """Both files ran, each in a process of its own that is gone; the table has the differences."""
    done = verify(twins)
    assert (done.code, done.err) == (0, "")
    first, *_ = done.out.splitlines()
    assert first == f"{twins}: both twins answer alike"
    assert re.search(r"OUTPUT +STEPS +REAL VALUE +VERDICT", done.out)
    assert re.search(r"MobilenetV1/Predictions/Reshape_1 +\d\.\d +0(\.0\d+)? +same$", done.out, re.MULTILINE)
    assert "net_edgetpu.tflite: whole, sha256 a4cb1e49" in done.out
    (pid,) = edgetpu_control.pids()
    assert not Path(f"/proc/{pid}").exists()
    lock = TpuLock()
    assert lock.acquire()
    lock.release()


def test_one_object_for_programs(verify: Verify, twins: Path) -> None:
    """With --json all that the table says, and the whole checksums."""
    code, found = verify.report(twins / "net.tflite")
    assert code == 0
    assert found["verdict"] == "same"
    assert set(found) == {"name", "path", "verdict", "fault", "files", "outputs", "notes"}
    assert [(len(file["sha256"]), file["by"]) for file in found["files"]] == [(64, None)] * 2
    (output,) = found["outputs"]
    assert set(output) == {"name", "kind", "same", "steps", "real", "note"}
    assert (output["kind"], output["same"]) == ("probabilities", True)
    assert output["real"] == pytest.approx(output["steps"] / 256)


def test_a_chip_that_answers_something_else_disagrees(
    verify: Verify, twins: Path, edgetpu_control: EdgeTpuControl
) -> None:
    """Every score off by 40 steps: exit 1, and the output is named with how far it is off."""
    edgetpu_control.set(offset=40)
    code, found = verify.report(twins)
    assert (code, found["verdict"]) == (1, "differ")
    assert found["fault"].startswith("output MobilenetV1/Predictions/Reshape_1 differs by up to 0.1")
    assert found["outputs"][0]["steps"] >= 35
    assert "THE FILES DISAGREE" in verify(twins).out


def test_a_file_with_other_weights_disagrees(verify: Verify, twins: Path) -> None:
    """A block of 256 bytes of weights that was turned over in one file is seen in what it answers."""
    flipped(twins / "net.tflite")
    code, found = verify.report(twins)
    assert (code, found["verdict"]) == (1, "differ"), found


def test_a_twin_of_another_model_disagrees_without_running(
    verify: Verify, twins: Path, test_data: Path, edgetpu_control: EdgeTpuControl
) -> None:
    """A compiled file whose input has another size is told by the files alone."""
    other = test_data / "models" / "edgetpu" / "mobilenet_v2_1.0_224_quant_edgetpu.tflite"
    shutil.copy(other, twins / "net_edgetpu.tflite")
    code, found = verify.report(twins)
    assert (code, found["verdict"]) == (1, "differ")
    assert (
        "differ in their inputs: number 0 has shape [1, 128, 128, 3] against [1, 224, 224, 3]"
        in found["fault"]
    )
    assert edgetpu_control.log() == []


def test_a_twin_with_another_number_of_labels_disagrees(verify: Verify, twins: Path) -> None:
    """Files that carry lists of labels of different lengths are not of one model."""
    for name, count in (("net.tflite", 1001), ("net_edgetpu.tflite", 1000)):
        with zipfile.ZipFile(twins / name, "a") as archive:
            archive.writestr("a_label_file.txt", "".join(f"thing {number}\n" for number in range(count)))
    code, found = verify.report(twins)
    assert code == 1
    assert "differ in their labels: 1001 against 1000" in found["fault"]


def test_a_checksum_that_the_manifest_does_not_have_disagrees(verify: Verify, twins: Path) -> None:
    """A file that was changed is told before it is run, with the checksum that it should have."""
    code, found = verify.report(another_checksum(twins.parent / "colours"))
    assert (code, found["verdict"], found["outputs"]) == (1, "differ", [])
    assert "has sha256" in found["fault"]


def test_a_bundle_without_a_twin_runs_on_the_cpu(verify: Verify) -> None:
    """Of the bundled model the checksum, one run, and that there is nothing to hold it against are told."""
    code, found = verify.report("bundled:colours")
    assert (code, found["verdict"], found["notes"]) == (0, "cpu_only", ["there is no compiled twin"])
    assert found["files"][0]["by"] == "manifest"


def test_without_an_edge_tpu_only_the_cpu_twin_runs(
    verify: Verify, twins: Path, edgetpu_control: EdgeTpuControl
) -> None:
    """Exit 0 with words about what that proves; 69 where the Edge TPU is wanted, and for its owner's sake."""
    edgetpu_control.set(devices="usb:0")
    done = verify(twins)
    assert done.code == 0
    assert "only the CPU twin ran; it runs and gives finite numbers" in done.out
    assert "the compiled twin was not run: Edge TPU (any)" in done.out
    wanted = verify("--use", "edgetpu", twins)
    assert (wanted.code, wanted.out) == (69, "")
    assert "did not open" in wanted.err


def test_an_edge_tpu_that_has_an_owner_is_left_alone(
    verify: Verify, twins: Path, edgetpu_control: EdgeTpuControl
) -> None:
    """While another process of edged holds the chip, it is not opened; who holds it is told."""
    lock = TpuLock()
    assert lock.acquire()
    try:
        code, found = verify.report(twins)
        wanted = verify("--use", "edgetpu", twins)
    finally:
        lock.release()
    assert (code, found["verdict"]) == (0, "cpu_only")
    assert f"process {os.getpid()} uses this machine's Edge TPU" in found["notes"][0]
    assert wanted.code == 69
    assert edgetpu_control.log() == []


def test_the_edge_tpu_may_be_left_out(verify: Verify, twins: Path, edgetpu_control: EdgeTpuControl) -> None:
    """With --use cpu nothing of the chip is touched, whoever has it."""
    code, found = verify.report("--use", "cpu", twins)
    assert (code, found["verdict"], edgetpu_control.log()) == (0, "cpu_only", [])


@pytest.mark.parametrize(
    ("how", "words"), [("hang", "had not run its models after 1 s"), ("abort", "died (SIGABRT")]
)
def test_a_chip_that_fails_is_no_disagreement(
    verify: Verify, twins: Path, edgetpu_control: EdgeTpuControl, how: str, words: str
) -> None:
    """A chip that hangs or dies leaves the question open: exit 75, and the reason."""
    edgetpu_control.set(invoke=how)
    code, found = verify.report("--deadline", 1, twins)
    assert (code, found["verdict"]) == (75, "failed")
    assert words in found["fault"]


def test_a_compiled_file_alone_is_run_where_it_can_be(
    verify: Verify, twins: Path, edgetpu_control: EdgeTpuControl
) -> None:
    """Without its twin there is nothing to compare; without a chip either, it is only read."""
    (twins / "net.tflite").unlink()
    code, found = verify.report(twins)
    assert (code, found["verdict"]) == (0, "edgetpu_only")
    edgetpu_control.set(devices="usb:0")
    code, found = verify.report(twins)
    assert (code, found["verdict"]) == (0, "not_run")


def test_a_model_of_the_catalogue_goes_by_its_name(verify: Verify, installed: Path) -> None:
    """Its files are held against the catalogue; one that is missing, or another, is told."""
    code, found = verify.report("--use", "cpu", "--into", installed, NAME)
    assert (code, {file["by"] for file in found["files"]}) == (0, {"catalogue"})
    flipped(installed / NAME / f"{MOBILENET}.tflite", length=1)
    code, found = verify.report("--use", "cpu", "--into", installed, NAME)
    assert (code, found["verdict"]) == (1, "differ")
    assert f"this is not the {NAME} of the catalogue" in found["fault"]


def test_without_a_name_all_that_is_installed_is_verified(verify: Verify, installed: Path) -> None:
    """Models of the catalogue and others; the worst of them is the exit code, and none is left out."""
    another_checksum(installed / "colours")
    (installed / "broken").mkdir()
    (installed / "broken" / "x.tflite").write_bytes(b"no model")
    (installed / ".half.part").mkdir()
    (installed / ".half.part" / "x.tflite").write_bytes(b"")
    done = verify("--json", "--use", "cpu", "--into", installed)
    found = {each["name"]: each["verdict"] for each in json.loads(done.out)["models"]}
    assert found == {"broken": "failed", "colours": "differ", NAME: "cpu_only"}
    assert done.code == 1
    shutil.rmtree(installed / "colours")
    assert verify("--use", "cpu", "--into", installed).code == 78


@pytest.mark.parametrize("arguments", [("--into", "EMPTY"), ("EMPTY",), ("EMPTY/none.tflite",), (NAME,)])
def test_nothing_to_verify_is_one_clear_line(
    verify: Verify, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """An empty folder, a path without a model and a name that is not installed each say what to do; exit 78."""
    words = [word.replace("EMPTY", str(tmp_path)) for word in arguments]
    words += ["--into", str(tmp_path)] if arguments == (NAME,) else []
    done = verify(*words)
    assert done.code == 78
    assert re.search(r"no model|is not installed", done.out + done.err)
    assert "Traceback" not in done.out + done.err


def test_a_model_that_fails_while_running_is_told(verify: Verify, test_data: Path) -> None:
    """What cannot be decoded or run is no disagreement: exit 78 with the reason."""
    code, found = verify.report(test_data / "models" / "model_invoking_error.tflite")
    assert (code, found["verdict"]) == (78, "failed")
    assert "fake-op-double" in found["fault"]
