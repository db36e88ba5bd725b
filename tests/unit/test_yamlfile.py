"""Reading YAML: every value knows its place, and every mistake is told in plain words."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.config.yamlfile import InvalidConfiguration, dump, parse, read
from edged.domain.errors import PermissionDeniedError

TEXT = b"""\
device: garage
mqtt:
  host: broker.lan
cameras: {front: {size: [640, 480]}}
"""


def mistake(raw: bytes) -> str:
    with pytest.raises(InvalidConfiguration) as caught:
        parse(raw, "f")
    return str(caught.value)


def test_values_and_places() -> None:
    """A value and its key each have a line and a column, counted from 1."""
    document = parse(TEXT, "f")
    assert document.data["cameras"] == {"front": {"size": [640, 480]}}
    assert document.where(("mqtt", "host")) == "f:3:9"
    assert str(document.place_key(("mqtt", "host"))) == "f:3:3"
    assert document.where(("cameras", "front", "size", 1)) == "f:4:31"


def test_a_path_that_does_not_exist_is_placed_at_the_section_above() -> None:
    """What is missing is reported at the key of the section that lacks it."""
    document = parse(TEXT, "f")
    assert document.where(("mqtt", "port")) == "f:2:1"
    assert str(document.place_key(("mqtt", "tls", "ca_file"))) == "f:2:1"
    assert document.where(("nothing",)) == "f:1:1"


def test_only_json_like_values() -> None:
    """Dates and base-60 numbers, which only YAML 1.1 knows, stay text; keys are always text."""
    document = parse(b"a: 12:30\nb: 2024-01-01\non: on\n1: 0x10\nn: ~\nf: 1.5", "f")
    assert document.data == {"a": "12:30", "b": "2024-01-01", "on": True, "1": 16, "n": None, "f": 1.5}


def test_line_ends_and_byte_order_mark_of_windows() -> None:
    """A file from a Windows editor is fine."""
    document = parse(b"\xef\xbb\xbfa: 1\r\nb: x\r\n", "f")
    assert document.data == {"a": 1, "b": "x"}
    assert document.where(("b",)) == "f:2:4"


def test_aliases_and_merge_keys() -> None:
    """A section may be reused; its own keys win, and what is reused is placed where it stands."""
    document = parse(b"x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n", "f")
    assert document.data["y"] == {"a": 1, "b": 3}
    assert document.where(("y", "a")) == "f:1:11"
    assert parse(b"x: &x {a: 1, b: 1}\nz: &z {a: 2}\ny: {<<: [*z, *x]}", "f").data["y"] == {"a": 2, "b": 1}


SYNTAX = [
    (
        b"a:\n\tb: 1\n",
        "f:2:1: a tab character is used for indentation (YAML wants spaces: replace the tab by two spaces)",
    ),
    (
        b"mqtt:\n  host:broker\n  port: 1\n",
        "f:2:7: host: a space is missing after the colon (write host: broker)",
    ),
    (
        b"c:\n  model: o\n  threshold:0.5\n",
        "f:3:12: threshold: a space is missing after the colon (write threshold: 0.5)",
    ),
    (b"a: 1\nport 5\nb: 2\n", "f:2:1: this line has no colon"),
    (b"host broker\nport: 1\n", "f:1:1: this line has no colon"),
    (
        b"m:\n  a: 1\n   b: 2\n",
        "f:3:4: wrong indentation: this line starts in column 4, the lines above in column 3 ",
    ),
    (
        b"m:\n    a: 1\n  b: 2\n",
        "f:3:3: wrong indentation: this line starts in column 3, the lines above in column 1 or 5",
    ),
    (b"m:\n  - a\n  b: 2\n", "f:3:3: this does not fit below the lines above"),
    (b"a: [1, 2\nb: 1\n", "f:1:4: the '[' opened here is not closed properly, see line 2"),
    (b"a: {x: 1\nb: 1\n", "f:1:4: the '{' opened here is not closed properly, see line 2"),
    (b'a: "abc\nb: 1\n', 'f:1:4: the quote " opened here is never closed (add ")'),
    (b"a: b: c\n", "f:1:5: a second colon in the same line (put text that contains ': ' in quotes"),
    (b"a: - b\n", "f:1:4: a list item '-' cannot follow on the same line as its key"),
    (b"a: @x\n", "f:1:4: a value cannot start with @ (put the value in quotes)"),
    (b"a: *x\n", "f:1:4: *x refers to &x, which is not defined above (put it in quotes if it is text: '*x')"),
    (b'a: "\\q"\n', "f:1:6: \\q means nothing inside double quotes (use single quotes)"),
    (b"a: 'it's'\n", "f:1:8: something is left over after the end of the value"),
    (b"a: 1\n---\nb: 1\n", "f:2:1: a second document starts here"),
    (b"a: ]\n", "f:1:4: a value is missing or starts with a wrong sign"),
    (b"a: *\n", "f:1:5: '*' and '&' need a name after them"),
    (b"a: &x 1\nb: &x 2\n", "f:2:4: the anchor &x is defined twice"),
    (b"a: 1\nb: 2\na: 3\n", "f:3:1: a: is given twice, first in line 1 (remove line 1 or line 3)"),
    (b"a: !secret x\n", "f:1:4: the tag !secret is not supported (remove it)"),
    (b"a: !!python/object:os.system x\n", "f:1:4: the tag !!python/object:os.system is not supported"),
    (b"a: !!int x\n", "f:1:4: 'x' is not of the kind that its tag says"),
    (b"a: {{ x }}\n", "f:1:5: a key must be plain text"),
    (b"a: 1\n'': 2\n", "f:2:1: the name before the colon is missing"),
    (b"<<: 3\n", "f:1:5: <<: must refer to a section"),
    (b"- a\n", "f:1:1: the file must hold `key: value` lines at its top level"),
    (b"just text\n", "f:1:1: the file must hold `key: value` lines at its top level"),
    (b"a: 1\nb: \xff\n", "f:2:4: the byte 0xff is not UTF-8 text (save the file as UTF-8)"),
    ("a: 1".encode("utf-16"), "f:1:1: the file is saved as UTF-16 (save it as UTF-8)"),
    (b"a: 1\nb: x\x00\n", "f:2:5: the control character U+0000 is not allowed (remove it)"),
    (b'a: "\\ud800"\n', "f:1:4: the control character U+D800 is not allowed (remove it)"),
    (b"# nothing\n", "f:1:1: the file is empty"),
    (b"x" * 1_000_001, "f: is larger than 1000000 bytes"),
]


@pytest.mark.parametrize(("raw", "text"), SYNTAX, ids=[text[:40] for _, text in SYNTAX])
def test_mistakes_in_plain_words(raw: bytes, text: str) -> None:
    """Each mistake is reported at its line and column, with what to do."""
    assert mistake(raw).startswith(text)


def test_nesting_and_expansion_are_bounded() -> None:
    """Neither deep nesting, nor a section inside itself, nor aliases of aliases take memory or time."""
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 19))
    assert "nested more than 20 deep" in mistake(b"[" * 5000)
    assert "nested more than 20 deep" in mistake(b"a: &a [*a]")
    assert "more than 10000 values" in mistake(laughs.encode())


def test_all_duplicates_at_once() -> None:
    """Mistakes that do not hide each other are reported together."""
    assert len(mistake(b"a: 1\na: 2\nb: !x 1\n").splitlines()) == 2


def test_an_empty_file_shows_an_example(tmp_path: Path) -> None:
    """An empty file is answered with what could be in it, unless it may be empty."""
    file = tmp_path / "edged.yaml"
    file.write_text("")
    with pytest.raises(InvalidConfiguration, match="for example: a: 1"):
        read(file, example="a: 1")
    assert read(file, may_be_empty=True).data == {}


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a directory and a device are named as such."""
    with pytest.raises(InvalidConfiguration, match="there is no such file"):
        read(tmp_path / "missing.yaml")
    with pytest.raises(InvalidConfiguration, match="is a directory"):
        read(tmp_path)
    with pytest.raises(InvalidConfiguration, match="is not a regular file"):
        read(Path("/dev/zero"))
    with pytest.raises(InvalidConfiguration, match=r"cannot be read|no such file"):
        read(Path("a\0b"))


def test_a_forbidden_file(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A file that may not be read is a matter of permission, with the command that helps."""
    request.getfixturevalue("as_nobody")
    with pytest.raises(PermissionDeniedError, match="chmod"):
        read(tmp_path / "edged.yaml")


@given(st.one_of(st.binary(max_size=200), st.text(alphabet="ab: -[]{}&*!|>'\"#%@\n\t,?<=~1.0", max_size=60)))
def test_anything_is_a_document_or_a_finding(content: bytes | str) -> None:
    """Whatever is in a file, the answer is a document or findings with a place."""
    raw = content if isinstance(content, bytes) else content.encode()
    try:
        document = parse(raw, "f")
    except InvalidConfiguration as error:
        places = [finding.file for finding in error.findings]
    else:
        places = [str(document.place(())).partition(":")[0]]
    assert places
    assert set(places) == {"f"}


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("abyno:#-' é0", max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abn1 ", min_size=1), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abc", min_size=1), PLAIN, min_size=1))
def test_dumped_values_come_back(data: dict[str, object]) -> None:
    """What is written out is read back as it was."""
    assert parse(dump(data).encode(), "f").data == data
