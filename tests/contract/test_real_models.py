"""Every model of the test data is told right or refused with its reason; what is known of each stands in a table."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema  # type: ignore[import-untyped]  # it ships no type information
import pytest

from edged.adapters.storage.bundles import load_bundle
from edged.adapters.storage.writing import write_bundle
from edged.cli import outcome
from edged.config.yamlfile import read
from edged.domain.errors import ModelError
from edged.vision.manifestschema import manifest_schema
from tests.fakes.tflite import CONV, MEAN, PICTURE, Tensor, model

REPOSITORY = Path(__file__).resolve().parents[2]


class Row(NamedTuple):
    """What a usable model is."""

    file: str
    task: str
    decoder: str
    activation: str
    background: str
    labels: int
    on_edgetpu: int
    """How many operators run there, or would by the documentation."""
    on_cpu: tuple[str, ...]


BEHIND_A_RESIZE = (
    "RESIZE_BILINEAR", "QUANTIZE", "CONCATENATION", "CONV_2D", "RESIZE_BILINEAR", "RESIZE_BILINEAR", "ARG_MAX",
)  # fmt: skip
"""What DeepLab does from the first picture on that it enlarges much, for each reason once."""
BEHIND_A_CAST = (
    "CAST", "QUANTIZE", "ARG_MAX", "FLOOR_DIV", "RESHAPE", "MUL", "SUB", "PACK", "DEQUANTIZE", "GATHER_ND", "RESHAPE",
    "UNPACK", "ADD", "SUB", "MUL", "SQRT", "DIV", "PACK", "CONCATENATION", "CONCATENATION",
)  # fmt: skip
"""What MoveNet does with the results of operators that the Edge TPU has not, for each reason once."""
USABLE = [
    Row("coco_ssd_mobilenet_v1_1.0_quant_2018_06_29", "detection", "ssd", "none", "none", 90, 63, ("TFLite_Detection_PostProcess",)),
    Row("deeplabv3_mnv2_dm05_pascal_quant", "areas", "classmap", "none", "none", 0, 64, BEHIND_A_RESIZE),
    Row("edgetpu/mobilenet_v1_0.25_128_quant_edgetpu", "classification", "classification", "none", "first", 1001, 1, ()),
    Row("edgetpu/mobilenet_v2_1.0_224_quant_edgetpu", "classification", "classification", "none", "none", 0, 1, ()),
    Row("mobilenet_v1_0.25_128_quant", "classification", "classification", "none", "first", 1001, 31, ()),
    Row("mobilenet_v2_1.0_224_quant", "classification", "classification", "none", "first", 1001, 66, ()),
    Row("movenet_single_pose_lightning_ptq", "pose", "movenet", "none", "none", 1, 98, BEHIND_A_CAST),
    Row("null_classifier_224", "classification", "classification", "softmax", "none", 0, 2, ()),
    Row("null_ssd_300", "detection", "ssd", "none", "none", 0, 0, ("TFLite_Detection_PostProcess",)),
    Row("vww_96_int8", "classification", "classification", "none", "none", 0, 31, ()),
    Row("yolov8n_a_fullint", "detection", "yolov8", "none", "none", 80, 254, ()),
]  # fmt: skip
# File, what is wrong with it, what to do.
REFUSED = [
    ("keras_lstm_mnist_ptq", "takes [1, 28, 28] as input, which is no picture", "takes pictures as [1, height, width, 1 or 3]"),
    ("model_invoking_error", "needs the operator fake-op-double, which no runtime of ours has", "TFLite's built-in operators only"),
    ("traffic_model", "has 3 inputs (normalized_input_image_tensor, raw_inputs/init_lstm_c, raw_inputs/init_lstm_h)", "use a model with one image input"),
]  # fmt: skip
ANSWERING = [row.file for row in USABLE if row.on_edgetpu > 2]


def test_the_tables_name_every_model(test_data: Path) -> None:
    """A model that is added to the test data is to be told or refused here."""
    there = {
        str(path.relative_to(test_data / "models").with_suffix(""))
        for path in (test_data / "models").rglob("*.tflite")
    }
    assert there == {row.file for row in USABLE} | {row[0] for row in REFUSED}


@pytest.mark.parametrize("row", USABLE, ids=[row.file for row in USABLE])
def test_a_usable_model_is_told_right(test_data: Path, row: Row) -> None:
    """Task, decoder, activation, background, labels, and what the Edge TPU would leave to the CPU."""
    bundle = load_bundle(test_data / "models" / f"{row.file}.tflite")
    manifest, placement = bundle.manifest, bundle.placement
    assert row == Row(
        row.file,
        manifest.task,
        manifest.decoder,
        manifest.activation,
        manifest.background,
        len(bundle.labels),
        placement.on_edgetpu,
        tuple(left.name for left in placement.on_cpu),
    )
    assert placement.compiled == row.file.startswith("edgetpu/")


@pytest.mark.parametrize(("file", "what", "fix"), REFUSED, ids=[row[0] for row in REFUSED])
def test_an_unusable_model_is_refused_with_its_reason(
    test_data: Path, file: str, what: str, fix: str
) -> None:
    """One line says what it is and what to use instead."""
    with pytest.raises(ModelError) as caught:
        load_bundle(test_data / "models" / f"{file}.tflite")
    assert what in caught.value.what
    assert fix in caught.value.fix
    assert str(caught.value).isprintable()


HAND_MADE = [
    ("two inputs", model(inputs=(PICTURE, Tensor("state", (1, 320), "uint8", 0.1))), "has 2 inputs (image, state)", "use a model with one image input"),
    ("a sequence", model(inputs=(Tensor("rows", (1, 28, 28), "uint8", 0.1),)), "takes [1, 28, 28] as input, which is no picture", "pictures as [1, height, width, 1 or 3]"),
    ("poses decoded by an operator", model(op="PosenetDecoderOp"), "needs the operator PosenetDecoderOp, which decodes poses", "use a model of one of these kinds"),
    ("a coarse YOLO", model((Tensor("image", (1, 320, 320, 3), "int8", 1 / 255, -128),), (Tensor("head", (1, 84, 2100), "int8", 0.06, -128),)), "with scale 0.06 for boxes and scores alike, too coarse for scores from 0 to 1", "export it again"),
    ("an embedding of a pooling layer", model(outputs=(Tensor("features", (1, 1024), "uint8", 0.02),), op=MEAN), "looks like an embedding: it comes from a pooling layer", "write a model.yaml that says so"),
    ("an embedding by its range", model(outputs=(Tensor("x", (1, 1024), "uint8", 0.02),), op=CONV), "looks like an embedding: it is never negative and goes up to 5.1", "write a model.yaml that says so"),
    ("full TensorFlow", model(op="FlexErf"), "needs the operator FlexErf of full TensorFlow", "TFLite's built-in operators only"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "what", "fix"), [row[1:] for row in HAND_MADE], ids=[row[0] for row in HAND_MADE]
)
def test_what_cannot_be_used_is_refused_with_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, what: str, fix: str
) -> None:
    """`edged model inspect` prints one line with the reason and what to do, and exits with 78."""
    (tmp_path / "x.tflite").write_bytes(data)
    assert outcome(["model", "inspect", str(tmp_path / "x.tflite"), "--write", str(tmp_path / "b")]) == 78
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert out == ""
    assert line.startswith(f"edged: model {tmp_path / 'x.tflite'}")
    assert what in line
    assert fix in line
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("row", USABLE, ids=[row.file for row in USABLE])
def test_a_written_bundle_is_the_same_model(test_data: Path, tmp_path: Path, row: Row) -> None:
    """Files, labels by index and manifest survive the writing, and the model.yaml is valid by its schema."""
    bare = load_bundle(test_data / "models" / f"{row.file}.tflite")
    written = write_bundle(bare, tmp_path / "bundle")
    for name in ("inputs", "outputs", "cpu_sha256", "edgetpu_sha256", "placement"):
        assert getattr(written, name) == getattr(bare, name), name
    for name in (
        "name",
        "task",
        "decoder",
        "input",
        "roles",
        "activation",
        "background",
        "nms",
        "coordinates",
    ):
        assert getattr(written.manifest, name) == getattr(bare.manifest, name), name
    indices = range(2000)
    assert [written.labels.name(i) for i in indices] == [bare.labels.name(i) for i in indices]
    jsonschema.validate(read(tmp_path / "bundle/model.yaml").data, manifest_schema())
    entries = (written.manifest.cpu, written.manifest.edgetpu, written.manifest.labels)
    assert all(entry.sha256 for entry in entries if entry)
    assert (written.manifest.labels is None) == (row.labels == 0)


def answers(model: Path, *pictures: Path) -> list[Any]:
    """What `edged infer` says, to the last digit, without the time that it took."""
    command = [sys.executable, "-m", "edged", "infer", "--json", "--raw", "--threshold", "0.05"]
    command += ["--model", str(model), *map(str, pictures)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=REPOSITORY)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    return [{key: value for key, value in record.items() if key != "infer_ms"} for record in records]


@pytest.mark.runtime
@pytest.mark.parametrize("file", ANSWERING)
def test_a_written_bundle_answers_bit_by_bit_the_same(test_data: Path, tmp_path: Path, file: str) -> None:
    """The stored integers of the outputs and every score are those of the bare file."""
    bare = test_data / "models" / f"{file}.tflite"
    pictures = [test_data / "images" / name for name in ("cat.bmp", "pets.jpg")]
    write_bundle(load_bundle(bare), tmp_path / "bundle")
    found = answers(tmp_path / "bundle", *pictures)
    assert found == answers(bare, *pictures)
    assert len(found) == 2
    assert all(record["raw"] for record in found)
