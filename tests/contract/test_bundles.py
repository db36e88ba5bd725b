"""A model is loaded from a bundle's folder or from a bare file, with its twin and its labels."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from edged.adapters.storage.bundles import bundled, load_bundle
from edged.config import yamlfile
from edged.domain.errors import ConfigurationError, ModelError, PermissionDeniedError
from edged.vision.document import manifest_to_mapping
from edged.vision.report import describe
from tests.fakes.tflite import PROBABILITIES, Tensor, model

CPU = model()
TPU = model(op="edgetpu-custom-op")
NAMES = "background\ncat\ndog\nbird\nfish\n"


def put(folder: Path, **files: bytes | str) -> Path:
    """Writes files; `__` in a keyword stands for the dot."""
    folder.mkdir(exist_ok=True)
    for key, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / key.replace("__", ".")).write_bytes(data)
    return folder


def refused(path: Path, kind: type[Exception] = ModelError) -> str:
    with pytest.raises(kind) as caught:
        load_bundle(path)
    return str(caught.value)


@pytest.mark.parametrize("asked", ["pets.tflite", "pets_edgetpu.tflite", "."])
def test_twins_and_labels_are_found_beside_the_model(tmp_path: Path, asked: str) -> None:
    """A file, its compiled twin and its label file make a bundle, whichever of them was named."""
    folder = put(tmp_path / "b", pets__tflite=CPU, pets_edgetpu__tflite=TPU, pets__txt=NAMES)
    bundle = load_bundle(folder / asked)
    assert bundle.cpu == folder / "pets.tflite"
    assert bundle.edgetpu == folder / "pets_edgetpu.tflite"
    assert bundle.cpu_sha == hashlib.sha256(CPU).hexdigest()[:8]
    assert bundle.edgetpu_sha == hashlib.sha256(TPU).hexdigest()[:8]
    assert bundle.manifest.name == "pets"
    assert bundle.manifest.background == "first"
    assert bundle.labels.name(1) == "cat"
    assert bundle.compiled == (asked != "pets.tflite")
    assert bundle.warnings == ()


def test_a_model_alone_is_enough(tmp_path: Path) -> None:
    """A bare model works without twin and labels, with a warning."""
    bundle = load_bundle(put(tmp_path, x__tflite=CPU) / "x.tflite")
    assert (bundle.edgetpu, bundle.edgetpu_sha, len(bundle.labels)) == (None, "", 0)
    assert "no labels" in bundle.warnings[0]


def test_a_compiled_model_alone_has_no_fallback(tmp_path: Path) -> None:
    """A compiled model without its CPU twin works, with a warning that nothing is left to fall back to."""
    bundle = load_bundle(put(tmp_path, x_edgetpu__tflite=TPU) / "x_edgetpu.tflite")
    assert bundle.cpu is None
    assert any("fall back" in warning for warning in bundle.warnings)


def test_names_do_not_make_a_compiled_model(tmp_path: Path) -> None:
    """A file that is only named like a compiled one is told apart by its content."""
    folder = put(tmp_path, x__tflite=CPU, x_edgetpu__tflite=CPU)
    bundle = load_bundle(folder / "x_edgetpu.tflite")
    assert bundle.cpu == folder / "x_edgetpu.tflite"
    assert bundle.edgetpu is None
    assert any("not compiled" in warning for warning in bundle.warnings)


def test_labels_in_order_of_preference(tmp_path: Path) -> None:
    """The file that was named wins, then labels inside a bare model, then a file beside it."""
    inside = model(mentions=["labels.txt"], files={"labels.txt": NAMES.encode()})
    folder = put(tmp_path / "b", x__tflite=inside, labels__txt="1\n2\n3\n4\n5", other__txt="a\nb\nc\nd\ne")
    named = load_bundle(folder / "x.tflite", labels_file=folder / "other.txt")
    assert named.labels.name(0) == "a"
    assert named.labels.source == f"file {folder / 'other.txt'}"
    assert load_bundle(folder / "x.tflite").labels.source == "embedded labels.txt"
    assert load_bundle(folder).labels.name(0) == "1"


def test_inferred_manifest_loads_again(tmp_path: Path) -> None:
    """The manifest that was inferred can be written into the folder, and then gives the same bundle."""
    folder = put(tmp_path / "b", x__tflite=CPU, x_edgetpu__tflite=TPU, names__txt=NAMES)
    first = load_bundle(folder)
    put(folder, model__yaml=yamlfile.dump(manifest_to_mapping(first.manifest)))
    again = load_bundle(folder)
    assert again.manifest == first.manifest
    assert (again.cpu_sha, again.edgetpu_sha, again.labels) == (
        first.cpu_sha,
        first.edgetpu_sha,
        first.labels,
    )
    assert load_bundle(folder / "model.yaml") == again


MANIFEST = "name: pets\ndecoder: classification\nactivation: softmax\n"


def test_manifest_wins_over_what_would_be_inferred(tmp_path: Path) -> None:
    """What model.yaml says is taken as it is; files that it doesn't name are found."""
    bundle = load_bundle(put(tmp_path / "b", x__tflite=CPU, model__yaml=MANIFEST))
    assert bundle.manifest.activation == "softmax"
    assert bundle.cpu == tmp_path / "b" / "x.tflite"


