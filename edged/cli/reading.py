"""Values and texts in what `edged infer` prints."""

import json
from typing import Any

from edged.delivery.reading_payloads import six_digits
from edged.domain.predictions import Readings, Text


def reading_record(prediction: Readings | Text) -> dict[str, Any]:
    """The part of an answer's JSON object that holds what was read."""
    if isinstance(prediction, Text):
        return {"text": prediction.text, "score": round(prediction.score, 6)}
    return {
        "values": [
            {"name": item.name, "value": six_digits(item.value), "unit": item.unit}
            for item in prediction.items
        ]
    }


def reading_lines(record: dict[str, Any]) -> list[str]:
    """The same for people."""
    if "text" in record:
        read = json.dumps(record["text"], ensure_ascii=False) if record["text"] else "no text"
        return [f"  {record['score']:.3f}  {read}"]
    lines = [f"  {item['name']}: {item['value']:g} {item['unit']}".rstrip() for item in record["values"]]
    return lines or ["  no value is a number"]
