"""Payloads of values and texts that a model reads; times come in as values."""

from edged.delivery import payloads, reading_types
from edged.delivery.event_payloads import EventIds, judged, observed
from edged.delivery.fields import cut, rounded, timestamp
from edged.delivery.topics import SlugOf, slug
from edged.domain.events import ReadingState, TextChanged, ValueChanged
from edged.domain.moment import Moment
from edged.domain.predictions import Reading

_DIGITS = 6
_TEXT_BYTES = 402
"""100 characters of four bytes in quotes; it keeps an event under 1,000 bytes where each needs an escape."""


def value_event(
    event: ValueChanged,
    ids: EventIds,
    moment: Moment,
    slug_of: SlugOf = slug,  # noqa: ARG001  called as the builders of other events
) -> reading_types.ValueEvent:
    """A change of a value."""
    value = read_value(Reading(event.name, event.value, event.unit))
    return {**observed(event.observation, ids, moment), "type": "value", **value}


def text_event(
    event: TextChanged,
    ids: EventIds,
    moment: Moment,
    slug_of: SlugOf = slug,  # noqa: ARG001  called as the builders of other events
) -> reading_types.TextEvent:
    """A change of the text."""
    return {
        **judged(event.observation, event.threshold, ids, moment),
        "type": "text",
        "text": short_text(event.text),
        "score": rounded(event.score),
    }


def reading_state(state: ReadingState, name: str, moment: Moment) -> reading_types.ReadingPayload:
    """The state of a value or of the text, under the name that its topic has."""
    payload: reading_types.ReadingPayload = {
        "v": 1,
        "name": name,
        "value": _value(state.value),
        "since": timestamp(moment.at(state.since_ns)),
        "last_seen": None if state.last_seen_ns is None else timestamp(moment.at(state.last_seen_ns)),
    }
    if state.unit is not None:
        payload["unit"] = state.unit
    if state.score is not None:
        payload["score"] = rounded(state.score)
    return payload


def _value(value: float | str | None) -> float | str | None:
    if isinstance(value, str):
        return short_text(value)
    return None if value is None else six_digits(value)


def read_value(item: Reading) -> payloads.ReadValue:
    """A value with its name and unit."""
    return {"name": item.name, "value": six_digits(item.value), "unit": item.unit}


def short_text(text: str) -> str:
    """The text, or its beginning with an ellipsis where it has more than 100 characters or too many bytes."""
    most = payloads.MAX_CHARACTERS
    return cut(text if len(text) <= most else f"{text[: most - 1]}…", _TEXT_BYTES)


def six_digits(value: float) -> float:
    """A value to six significant digits, which no eight or sixteen bits can have."""
    return float(f"{value:.{_DIGITS}g}")
