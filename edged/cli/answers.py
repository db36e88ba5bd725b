"""What `edged infer` prints for one picture, for programs and for people."""

import json
from collections.abc import Sequence
from typing import Any

from edged.cli.reading import reading_lines, reading_record
from edged.daemon.inference import Answer
from edged.domain.predictions import (
    Areas,
    Classification,
    Detection,
    Detections,
    Keypoint,
    LabelSet,
    Prediction,
    Ranked,
    Readings,
    Text,
)
from edged.vision.manifest import Manifest


def as_record(image: str, manifest: Manifest, answer: Answer) -> dict[str, Any]:
    """An answer as the JSON object of `edged infer --json`."""
    observation = answer.observation
    return {
        "image": image,
        **({"region": observation.region} if observation.region else {}),
        "task": manifest.task,
        "model": {"name": observation.model.name, "sha": observation.model.sha},
        "accelerator": observation.accelerator,
        "infer_ms": round((observation.invoke_end_ns - observation.invoke_start_ns) / 1e6, 3),
        **_said(observation.prediction, manifest.keypoints),
    }


def as_lines(record: dict[str, Any]) -> list[str]:
    """The same for people."""
    where = f"  {record['region']}" if "region" in record else ""
    head = f"{record['image']}{where}  ({record['model']['name']} on {record['accelerator']}, {record['infer_ms']:.1f} ms)"
    lines = reading_lines(record) if record["task"] in {"value", "text"} else _item_lines(record)
    return [head, *lines, *(f"  {json.dumps(output)}" for output in record.get("raw", []))]


def _said(prediction: Prediction, points: Sequence[str]) -> dict[str, Any]:
    match prediction:
        case Detections(items=items):
            return {"detections": [_object(item, points) for item in items]}
        case Areas(top=top):
            return {"areas": [_ranked(item, "area") for item in top]}
        case Classification(top=top) | LabelSet(top=top):
            return {"top": [_ranked(item, "score") for item in top]}
        case Readings() | Text():
            return reading_record(prediction)


def _ranked(item: Ranked, what: str) -> dict[str, Any]:
    return {"label": item.label, "label_id": item.label_id, what: round(item.score, 6)}


def _object(item: Detection, names: Sequence[str]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "label": item.label,
        "label_id": item.label_id,
        "score": round(item.score, 6),
        "box": {name: round(getattr(item.box, name), 6) for name in ("x", "y", "w", "h")},
    }
    if names:
        pairs = zip(names, item.keypoints, strict=True)
        record["keypoints"] = {name: _point(point) for name, point in pairs}
    return record


def _point(point: Keypoint | None) -> dict[str, float] | None:
    if point is None:
        return None
    return {name: round(getattr(point, name), 6) for name in ("x", "y", "score")}


def _item_lines(record: dict[str, Any]) -> list[str]:
    lines = []
    for item in record.get("detections", record.get("areas", record.get("top", []))):
        score = item.get("score", item.get("area"))
        lines.append(f"  {score:.3f}  {item['label']} ({item['label_id']}){_place(item)}")
        lines += [_point_line(*pair) for pair in item.get("keypoints", {}).items()]
    return lines or ["  nothing above the threshold"]


def _point_line(name: str, point: dict[str, float] | None) -> str:
    return f"    {name} {_at(point)}" if point else f"    {name} is no number"


def _at(point: dict[str, float]) -> str:
    return f"{point['score']:.3f} at x={point['x']:.3f} y={point['y']:.3f}"


def _place(item: dict[str, Any]) -> str:
    box = item.get("box")
    return f"  at x={box['x']:.3f} y={box['y']:.3f} w={box['w']:.3f} h={box['h']:.3f}" if box else ""
