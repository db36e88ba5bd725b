"""What is wrong with a file and where, one finding per mistake, all of them in one error."""

from collections.abc import Sequence
from dataclasses import dataclass

from edged.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file, counted from 1; line 0 where there is none (a whole file, the environment)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake: where it is, under which key, what is wrong and what to write instead."""

    file: str
    line: int
    column: int
    key: str
    message: str
    suggestion: str = ""

    @classmethod
    def at(cls, place: Place, key: str, message: str, suggestion: str = "") -> "Finding":
        """A finding at a place."""
        return cls(place.file, place.line, place.column, key, message, suggestion)

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{Place(self.file, self.line, self.column)}: {key}{self.message}{hint}"


class InvalidConfiguration(ConfigurationError):  # noqa: N818  it names what the reader holds in hand
    """A configuration with mistakes; its text has one line for each finding."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = tuple(findings)
