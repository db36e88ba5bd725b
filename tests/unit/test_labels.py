"""Label files of every common shape become names by class index, or are refused with both numbers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.domain.errors import ModelError
from edged.vision.embedded import embedded_labels
from edged.vision.labels import Labels, match_labels, parse_labels

NAMES = ("cat", "dog", "bird")


def names_of(text: str) -> dict[int, str]:
    return dict(parse_labels(text, "file x.txt").names)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("cat\ndog\nbird\n", {0: "cat", 1: "dog", 2: "bird"}),
        ("cat\ndog", {0: "cat", 1: "dog"}),
        ("\ufeffcat\r\ndog\r\n\r\n", {0: "cat", 1: "dog"}),
        ("0  person\n1  bicycle\n12  stop sign\n", {0: "person", 1: "bicycle", 12: "stop sign"}),
        ("0: cat\n1: dog\n", {0: "cat", 1: "dog"}),
        ("3,cat\n7,dog\n\n", {3: "cat", 7: "dog"}),
        ("0\tcat\n\n5\tdog\n", {0: "cat", 5: "dog"}),
        ("1 series\nlorry\n", {0: "1 series", 1: "lorry"}),
        ("0\n1\n2\n", {0: "0", 1: "1", 2: "2"}),
        ("cat\n\ndog\n", {0: "cat", 2: "dog"}),
        ("", {}),
        ("\n \n", {}),
    ],
)
def test_label_files_are_read(text: str, names: Any) -> None:
    """Plain and numbered lines, gaps, byte order marks and foreign line ends are all understood."""
    assert names_of(text) == names


def test_prose_below_the_labels_is_left_out() -> None:
    """Notes below the list, as in pascal_voc's file, name no classes."""
    note = "and 255 is the ignore label that marks pixels excluded from learning and\nevaluation by all of us here.\n"
    assert names_of(f"background\ncat\ndog\n\n{note}") == {0: "background", 1: "cat", 2: "dog"}
    assert names_of("0 cat\n1 dog\n\nSee https://example.org/labels\n") == {0: "cat", 1: "dog"}


def test_labels_can_be_printed() -> None:
    """What would drive a terminal becomes a replacement character; spaces of any kind are plain ones."""
    assert names_of("\x1b]0;x\x07cat\nstop sign\na\u202eb\nno\xa0break\ttab\n\0dog\0\n") == {
        0: "\ufffd]0;x\ufffdcat",
        1: "stop sign",
        2: "a\ufffdb",
        3: "no break tab",
        4: "dog",
    }
    assert names_of("0 \x9b31mcat\n1\tdog\n") == {0: "\ufffd31mcat", 1: "dog"}


def test_repeated_index_is_refused() -> None:
    """A numbered file with one index twice is refused."""
    with pytest.raises(ModelError, match=r"labels file x\.txt: an index comes twice"):
        parse_labels("0 cat\n0 dog\n", "file x.txt")


def test_unnamed_classes_have_a_name() -> None:
    """A class without a name, or with a placeholder for one, is called by its index."""
    labels = parse_labels("cat\n???\nn/a\n", "file x.txt")
    assert [labels.name(index) for index in range(4)] == ["cat", "class_1", "class_2", "class_3"]
    assert len(labels) == 3


def plain(*names: str) -> Labels:
    return parse_labels("\n".join(names), "file x.txt")


@pytest.mark.parametrize(
    ("labels", "count", "names", "background"),
    [
        (plain(*NAMES), 3, {0: "cat", 1: "dog", 2: "bird"}, "none"),
        (plain("background", *NAMES), 4, {0: "background", 1: "cat", 2: "dog", 3: "bird"}, "first"),
        (plain("???", *NAMES), 4, {0: "???", 1: "cat", 2: "dog", 3: "bird"}, "first"),
        (plain(*NAMES, "background"), 4, {0: "cat", 1: "dog", 2: "bird", 3: "background"}, "last"),
        (plain(*NAMES), 4, {1: "cat", 2: "dog", 3: "bird"}, "first"),
        (plain("background", *NAMES), 3, {0: "cat", 1: "dog", 2: "bird"}, "none"),
        (plain(*NAMES, "background"), 3, {0: "cat", 1: "dog", 2: "bird"}, "none"),
        (plain("cat", "", "dog", "bird"), 4, {0: "cat", 2: "dog", 3: "bird"}, "none"),
        (plain("cat", "", "dog", "", "bird"), 3, {0: "cat", 1: "dog", 2: "bird"}, "none"),
        (plain("0 cat", "2 bird"), 4, {0: "cat", 2: "bird"}, "none"),
        (plain("0 background", "3 bird"), 4, {0: "background", 3: "bird"}, "first"),
        (Labels(), 4, {}, "none"),
    ],
)
def test_labels_meet_the_class_axis(labels: Labels, count: int, names: Any, background: Any) -> None:
    """The class axis decides whether the file or the model has a background, and at which end."""
    matched, found = match_labels(labels, count, "x.tflite")
    assert dict(matched.names) == names
    assert found == background


