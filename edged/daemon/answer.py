"""What the daemon answers to a command of the same machine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from edged.domain.errors import ExitCode

_MOST = 30_000
"""Characters of text that surely fit into one packet of a local socket."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How the command ends, and what it prints."""

    exit_code: ExitCode
    text: str
    """One or more lines for people."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The same for programs, in values that JSON has."""

    @classmethod
    def of_lines(cls, exit_code: ExitCode, lines: list[str]) -> "Answer":
        """An answer of many lines, cut to what one packet takes."""
        text = "\n".join(lines)
        return cls(exit_code, text if len(text) <= _MOST else f"{text[:_MOST]}\n…")


Reply: TypeAlias = Callable[[Answer], None]
"""Takes the answer; called once."""
