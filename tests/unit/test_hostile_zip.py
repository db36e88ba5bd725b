"""What a model carries behind itself is read within limits, whoever made it."""

import io
import json
import struct
import tracemalloc
import warnings
import zipfile
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edged.domain.errors import ModelError
from edged.vision import appended
from edged.vision.embedded import embedded_description, embedded_labels
from edged.vision.modelfile import ModelFile, read_model
from tests.fakes.tflite import model

MEGABYTE = 1_000_000


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of files, compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def read(zipped: bytes) -> ModelFile:
    return read_model(model() + zipped, "x.tflite")


def refused(zipped: bytes) -> str:
    """The line that a model with this zip is refused with; little memory is taken for it."""
    data = model() + zipped
    tracemalloc.start()
    with pytest.raises(ModelError) as caught:
        read_model(data, "x.tflite")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * appended.MAX_TOTAL_BYTES
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_a_bomb_is_not_unpacked() -> None:
    """A file that grows a thousandfold is refused once it is above the limit, before it takes memory."""
    bomb = packed({"labels.txt": bytes(200 * MEGABYTE)})
    assert len(bomb) < MEGABYTE
    assert "above 4000000 bytes" in refused(bomb)


def test_many_bombs_are_limited_together() -> None:
    """Files that are each within the limit are refused where they are too much together."""
    assert "more than the" in refused(packed({f"{number}.txt": bytes(3 * MEGABYTE) for number in range(5)}))


def test_a_directory_that_lies_about_sizes_is_found_out() -> None:
    """A size of 10 bytes in the list does not make a file of 50 MB small."""
    data = bytearray(packed({"labels.txt": bytes(50 * MEGABYTE)}))
    for signature, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<I", data, data.index(signature) + offset, 10)
    with pytest.raises(ModelError):
        read(bytes(data))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_packing_is_refused(method: int) -> None:
    """Only stored and deflated files are read: others say themselves how much memory they take."""
    assert f"packed by method {method}" in refused(packed({"labels.txt": b"cat"}, method))


def test_an_encrypted_file_is_refused() -> None:
    """What cannot be read without a password is told to be unreadable."""
    data = bytearray(packed({"labels.txt": b"cat"}))
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + offset] |= 1
    assert "cannot be read" in refused(bytes(data))


@pytest.mark.parametrize(
    "name",
    ["../labels.txt", "/etc/passwd", "a/b.txt", "a\\b.txt", "C:labels.txt", "..", ".", "a\x1b[2Jb.txt", "a\nb", "\u202etxt"],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_not_taken(name: str) -> None:
    """A path, a drive, an escape or a line break in a name: the file is left where it is, and nothing is written."""
    assert read(packed({name: b"cat\n", "labels.txt": b"dog\n"})).files == {"labels.txt": b"dog\n"}


def test_one_name_twice_is_one_file() -> None:
    """Of two files of one name the later one counts, and both count for the limit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("labels.txt", b"cat\n")
            archive.writestr("labels.txt", b"dog\n")
    assert len(read(buffer.getvalue()).files) == 1


@settings(max_examples=200)
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_byte_of_the_zip_does_no_harm(place: int, value: int) -> None:
    """Any byte of the zip may be another one: the model is read or refused."""
    data = bytearray(packed({"labels.txt": b"cat\ndog\n" * 20, "metadata.json": b'{"names": {"0": "cat"}}'}))
    data[place % len(data)] = value
    with suppress(ModelError):
        read(bytes(data))


DEEP = {
    "lists": "{'names': " + "[" * 90_000 + "]" * 90_000 + "}",
    "a hundred lists": "{'names': " + "[" * 100 + "]" * 100 + ", 'stride': 1}",
    "open lists": "{'names': " + "[" * 199_000,
    "dictionaries": '{"names": ' * 20_000 + "1" + "}" * 20_000,
    "minus": "{'names': " + "-" * 190_000 + "1}",
    "not": "{'names': " + "not " * 45_000 + "1}",
    "sums": "{'names': " + "1+" * 95_000 + "1}",
    "powers": "{'names': 9**9**9**9**9}",
    "products": "{'names': 'a'*999999999999}",
    "a number": "{'names': " + "9" * 190_000 + "}",
    "a number as a key": "{'names': {" + "9" * 5_000 + ": 'x'}, 'stride': 1}",
    "attributes": "{'names': a" + ".a" * 90_000 + "}",
    "calls": "{'names': __import__('os').system('true')}",
    "comprehensions": "{'names': [x for x in range(9**9)]}",
    "escapes": "{'names': {0: '\\d \\N{DOES NOT EXIST}'}}",
    "a broken escape": "{'names': {0: '\\d'}, 'stride': 1}",
    "tabs": "{" + "\t" * 199_000 + "}",
    "zero bytes": "{'names': {0: 'a\0b'}, 'stride': 1}",
    "surrogates": '{"names": {"0": "\\ud800"}, "stride": 1}',
    "infinity": '{"names": {"0": Infinity}, "imgsz": [NaN, 1e999], "stride": 1}',
    "the names in themselves": '{"names": {"0": {"0": {"0": []}}}, "stride": 1}',
}


@pytest.mark.parametrize("kind", DEEP)
def test_a_description_cannot_break_its_reader(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Nesting, huge numbers, calls and bad escapes give labels or none: nothing is raised, run or printed."""
    files = {"metadata.txt": DEEP[kind].encode("utf-8", "surrogatepass")}
    labels = embedded_labels(files)
    embedded_description(files)
    assert labels is None or all(name.isprintable() for name in labels.names.values())
    assert capfd.readouterr() == ("", "")


literals: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers() | st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(literals, literals, st.booleans())
@example(names={True: "x"}, size=(1, 2), as_json=False)
def test_any_description_is_labels_or_none(names: Any, size: Any, as_json: bool) -> None:
    """Whatever stands where the names should be, as JSON or as a literal, is understood or left alone."""
    content = {"names": names, "imgsz": size, "stride": 32, "task": names}
    try:
        text = json.dumps(content) if as_json else repr(content)
    except TypeError:
        text = repr(content)
    files = {"metadata": text.encode("utf-8", "surrogatepass")}
    labels = embedded_labels(files)
    description = embedded_description(files)
    if labels:
        assert all(index >= 0 and name.isprintable() for index, name in labels.names.items())
    if description and description.size:
        assert all(type(side) is int for side in description.size)


@given(st.text("{}[]()'\",:+-*0123456789abcdefnost \\\n", max_size=200))
def test_any_text_is_labels_or_none(text: str) -> None:
    """Text that only begins like a description is left alone."""
    embedded_labels({"metadata.txt": ("{" + text).encode()})