def test_changed_file_is_refused_by_its_checksum(tmp_path: Path) -> None:
    """A file that doesn't have the manifest's sha256 is refused, a label file, too."""
    folder = put(tmp_path / "b", x__tflite=CPU, names__txt=NAMES)
    wrong = "0" * 64
    put(folder, model__yaml=f"{MANIFEST}cpu: {{path: x.tflite, sha256: '{wrong}'}}\n")
    assert "x.tflite has sha256" in refused(folder)
    put(folder, model__yaml=f"{MANIFEST}cpu: x.tflite\nlabels: {{path: names.txt, sha256: '{wrong}'}}\n")
    assert "names.txt has sha256" in refused(folder)


def test_manifest_mistakes_carry_their_line(tmp_path: Path) -> None:
    """A mistake in model.yaml is reported with file, line and column."""
    folder = put(tmp_path / "b", x__tflite=CPU, model__yaml=f"{MANIFEST}backgruond: first\n")
    found = refused(folder, ConfigurationError)
    assert f"{folder / 'model.yaml'}:4:" in found
    assert "did you mean background?" in found


def test_manifest_that_confuses_the_twins_is_refused(tmp_path: Path) -> None:
    """A compiled file is no CPU file, whatever the manifest calls it, nor the other way round."""
    folder = put(tmp_path / "b", x__tflite=CPU, y__tflite=TPU, model__yaml=f"{MANIFEST}cpu: y.tflite\n")
    assert "is compiled for the Edge TPU" in refused(folder)
    put(folder, model__yaml=f"{MANIFEST}edgetpu: x.tflite\n")
    assert "is not compiled" in refused(folder)


def test_what_no_twin_could_help_is_said_first(tmp_path: Path) -> None:
    """An operator that no runtime has is the reason, though the twin has another scale, too."""
    plain = model(op="PosenetDecoderOp")
    other = model(outputs=(replace(PROBABILITIES, scale=0.5),), op="edgetpu-custom-op")
    folder = put(tmp_path / "b", x__tflite=plain, x_edgetpu__tflite=other)
    for asked in ("x.tflite", "x_edgetpu.tflite"):
        assert "needs the operator PosenetDecoderOp" in refused(folder / asked)


@pytest.mark.parametrize(
    "other",
    [
        Tensor("scores", (1, 6), "uint8", 1 / 256, 0),
        Tensor("scores", (1, 5), "int8", 1 / 256, 0),
        Tensor("scores", (1, 5), "uint8", 1 / 128, 0),
    ],
)
def test_twins_must_agree(tmp_path: Path, other: Tensor) -> None:
    """A compiled twin of another model is refused by the first difference."""
    stranger = model(outputs=(other,), op="edgetpu-custom-op")
    folder = put(tmp_path, x__tflite=CPU, x_edgetpu__tflite=stranger)
    assert "differ in their outputs" in refused(folder / "x.tflite")


def test_missing_model_names_its_neighbours(tmp_path: Path) -> None:
    """A path that leads nowhere is refused with the names that come close."""
    put(tmp_path, mobilenet__tflite=CPU)
    found = refused(tmp_path / "mobilnet.tflite")
    assert f"no model at {tmp_path / 'mobilnet.tflite'}" in found
    assert "did you mean mobilenet.tflite?" in found
    assert "there is no folder" in refused(tmp_path / "nowhere" / "x.tflite")


def test_folder_needs_one_model(tmp_path: Path) -> None:
    """A folder without a model, or with several, is refused."""
    assert "no model in the folder" in refused(put(tmp_path / "b"))
    assert "several models: x, y" in refused(put(tmp_path / "b", x__tflite=CPU, y__tflite=CPU))


def test_broken_files_are_named(tmp_path: Path) -> None:
    """A twin that is cut off, a device, a label file that is no text: each is refused by its path."""
    folder = put(tmp_path, x__tflite=CPU, x_edgetpu__tflite=TPU[:-50], y__tflite=CPU, y__txt=b"\xff\xfea")
    assert "x_edgetpu.tflite is cut off" in refused(folder / "x.tflite")
    assert "is not UTF-8" in refused(folder / "y.tflite", ConfigurationError)
    os.mkfifo(folder / "pipe.tflite")
    assert "is no file" in refused(folder / "pipe.tflite")
    put(folder, y__txt="\n\n")
    assert "names no class" in refused(folder / "y.tflite", ConfigurationError)
    assert "cannot be read" in refused(folder / "a\0b")


