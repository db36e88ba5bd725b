"""What delivery tells the rest of the daemon about itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from edged.domain.problems import Problem


@dataclass(frozen=True, slots=True)
class ProblemChange:
    """A condition began (or changed its words), or ended where `problem` is None."""

    code: str
    problem: Problem | None


Report: TypeAlias = Callable[[ProblemChange], None]
"""Takes a change; called from the delivery thread, so it only enqueues."""


@dataclass(frozen=True, slots=True)
class DeliveryStats:
    """Counters since the start; `dropped` is by reason."""

    connected: bool = False
    pending: int = 0
    published: int = 0
    reconnects: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)


class Conditions:
    """The open conditions of one part, so that each is reported when it begins, changes and ends, only."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._open: dict[str, tuple[str, str]] = {}

    def begin(self, code: str, message: str, fix: str, now_ns: int) -> None:
        """Reports a condition unless it is known with these very words."""
        if self._open.get(code) != (message, fix):
            self._open[code] = (message, fix)
            self._report(ProblemChange(code, Problem(code, message, fix, now_ns)))

    def end(self, *codes: str) -> None:
        """Reports the end of those conditions that are open."""
        for code in codes:
            if self._open.pop(code, None) is not None:
                self._report(ProblemChange(code, None))
