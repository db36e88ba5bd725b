"""The demo's verdict counts what was shown, what was reported, and what was not there."""

import json
from typing import Any

import pytest

from edged.adapters.cameras.cards import CardScene
from edged.adapters.cameras.marks import MARKS
from edged.cli.exam import Exam

SCENE = CardScene(width=640, height=480, fps=10, seed=0, dwell_s=2.0)
TURN = 20
"""Frames of a card and the pause after it."""


def event(seq: int, *, label: str | None = None, phase: str = "start", shift: float = 0.0) -> bytes:
    """What the daemon says of frame `seq` if it is right, or of another label or place."""
    shown = SCENE.at(seq)
    assert shown
    box = {"x": shown.box.x + shift, "y": shown.box.y, "w": shown.box.w, "h": shown.box.h}
    said: dict[str, Any] = {"type": "detection", "phase": phase, "label": label or shown.label, "box": box}
    return json.dumps({"frame": {"seq": seq}, **said}).encode()


def frame(seq: int) -> bytes:
    return json.dumps({"frame": {"seq": seq}, "detections": []}).encode()


def test_every_card_reported_right_passes() -> None:
    """Ten cards that are each reported once give ten of ten, and the time of the first."""
    exam = Exam(SCENE)
    said = [exam.hear(event(turn * TURN + 4), 0.5 + 2 * turn) for turn in range(10)]
    assert said == [f"right: card {number}" for number in range(1, 11)]
    exam.hear(frame(10 * TURN), 20.0)
    assert (exam.shown, exam.reported, exam.wrong, exam.passed) == (10, 10, 0, True)
    assert exam.result().startswith("10 of 10 cards shown")
    assert "after 0.50 s" in exam.result()


def test_two_missing_of_ten_fail() -> None:
    """Nine of ten are enough, eight are not; a card that is still shown does not count yet."""
    for reported, passed in ((9, True), (8, False)):
        exam = Exam(SCENE)
        for turn in range(reported):
            exam.hear(event(turn * TURN + 4), 1.0)
        exam.hear(frame(10 * TURN + 5), 20.0)
        assert (exam.shown, exam.reported, exam.passed) == (10, reported, passed)


@pytest.mark.parametrize("wrong", [{"label": "moon"}, {"shift": 0.5}], ids=str)
def test_a_wrong_label_or_place_is_a_wrong_report(wrong: dict[str, Any]) -> None:
    """The label and the box both have to be right; too many wrong reports fail."""
    exam = Exam(SCENE)
    assert exam.hear(event(4, **wrong), 1.0).startswith("wrong: card 1 is a ")
    exam.hear(frame(TURN), 2.0)
    assert (exam.shown, exam.reported, exam.wrong, exam.passed) == (1, 0, 1, False)


def test_a_report_in_a_pause_is_wrong() -> None:
    """Where no card is shown, none may be seen."""
    gone = json.loads(event(4)) | {"frame": {"seq": TURN - 1}}
    assert Exam(SCENE).hear(json.dumps(gone).encode(), 1.0) == "wrong: card 1 is gone"


@pytest.mark.parametrize(
    "payload", [b"", b"online", b"[]", b'{"label": "x"}', event(4, phase="end"), frame(3)], ids=repr
)
def test_other_messages_are_no_answers(payload: bytes) -> None:
    """Status, states, ends of objects and single frames are neither right nor wrong."""
    exam = Exam(SCENE)
    assert exam.hear(payload, 1.0) == ""
    assert (exam.right, exam.wrong) == ({}, 0)


def test_nothing_shown_is_no_verdict() -> None:
    """A demo that is ended before the first card is gone has not failed."""
    exam = Exam(SCENE)
    exam.hear(event(3), 0.7)
    assert (exam.shown, exam.passed) == (0, True)
    assert "before the first card" in exam.result()
    assert set(MARKS) >= {shown.label for seq in range(1, 200) if (shown := SCENE.at(seq))}