def test_imagenet_and_inaturalist_sizes() -> None:
    """1,000 names on 1,001 classes leave the first one to the background; 965 end with it."""
    matched, background = match_labels(plain(*(f"n{i}" for i in range(1000))), 1001, "x.tflite")
    assert (matched.name(0), matched.name(1), background) == ("class_0", "n0", "first")
    birds = plain(*(f"b{i}" for i in range(964)), "background")
    assert match_labels(birds, 965, "x.tflite")[1] == "last"


@pytest.mark.parametrize(
    ("labels", "count", "numbers"),
    [
        (plain(*NAMES), 5, ("3 lines", "5 classes")),
        (plain(*NAMES), 2, ("3 lines", "2 classes")),
        (plain("1 cat", "2 dog", "3 bird"), 3, ("index 3", "3 classes")),
    ],
)
def test_labels_that_cannot_fit_are_refused(labels: Labels, count: int, numbers: Any) -> None:
    """Labels of another model are refused with both numbers and the fix."""
    with pytest.raises(ModelError) as caught:
        match_labels(labels, count, "x.tflite")
    assert all(number in caught.value.what for number in (*numbers, "file x.txt", "x.tflite"))
    assert "label file" in caught.value.fix


def test_manifest_decides_the_background() -> None:
    """What a manifest says of the background wins over the names."""
    four = plain("background", *NAMES)
    assert match_labels(four, 4, "x", background="none")[1] == "none"
    matched, background = match_labels(plain(*NAMES), 4, "x", background="last")
    assert (matched.name(0), background) == ("cat", "last")
    with pytest.raises(ModelError):
        match_labels(plain(*NAMES), 4, "x", background="none")


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        (plain(*NAMES), "cat"),
        (plain("???", *NAMES), "cat"),
        (plain("0 ???", "1 cat"), "class_0"),
    ],
)
def test_ssd_ids_never_count_the_background(labels: Labels, name: str) -> None:
    """SSD post-processing numbers classes without the background, so a first line for it is no class."""
    matched, background = match_labels(labels, None, "x.tflite")
    assert (matched.name(0), background) == (name, "none")


@given(st.text(max_size=200), st.integers(1, 12))
def test_any_text_is_labels_or_refused(text: str, count: int) -> None:
    """Whatever a label file holds, the answer is labels or a ModelError."""
    try:
        labels, _ = match_labels(parse_labels(text, "x"), count, "x")
    except ModelError:
        return
    names = [labels.name(index) for index in range(count)]
    assert all(name.isprintable() and name for name in names)


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({"labelmap.txt": b"cat\ndog"}, {0: "cat", 1: "dog"}),
        ({"metadata.json": json.dumps({"names": {"0": "cat", "1": "dog"}}).encode()}, {0: "cat", 1: "dog"}),
        ({"temp_meta.txt": b"{'stride': 32, 'names': {0: 'cat', 1: 'dog'}}"}, {0: "cat", 1: "dog"}),
        ({"temp_meta.txt": b"{'names': __import__('os').getcwd()}"}, None),
        ({"temp_meta.txt": b"{" * 100_000}, None),
        ({"metadata.json": b'{"names": ["cat"]}'}, None),
        ({"metadata.json": b'{"names": {"%s": "cat"}}' % (b"1" * 5000)}, None),
        ({"metadata.json": b'{"names": {"1000000": "cat"}}'}, None),
        ({"temp_meta.txt": b"{'names': {0x%s: 'cat'}}" % (b"f" * 5000)}, None),
        ({"temp_meta.txt": b"{'names': {0: 0x%s}}" % (b"f" * 5000)}, None),
        ({"temp_meta.txt": b"{'names': {0: 7, True: 'cat'}}"}, None),
        (
            {"metadata.json": b'{"names": {"0": "\\u001b[2Jcat", "1": "a\\ud800b"}}'},
            {0: "\ufffd[2Jcat", 1: "a\ufffdb"},
        ),
        ({"readme.txt": b"nothing"}, None),
        ({}, None),
    ],
)
def test_embedded_labels(files: Any, names: Any) -> None:
    """Labels inside a model are found as text, JSON or a Python literal; code in them is never run."""
    labels = embedded_labels(files)
    assert (dict(labels.names) if labels else None) == names