def test_forbidden_file_is_a_matter_of_permission(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A model that we may not read ends with the exit code for permissions."""
    folder = put(tmp_path, x__tflite=CPU)
    (folder / "x.tflite").chmod(0)
    request.getfixturevalue("as_nobody")
    assert "may not be read" in refused(folder / "x.tflite", PermissionDeniedError)


def test_unknown_bundled_model_is_refused() -> None:
    """A name that nothing was shipped under is refused, with one that would do."""
    with pytest.raises(ModelError, match=r"no model nothing_of_this_name ships.*bundled:testcard"):
        load_bundle(Path("bundled:nothing_of_this_name"))


def test_bundled_models_go_by_their_names() -> None:
    """`bundled:colours` in place of a path is the model that ships with the package."""
    assert load_bundle(Path("bundled:colours")) == load_bundle(bundled("colours"))


@pytest.mark.parametrize("name", ["", ".", "..", "../colours", "/etc", "colours/model.yaml"])
def test_only_a_plain_name_is_looked_for(name: str) -> None:
    """A bundled model is a name and no way out of the folder of bundles."""
    with pytest.raises(ModelError, match="ships with edged"):
        bundled(name)


def test_report_is_json(tmp_path: Path) -> None:
    """`model inspect` says what a program needs, as plain JSON."""
    folder = put(tmp_path, x__tflite=CPU, x__txt=NAMES)
    report = json.loads(json.dumps(describe(load_bundle(folder / "x.tflite"))))
    assert (report["task"], report["decoder"], report["compiled"]) == (
        "classification",
        "classification",
        False,
    )
    assert report["inputs"] == [
        {"name": "image", "shape": [1, 32, 32, 3], "dtype": "uint8", "scale": 1 / 128, "zero_point": 128}
    ]
    assert report["outputs"][0]["name"] == PROBABILITIES.name
    assert report["labels"] == {"count": 5, "source": f"file {folder / 'x.txt'}"}
    assert report["warnings"] == []


def test_real_models_load(test_data: Path) -> None:
    """Real models load by path, with their embedded labels or with a file's."""
    folder = test_data / "models"
    ssd = load_bundle(folder / "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite")
    assert (ssd.manifest.task, ssd.labels.name(17), ssd.undecided) == ("detection", "dog", False)
    compiled = load_bundle(
        folder / "edgetpu/mobilenet_v2_1.0_224_quant_edgetpu.tflite",
        labels_file=folder / "imagenet_labels.txt",
    )
    assert (compiled.compiled, compiled.manifest.background) == (True, "first")
    assert compiled.labels.name(653) == "military uniform"


@pytest.mark.parametrize("key", ["cpu", "edgetpu", "labels"])
def test_each_file_is_held_against_its_checksum(tmp_path: Path, key: str) -> None:
    """The line names the file, the sha256 that it has and the one that it should have, whichever file it is."""
    files = {
        "cpu": ("x.tflite", CPU),
        "edgetpu": ("x_edgetpu.tflite", TPU),
        "labels": ("x.txt", NAMES.encode()),
    }
    folder = put(tmp_path / "b", x__tflite=CPU, x_edgetpu__tflite=TPU, x__txt=NAMES)
    wanted = {each: hashlib.sha256(data).hexdigest() for each, (_, data) in files.items()}

    def write() -> None:
        lines = [f"{each}: {{path: {name}, sha256: '{wanted[each]}'}}" for each, (name, _) in files.items()]
        put(
            folder,
            model__yaml="\n".join(["name: pets", "decoder: classification", "background: first", *lines]),
        )

    write()
    assert load_bundle(folder).warnings == ()
    found, wanted[key] = wanted[key], "0" * 64
    write()
    said = refused(folder)
    assert f"{folder / files[key][0]} has sha256 {found}, but its model.yaml says {'0' * 64}" in said
    assert said.isprintable()


def test_a_checksum_is_checked_before_the_file_is_looked_into(tmp_path: Path) -> None:
    """A file that is broken and not the right one is told to be not the right one, and is not read any further."""
    folder = put(tmp_path / "b", x__tflite=CPU[:-40])
    put(
        folder,
        model__yaml=f"{MANIFEST}cpu: {{path: x.tflite, sha256: '{hashlib.sha256(CPU).hexdigest()}'}}\n",
    )
    assert "has sha256" in refused(folder)
    put(folder, model__yaml=f"{MANIFEST}cpu: x.tflite\n")
    assert "is cut off" in refused(folder)
