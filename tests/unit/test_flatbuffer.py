"""Model files are read without a runtime, and whatever is no whole model is refused."""

import io
import random
import struct
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.domain.errors import ModelError
from edged.domain.tensors import Quantization, TensorSpec
from edged.vision import appended
from edged.vision.flatbuffer import Reader
from edged.vision.modelfile import ModelFile, read_model
from tests.fakes.tflite import PICTURE, RESHAPE, Tensor, archive, model

REAL = (
    "mobilenet_v2_1.0_224_quant.tflite",
    "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite",
    "edgetpu/mobilenet_v1_0.25_128_quant_edgetpu.tflite",
    "edgetpu/mobilenet_v2_1.0_224_quant_edgetpu.tflite",
    "null_ssd_300.tflite",
    "vww_96_int8.tflite",
)
SSD_OUTPUTS = tuple(Tensor(f"out{index}", (), "float32") for index in range(4))


def real_model(folder: Path, name: str) -> bytes:
    return (folder / "models" / name).read_bytes()


def read_or_refuse(data: bytes) -> ModelFile | None:
    """The model, or None where it is refused; any other exception is a failure."""
    with suppress(ModelError):
        return read_model(data, "x.tflite")
    return None


def refused(data: bytes) -> str:
    with pytest.raises(ModelError) as caught:
        read_model(data, "x.tflite")
    assert caught.value.fix
    return caught.value.what


def test_inputs_and_outputs_are_read() -> None:
    """A model's tensors are read with name, shape, dtype and quantisation."""
    file = read_model(model(), "x.tflite")
    assert file.inputs == (TensorSpec("image", (1, 32, 32, 3), "uint8", Quantization(1 / 128, 128)),)
    assert file.outputs == (TensorSpec("scores", (1, 5), "uint8", Quantization(1 / 256, 0)),)
    assert (file.ops, file.custom_ops, file.compiled, file.makers) == (1, (), False, (25,))


def test_scale_zero_is_no_quantisation() -> None:
    """A tensor without a scale isn't quantised."""
    file = read_model(model(inputs=(Tensor("image", (1, 8, 8, 3)),)), "x.tflite")
    assert file.inputs[0].quantization is None


def test_compiled_model_is_recognised() -> None:
    """A model with the Edge TPU's operator is compiled."""
    file = read_model(model(op="edgetpu-custom-op"), "x.tflite")
    assert file.compiled
    assert file.edgetpu_ops == 1


@pytest.mark.parametrize("shuffle", [(0, 1, 2, 3), (2, 0, 3, 1), (3, 2, 1, 0)])
def test_postprocess_is_read_from_the_graph(shuffle: Any) -> None:
    """The roles of an SSD's outputs follow the operator that writes them, in whatever order they are listed."""
    file = read_model(
        model(outputs=SSD_OUTPUTS, op="TFLite_Detection_PostProcess", shuffle=shuffle), "x.tflite"
    )
    assert file.postprocess is not None
    names = [file.outputs[index].name for index in file.postprocess]
    assert names == ["out0", "out1", "out2", "out3"]


def test_postprocess_whose_outputs_stay_inside_is_not_guessed() -> None:
    """A post-processing operator that doesn't write the model's outputs says nothing of them."""
    data = model(outputs=SSD_OUTPUTS, op="TFLite_Detection_PostProcess", shuffle=(0, 1, 2))
    assert read_model(data, "x.tflite").postprocess is None


def test_makers_look_through_reshapes() -> None:
    """A tensor that is only reshaped from the input has no maker but the reshape."""
    assert read_model(model(op=RESHAPE), "x.tflite").makers == (None,)


def test_appended_files_are_read() -> None:
    """Files appended to a model are read by name."""
    data = model(mentions=["labels.txt"], files={"labels.txt": b"cat\ndog\n"})
    file = read_model(data, "x.tflite")
    assert file.files == {"labels.txt": b"cat\ndog\n"}


