"""The pages for people, held against the code."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree as ET

import jsonschema  # type: ignore[import-untyped]  # it ships no type information
import pytest

from edged.cli import COMMANDS
from edged.config.load import load
from edged.delivery.schemas import PAYLOADS, payload_schema
from edged.delivery.topics import RESERVED_CAMERAS, Topics
from edged.domain.errors import ExitCode
from edged.vision.manifest import DecoderName

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    REPOSITORY / "CHANGELOG.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
]
NAMES = [str(page.relative_to(REPOSITORY)) for page in PAGES]
MQTT = REPOSITORY / "docs/mqtt.md"
TOPICS = Topics("<base>", "garage")
KNOWN_TOPICS = {
    topic.replace("<base>/garage", "<base>/<device>")
    for topic in (
        TOPICS.status,
        TOPICS.info,
        TOPICS.stats,
        TOPICS.problem,
        TOPICS.event,
        TOPICS.camera_status("camera").replace("/camera/", "/<camera>/"),
        TOPICS.camera_event("camera").replace("/camera/", "/<camera>/"),
        TOPICS.camera_frame("camera").replace("/camera/", "/<camera>/"),
        TOPICS.camera_snapshot("camera").replace("/camera/", "/<camera>/"),
        TOPICS.camera_object("camera", "label").replace("/camera/object/label", "/<camera>/object/<label>"),
        TOPICS.camera_reading("camera", "name").replace("/camera/reading/name", "/<camera>/reading/<name>"),
    )
}
NOT_OURS = (r"https?://", r"/(home|root|work)/", r"shared/")
"""Addresses (packages go by name, pages are in the repository), and places outside the repository."""


def blocks(page: Path, language: str) -> Iterator[str]:
    """The fenced blocks of a page in one language."""
    yield from re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def configurations() -> Iterator[tuple[str, str]]:
    """Every block of YAML that is a whole configuration, with the page that it stands on."""
    for page, name in zip(PAGES, NAMES, strict=True):
        for text in blocks(page, "yaml"):
            if re.search(r"^cameras:", text, re.MULTILINE):
                yield name, text


def topics_of(page: Path) -> set[str]:
    """The topics and filters that a page names."""
    return set(re.findall(r"(?<![\w/.-])(?:<base>|edged)/[\w<>+#/-]+(?![\w.]*\.)", page.read_text("utf-8")))


def fits(topic: str) -> bool:
    """Whether a topic, example or filter stands for something that the daemon can publish."""
    levels = topic.split("/")
    return any(_matches(levels, known.split("/")) for known in KNOWN_TOPICS)


def _matches(levels: list[str], known: list[str]) -> bool:
    if levels[-1] == "#":
        return len(levels) - 1 <= len(known) and _matches(levels[:-1], known[: len(levels) - 1])
    return len(levels) == len(known) and all(map(_stands_for, levels, known))


def _stands_for(level: str, known: str) -> bool:
    if level in {"+", known} or (level, known) == ("edged", "<base>"):
        return True
    return (
        known.startswith("<") and known != "<base>" and level not in RESERVED_CAMERAS and level.isidentifier()
    )


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link of a page names a file of the repository, and a heading in it where it has an anchor."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_pages_speak_of_the_project_alone(page: Path) -> None:
    """No page names an address or a place outside the repository."""
    text = page.read_text("utf-8")
    assert [pattern for pattern in NOT_OURS if re.search(pattern, text)] == []


@pytest.mark.parametrize(("page", "text"), list(configurations()))
def test_configurations_load(page: str, text: str, tmp_path: Path) -> None:
    """Each whole configuration on a page is valid."""
    del page
    (tmp_path / "edged.yaml").write_text(text)
    assert load(tmp_path / "edged.yaml", {}).settings.cameras


def test_the_readme_shows_a_configuration() -> None:
    """The front page has the configuration that its text promises, of four lines."""
    assert [text.count("\n") for name, text in configurations() if name == "README.md"] == [4]


def test_exit_codes_are_those_of_the_program() -> None:
    """The table of exit codes has each code with its name, and no other."""
    page = (REPOSITORY / "docs/operations.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", page, re.MULTILINE)
    assert {int(number): name for number, name in rows} == {code.value: code.name for code in ExitCode}


def test_the_table_of_topics_is_complete() -> None:
    """The contract's table names exactly the topics that the daemon can make."""
    rows = re.findall(r"^\| `(<base>/[^`]+)` \|", MQTT.read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(KNOWN_TOPICS)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_topics_on_pages_exist(page: Path) -> None:
    """Each topic or filter that a page names fits one that the daemon can make."""
    folders = {f"edged/{each.name}" for each in (REPOSITORY / "edged").iterdir()}
    named = {topic.rstrip("/") for topic in topics_of(page)}
    named = {topic for topic in named if "/".join(topic.split("/")[:2]) not in folders}
    assert {topic for topic in named if not fits(topic)} == set()


def test_payloads_on_the_page_are_real() -> None:
    """Each payload on the contract's page is one that the daemon's types describe, and none is left out."""
    schemas = {name: payload_schema(name, strict=True) for name in PAYLOADS}
    shown: list[str] = []
    for text in blocks(MQTT, "json"):
        payload: dict[str, Any] = json.loads(text)
        kinds = [
            name
            for name, schema in schemas.items()
            if jsonschema.Draft202012Validator(schema).is_valid(payload)
        ]
        assert len(kinds) == 1, text
        shown += kinds
    assert set(shown) == set(PAYLOADS)


def test_every_field_is_explained() -> None:
    """Each field of each payload stands on the contract's page."""
    text = prose(MQTT)
    assert {
        name for kind in PAYLOADS for name in fields_of(payload_schema(kind)) if f"`{name}`" not in text
    } == set()


def fields_of(schema: dict[str, Any]) -> Iterator[str]:
    """The names of all properties in a schema."""
    for name, part in schema.get("properties", {}).items():
        yield name
        yield from fields_of(part)
    parts = [*schema.get("anyOf", ()), schema.get("items"), schema.get("additionalProperties")]
    for part in parts:
        if isinstance(part, dict):
            yield from fields_of(part)


@pytest.mark.parametrize(("says", "row"), [("system", 3), ("problem", 2)])
def test_codes_of_events_and_problems_are_listed(says: str, row: int) -> None:
    """Each code with which the daemon tells an event or opens a problem has its row on the contract's page."""
    sources = [page.read_text("utf-8") for page in (REPOSITORY / "edged/daemon").glob("*.py")]
    told = {code for text in sources for code in re.findall(rf'herald\.{says}\(\s*"(\w+)"', text)}
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|(.*)$", MQTT.read_text("utf-8"), re.MULTILINE)
    listed = {
        code for names, rest in rows if rest.count("|") == row - 1 for code in re.findall(r"\w+", names)
    }
    assert "twins_disagree" in told
    assert told <= listed


def test_commands_of_the_readme_exist() -> None:
    """The commands that the status table calls working are those of the program, with their subcommands."""
    row = re.search(
        r"^\| commands \| ([^|]*) \|", (REPOSITORY / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert row
    assert {name.split()[0] for name in re.findall(r"`([^`]+)`", row[1])} == set(COMMANDS)


@pytest.mark.parametrize(
    ("page", "heading"),
    [("models.md", "Formats, and how each was verified"), ("formats.md", "How each was verified")],
)
def test_each_decoder_has_its_row(page: str, heading: str) -> None:
    """Both tables of formats name each decoder, in the same order, and no other."""
    text = (REPOSITORY / "docs" / page).read_text("utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| \[?`(\w+)`(?:\]\(\S+\))? \|", section, re.MULTILINE)
    assert rows == list(get_args(DecoderName))


def test_the_picture_loads_nothing() -> None:
    """The picture of the demo is well-formed and refers to nothing outside itself."""
    root = ET.parse(REPOSITORY / "docs/demo.svg").getroot()  # noqa: S314  our own file
    text = (REPOSITORY / "docs/demo.svg").read_text("utf-8")
    assert root.tag.endswith("svg")
    assert re.findall(r"url\((?!#)[^)]*\)|href=|<script|<image", text) == []
    assert "edged/demo/scene/event" in text.replace("&#160;", " ")
