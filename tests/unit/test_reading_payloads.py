"""Payloads of values and texts against their schemas, and what the contract says about their fields."""

import json
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import ValidationError  # type: ignore[import-untyped]  # ships no types

from edged.delivery.event_payloads import EventIds
from edged.delivery.fields import dumps
from edged.delivery.frame_payloads import frame_payload
from edged.delivery.reading_payloads import reading_state, short_text, six_digits, text_event, value_event
from edged.delivery.topics import Topics, reading_name
from edged.domain.errors import ConfigurationError
from edged.domain.events import ReadingState, TextChanged, ValueChanged
from edged.domain.predictions import Reading, Readings, Text
from tests.unit.test_payloads import IDS, MS, NOW, check, names, observation

GAUGE = observation(Readings((Reading("pressure", 3.14159265, "bar"), Reading("flow", -0.0001234567, ""))))
PLATE = observation(Text("AB 123", 0.87654))


def test_a_value_says_what_and_where_it_was() -> None:
    """A change of a value has its name, value to six digits and unit, and no threshold."""
    payload = json.loads(
        check("value", value_event(ValueChanged("pressure", 3.14159265, "bar", GAUGE), IDS, NOW))
    )
    assert (payload["type"], payload["name"], payload["value"], payload["unit"]) == (
        "value", "pressure", 3.14159, "bar"
    )  # fmt: skip
    assert (payload["camera"], payload["frame"]["seq"], payload["latency_ms"]) == ("front", 912334, 46.0)
    assert "threshold" not in payload


def test_a_text_says_how_sure_it_is() -> None:
    """A change of the text has its score and the threshold, which stands behind the camera."""
    payload = json.loads(check("text", text_event(TextChanged("AB 123", 0.87654, 0.5, PLATE), IDS, NOW)))
    assert (payload["type"], payload["text"], payload["score"], payload["threshold"]) == (
        "text", "AB 123", 0.8765, 0.5
    )  # fmt: skip
    assert list(payload)[8:11] == ["camera", "threshold", "frame"]
    gone = json.loads(check("text", text_event(TextChanged("", 0.0, 0.5, PLATE), IDS, NOW)))
    assert (gone["text"], gone["score"]) == ("", 0.0)


def test_states_hold_numbers_texts_or_nothing() -> None:
    """A value has its unit, a text its score while it is there; nothing is null."""
    value = reading_state(
        ReadingState("front", "pressure", 1.23456789, NOW.monotonic_ns, 9_000_000 * MS, unit="bar"),
        "pressure",
        NOW,
    )
    assert json.loads(check("reading", value)) == {
        "v": 1,
        "name": "pressure",
        "value": 1.23457,
        "unit": "bar",
        "since": "2026-11-21T20:41:07.364Z",
        "last_seen": "2026-11-21T20:41:07.318Z",
    }
    text = reading_state(ReadingState("front", "text", "AB", 0, 0, score=0.98765), "text", NOW)
    assert json.loads(check("reading", text))["score"] == 0.9877
    nothing = json.loads(
        check("reading", reading_state(ReadingState("front", "text", None, 0, None), "text", NOW))
    )
    assert (nothing["value"], nothing["last_seen"], "unit" in nothing, "score" in nothing) == (
        None, None, False, False
    )  # fmt: skip


def test_frames_show_what_was_read() -> None:
    """The payload of each frame has `values`, or `text` and `score`."""
    payload = json.loads(check("frame", frame_payload((GAUGE,), NOW)))
    assert payload["values"][1] == {"name": "flow", "value": -0.000123457, "unit": ""}
    payload = json.loads(check("frame", frame_payload((PLATE,), NOW)))
    assert payload["texts"] == [{"text": "AB 123", "score": 0.8765}]


@given(st.floats(-1e300, 1e300))
def test_numbers_have_six_digits(value: float) -> None:
    """What is lost is less than a millionth of the value, and the number is short."""
    told = six_digits(value)
    assert told == pytest.approx(value, rel=1e-5)
    assert len(json.dumps(told)) <= 24


texts = st.text(max_size=300)


@settings(max_examples=60)
@given(names, names, names, texts, st.text(max_size=200), st.floats(0, 1))
@example("d" * 32, "c" * 32, "r" * 32, "\x1b" * 300, '"' * 200, 0.123456)
@example("d" * 32, "c" * 32, "r" * 32, "\U0001f600" * 300, '"' * 200, 0.123456)
def test_texts_take_less_than_a_kilobyte(
    device: str, camera: str, region: str, text: str, model: str, score: float
) -> None:
    """However long a text is and whatever escapes it needs, its event is valid and under 1,000 bytes."""
    seen = replace(observation(Text(text, score), name=camera, model=model), region=region)
    ids = EventIds(device, "abcdef", 2**40)
    sent = check("text", text_event(TextChanged(text, score, score, seen), ids, NOW))
    assert len(sent) < 1000
    told = json.loads(sent)["text"]
    assert len(told) <= 100
    assert told.removesuffix("…") == text.encode("utf-8", "replace").decode()[: len(told.removesuffix("…"))]


@settings(max_examples=60)
@given(names, names, names, names, st.text(max_size=16), st.floats(-1e300, 1e300), st.text(max_size=200))
def test_values_take_less_than_a_kilobyte(
    device: str, camera: str, region: str, name: str, unit: str, value: float, model: str
) -> None:
    """Even with the longest names a value's event is valid and under 1,000 bytes."""
    seen = replace(observation(Readings(()), name=camera, model=model), region=region)
    event = ValueChanged(name, value, unit, seen)
    assert len(check("value", value_event(event, EventIds(device, "abcdef", 2**40), NOW))) < 1000


def test_a_short_text_is_left_alone() -> None:
    """A hundred characters are told in full, of more the first ninety-nine."""
    assert short_text("é" * 100) == "é" * 100
    assert short_text("é" * 101) == "é" * 99 + "…"


def test_a_value_that_is_no_number_is_refused() -> None:
    """It would be a bug, and never leaves the device."""
    with pytest.raises(ValueError, match="JSON"):
        dumps(value_event(ValueChanged("p", float("nan"), "", GAUGE), IDS, NOW))


def test_schemas_tell_the_limit() -> None:
    """A text of more than a hundred characters is not of the contract."""
    payload = dict(text_event(TextChanged("a", 0.5, 0.5, PLATE), IDS, NOW))
    with pytest.raises(ValidationError, match="too long"):
        check("text", {**payload, "text": "a" * 101})


def test_the_name_of_a_reading() -> None:
    """A region goes before a value's name and stands for its text; a topic has room for both."""
    assert [reading_name("pressure"), reading_name("text")] == ["pressure", "text"]
    assert [reading_name("pressure", "dial"), reading_name("text", "dial")] == ["dial_pressure", "dial"]
    topics = Topics("edged", "garage")
    longest = reading_name("p" * 32, "d" * 32)
    assert topics.camera_reading("front", longest) == f"edged/garage/front/reading/{longest}"
    with pytest.raises(ConfigurationError, match="reading 'Druck' cannot stand"):
        topics.camera_reading("front", "Druck")