def test_appended_names_with_folders_are_skipped() -> None:
    """A file whose name leads elsewhere is not taken."""
    files = {"../labels.txt": b"1", "/etc/passwd": b"2", "a\\b": b"3", "c:d": b"4", "ok.txt": b"5"}
    assert read_model(model(files=files), "x.tflite").files == {"ok.txt": b"5"}


@pytest.mark.parametrize(
    "files",
    [
        {f"{number}.txt": b"" for number in range(appended.MAX_FILES + 1)},
        {"large.txt": bytes(appended.MAX_FILE_BYTES + 1)},
        {f"{number}.txt": bytes(3_000_000) for number in range(3)},
    ],
)
def test_appended_files_are_limited(files: Any) -> None:
    """Too many, too large or together too large files are refused."""
    assert "more than the" in refused(model(files=files))


def zip64(data: bytes, files: int) -> bytes:
    """The same zip with a record of the newer kind, which counts beyond 65,535 files."""
    at = data.rindex(b"PK\5\6")
    size, place = struct.unpack_from("<II", data, at + 12)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, files, files, size, place)
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, 46, place, 0)
    return data[:at] + record + struct.pack("<4sIQI", b"PK\6\7", 0, at, 1) + end


@pytest.mark.parametrize("comment", [b"", b"a comment"])
@pytest.mark.parametrize("newer", [False, True])
def test_a_long_list_of_appended_files_is_not_even_read(comment: bytes, newer: bool) -> None:
    """Thousands of appended files are refused before there is an object for each of them."""
    data = archive(dict.fromkeys(map(str, range(5000)), b""))
    data = zip64(data, 5000) if newer else data
    data = data[:-2] + struct.pack("<H", len(comment)) + comment
    assert len(zipfile.ZipFile(io.BytesIO(data)).namelist()) == 5000
    plain = model()
    tracemalloc.start()
    assert "32 files allowed" in refused(plain + data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_a_zip_of_few_files_may_have_a_comment() -> None:
    """A comment behind the files, and bytes that look like the record of an end, change nothing."""
    data = archive({"labels.txt": b"PK\5\6" * 9})
    for comment in (b"hello", bytes(60_000)):
        whole = model() + data[:-2] + struct.pack("<H", len(comment)) + comment
        assert list(read_model(whole, "x.tflite").files) == ["labels.txt"]
    assert read_model(model() + b"PK\5\6", "x.tflite").files == {}


def test_a_large_tail_is_refused_before_it_is_opened() -> None:
    """Files that are larger together than allowed are refused by their size alone."""
    data = archive({f"a/{number}": bytes(3_000_000) for number in range(3)})
    assert "9000" in refused(model() + data)


def test_names_are_kept_short_and_printable() -> None:
    """A name of 60,000 bytes, or one that drives a terminal, is cut and cleaned where it is kept."""
    tensors = (Tensor("x" * 60_000, (1, 8, 8, 3)),), (Tensor("\x1b[2Jout\n", (1, 5), "uint8", 1 / 256),)
    file = read_model(model(*tensors, op="\x1b[31m" + "y" * 60_000), "x.tflite")
    assert file.inputs[0].name == "x" * 256
    assert file.outputs[0].name == "\ufffd[2Jout "
    assert file.custom_ops == ("\ufffd[31m" + "y" * 251,)


def test_model_without_the_files_it_mentions_is_cut_off() -> None:
    """Metadata that names label files that aren't there shows that the file was cut off."""
    assert "labels.txt" in refused(model(mentions=["labels.txt"]))


def test_damaged_appended_file_is_refused() -> None:
    """An appended file whose checksum is wrong is refused."""
    data = model(files={"labels.txt": b"cat and dog"})
    assert "appended" in refused(data.replace(b"cat and dog", b"cat and dig"))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"TFL3", "is cut off: it has 4 bytes"),
        (b"\x1c\0\0\0TFL3", "is cut off"),
        (b"<html><body>not found</body></html>", "is not a TFLite model"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12", "Git LFS pointer"),
    ],
)
def test_other_files_are_refused_by_name(data: Any, why: str) -> None:
    """What is no model at all is refused with a word for what it is."""
    assert why in refused(data)


