"""Conditions that last and that somebody should do something about."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """A lasting condition: `code` names it for programs, `message` and `fix` for people."""

    code: str
    message: str
    fix: str
    since_ns: int
    """CLOCK_MONOTONIC when it began."""
    subject: str = ""
    """What it is about where there can be several: a camera's or an accelerator's name."""
