"""Which detections and classes count: label, score and area. Zones play no part in it."""

from collections.abc import Iterable

from edged.domain.predictions import Detection, Ranked
from edged.policy.rules import CameraRules


def counted_detections(items: Iterable[Detection], rules: CameraRules) -> tuple[Detection, ...]:
    """The detections that count, in their order."""
    return tuple(item for item in items if _counts(item, rules))


def counted_classes(top: Iterable[Ranked], rules: CameraRules) -> tuple[Ranked, ...]:
    """The classes that reach their threshold, in their order; a class has no area."""
    return tuple(
        entry for entry in top if (rule := rules.rule(entry.label)) and entry.score >= rule.threshold
    )


def _counts(item: Detection, rules: CameraRules) -> bool:
    rule = rules.rule(item.label)
    if rule is None or not item.score >= rule.threshold:
        return False
    return rule.min_area <= 0 or item.box.clamped().area >= rule.min_area