def test_cut_off_weights_are_named_with_both_sizes() -> None:
    """A truncated model is refused with the byte where its part ends and the size of the file."""
    data = model()
    what = refused(data[:-40])
    assert "is cut off" in what
    assert f"the file has {len(data) - 40}" in what


def test_every_truncation_of_a_small_model_is_refused() -> None:
    """A model that is cut off anywhere is refused, also inside the files appended to it."""
    data = model(mentions=["labels.txt"], files={"labels.txt": b"cat\ndog\n"})
    assert not [cut for cut in range(len(data)) if read_or_refuse(data[:cut])]


@pytest.mark.parametrize("name", REAL)
def test_truncations_of_real_models_are_refused(test_data: Path, name: str) -> None:
    """A real model is refused at each of twenty places where it may be cut off, and near its end."""
    data = real_model(test_data, name)
    cuts = [len(data) * part // 21 for part in range(1, 21)] + [
        len(data) - back for back in (1, 2, 5, 20, 100)
    ]
    assert not [cut for cut in cuts if read_or_refuse(data[:cut])]


@pytest.mark.parametrize("name", REAL)
def test_bit_flips_in_real_models_do_no_harm(test_data: Path, name: str) -> None:
    """A flipped bit gives a model or a refusal, and never anything else."""
    data = bytearray(real_model(test_data, name))
    places = random.Random(7)
    for _ in range(30):
        head_or_tail = places.choice((places.randrange(4096), len(data) - 1 - places.randrange(60_000)))
        place, bit = head_or_tail % len(data), 1 << places.randrange(8)
        data[place] ^= bit
        read_or_refuse(bytes(data))
        data[place] ^= bit


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=8))
def test_overwritten_bytes_do_no_harm(place: int, garbage: bytes) -> None:
    """Garbage anywhere in a model gives a model or a refusal."""
    data = model(mentions=["labels.txt"], files={"labels.txt": b"cat\ndog\n"})
    at = place % len(data)
    read_or_refuse(data[:at] + garbage + data[at + len(garbage) :])


@given(st.binary(max_size=300))
def test_any_bytes_do_no_harm(garbage: bytes) -> None:
    """Any bytes behind a model's first eight give a model or a refusal."""
    read_or_refuse(b"\x08\0\0\0TFL3" + garbage)
    read_or_refuse(model() + b"PK\x03\x04" + garbage)
    read_or_refuse(model() + archive({"labels.txt": b"cat"})[:-10] + garbage)


def test_reading_has_a_budget() -> None:
    """Tables that refer to one long vector again and again are refused, instead of read for hours."""
    root = Reader(model(), "x.tflite", reads=1000).table(0, "the model table")
    with pytest.raises(ModelError, match="without end"):
        [root.numbers(3, "B", "the description") for _ in range(1000)]


def test_text_tensor_is_refused_by_name() -> None:
    """An input of text is refused with its name."""
    assert "'words'" in refused(model(inputs=(PICTURE, Tensor("words", (1,), "string"))))


@pytest.mark.parametrize("shape", [(1, 1 << 27), (1 << 14, 1 << 14), (1, 1 << 30, 1 << 30, 1 << 30)])
def test_huge_inputs_and_outputs_are_refused(shape: tuple[int, ...]) -> None:
    """A shape that a flipped bit has made huge is refused by name before anybody takes memory for it."""
    assert "tensor 'out' has" in refused(model(outputs=(Tensor("out", shape, "uint8", 1 / 256, 0),)))
    assert "tensor 'image' has" in refused(model(inputs=(Tensor("image", shape),)))
