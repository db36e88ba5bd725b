"""Topics and the names in them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.config.fields import legal_id
from edged.delivery.topics import RESERVED_CAMERAS, Topics, check_camera, slug, slugs
from edged.domain.errors import ConfigurationError


def test_topics_are_those_of_the_contract() -> None:
    """Every topic stands below base and device, as the contract says."""
    topics = Topics("acme/site7/edged", "garage")
    root = "acme/site7/edged/garage"
    assert [topics.status, topics.info, topics.stats, topics.problem, topics.event] == [
        f"{root}/{name}" for name in ("status", "info", "stats", "problem", "event")
    ]
    assert topics.camera_status("front") == f"{root}/front/status"
    assert topics.camera_event("front") == f"{root}/front/event"
    assert topics.camera_frame("front") == f"{root}/front/frame"
    assert topics.camera_object("front", "traffic_light") == f"{root}/front/object/traffic_light"


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("person", "person"),
        ("traffic light", "traffic_light"),
        ("  Traffic  Light! ", "traffic_light"),
        ("café", "cafe"),
        ("Straße", "strae"),
        ("人", "class_7"),
        ("", "class_7"),
        ("_", "_"),
        ("a" * 33, "a" * 30 + "_7"),
    ],
)
def test_labels_become_slugs(label: str, expected: str) -> None:
    """Spaces become underscores, accents go, overlong names are cut, and what is left of nothing is a class."""
    assert slug(label, 7) == expected


@given(st.dictionaries(st.integers(0, 99_999), st.text(max_size=50), max_size=40))
def test_slugs_are_valid_unique_and_stable(labels: dict[int, str]) -> None:
    """Any labels give one valid, distinct slug each, and a slug is its own slug."""
    made = slugs(labels)
    assert made.keys() == labels.keys()
    assert len(set(made.values())) == len(labels)
    for label_id, name in made.items():
        assert re.fullmatch("[a-z0-9_-]{1,32}", name)
        assert slug(name, label_id) == name
    assert slugs(labels) == made


@given(st.text(max_size=50))
def test_a_device_is_named_by_the_rules_of_topics(host: str) -> None:
    """The name made of a host's can stand in a topic, and one that already could is left alone."""
    name = legal_id(host)
    assert Topics("edged", name).device == name
    assert legal_id(name) == name
    assert name.startswith(slug(host, 0)[:20]) or name == "device"


@pytest.mark.parametrize(
    ("host", "name"), [("Küche.lan", "kuche_lan"), ("-", "-"), ("…", "device"), ("a" * 40, "a" * 32)]
)
def test_host_names_become_device_names(host: str, name: str) -> None:
    """Accents go as they do in labels; one too long is cut."""
    assert legal_id(host) == name


def test_equal_labels_are_told_apart_by_their_number() -> None:
    """The first of two equal labels keeps its name and the second gets its class index."""
    assert slugs({3: "dog", 9: "Dog", 1: "cat"}) == {3: "dog", 9: "dog_9", 1: "cat"}


@pytest.mark.parametrize(
    "base", ["", "/a", "a/", "a//b", "a/+", "#", "$SYS", "a\nb", "a/b/c/d/e", "x" * 200, "é" * 90]
)
def test_bases_that_cannot_be_topics_are_refused(base: str) -> None:
    """A base with wildcards, empty levels or too much depth or length is refused with a fix."""
    with pytest.raises(ConfigurationError) as refused:
        Topics(base, "garage")
    assert refused.value.fix


@pytest.mark.parametrize("name", ["", "Front", "a b", "a/b", "ü", "x" * 33, "+"])
def test_names_that_cannot_be_topics_are_refused(name: str) -> None:
    """Device, camera and label names are 1 to 32 of a-z, 0-9, underscore and hyphen."""
    with pytest.raises(ConfigurationError, match="device"):
        Topics("edged", name)
    with pytest.raises(ConfigurationError, match="camera"):
        Topics("edged", "garage").camera_event(name)
    with pytest.raises(ConfigurationError, match="label"):
        Topics("edged", "garage").camera_object("front", name)


@pytest.mark.parametrize("name", sorted(RESERVED_CAMERAS))
def test_a_camera_may_not_be_named_like_a_topic(name: str) -> None:
    """A camera named like a topic of the device is refused."""
    with pytest.raises(ConfigurationError, match="meaning"):
        check_camera(name)


def test_the_longest_topic_stays_within_the_limits() -> None:
    """The deepest topic of the longest allowed base has at most 7 slashes and 256 bytes."""
    base = "a/b/" + "x" * 114
    longest = Topics(base, "d" * 32).camera_object("c" * 32, "l" * 32)
    assert longest.count("/") <= 7
    assert len(longest) <= 256
    with pytest.raises(ConfigurationError):
        Topics(base + "x" * 40, "d" * 32)
