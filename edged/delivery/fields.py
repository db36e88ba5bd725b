"""The small parts that payloads are made of."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from edged.delivery import payloads
from edged.delivery.topics import SlugOf, slug
from edged.domain.frame import Frame
from edged.domain.geometry import Box
from edged.domain.moment import Moment
from edged.domain.predictions import Keypoint, ModelId, Ranked

MAX_TEXT_BYTES = 320
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = 4
_MAX_MODEL_BYTES = 48


def dumps(payload: Mapping[str, object]) -> bytes:
    """Compact JSON in UTF-8; raises ValueError for NaN and infinities, which are bugs upstream."""
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", errors="replace")


def timestamp(moment: Moment) -> str:
    """RFC 3339 in UTC with milliseconds."""
    at = _EPOCH + timedelta(milliseconds=moment.wall_ns // 1_000_000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def model_info(model: ModelId) -> payloads.ModelInfo:
    """A model's name, cut where it is overlong, and its digest."""
    return {"name": cut(model.name, _MAX_MODEL_BYTES), "sha": model.sha}


def box_fractions(box: Box) -> payloads.BoxFractions:
    """The part of a box inside the frame, rounded so that x + w and y + h stay within 1."""
    inside = box.clamped()
    left, top = rounded(inside.x), rounded(inside.y)
    right, bottom = rounded(inside.x + inside.w), rounded(inside.y + inside.h)
    return {"x": left, "y": top, "w": rounded(right - left), "h": rounded(bottom - top)}


def box_pixels(box: Box, width: int, height: int) -> payloads.BoxPixels:
    """The same in whole pixels of a frame of that size."""
    inside = box.clamped()
    left, top = round(inside.x * width), round(inside.y * height)
    right, bottom = round((inside.x + inside.w) * width), round((inside.y + inside.h) * height)
    return {"x": left, "y": top, "w": right - left, "h": bottom - top}


def frame_info(frame: Frame) -> payloads.FrameInfo:
    """Number and size of a frame."""
    return {"seq": frame.seq, "w": frame.shape.width, "h": frame.shape.height}


def ranked_label(ranked: Ranked, slug_of: SlugOf = slug) -> payloads.RankedLabel:
    """One class of a classifier."""
    return {
        "label": slug_of(ranked.label, ranked.label_id),
        "label_id": ranked.label_id,
        "score": rounded(ranked.score),
    }


def ranked_area(ranked: Ranked, slug_of: SlugOf = slug) -> payloads.RankedArea:
    """One class of a map; its score is what it covers."""
    return {
        "label": slug_of(ranked.label, ranked.label_id),
        "label_id": ranked.label_id,
        "area": rounded(ranked.score),
    }


def keypoint_numbers(keypoint: Keypoint | None) -> list[float] | None:
    """A point's x, y and score, to three, three and two digits."""
    if keypoint is None:
        return None
    return [round(keypoint.x, 3), round(keypoint.y, 3), round(keypoint.score, 2)]


def regional(region: str) -> payloads.Regional:
    """The field that names a region; none for the whole frame."""
    return {"region": region} if region else {}


def rounded(value: float) -> float:
    """A score or a fraction, to four digits."""
    return round(float(value), _DIGITS)


def milliseconds(duration_ns: int) -> float:
    """A duration to a tenth of a millisecond; a negative one is 0."""
    return max(0.0, round(duration_ns / 1e6, 1))


def cut(text: str, limit: int) -> str:
    """The text, or as much of it as takes `limit` bytes of JSON, with an ellipsis."""
    if len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")) <= limit:
        return text
    kept = text[:limit]
    while len(json.dumps(kept + "…", ensure_ascii=False).encode("utf-8", "replace")) > limit:
        kept = kept[:-1]
    return kept + "…"
