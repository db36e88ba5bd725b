"""What to try when an accelerator fails: the same again, or the next rung (the CPU twin), and when to return.

Pure: failures and times go in, decisions come out.
"""

from dataclasses import dataclass
from typing import Literal

RECENT_NS = 60_000_000_000
DEATHS_ALLOWED = 3
"""Deaths within a minute, each after results, before a rung is left."""
RETRY_FIRST_S, RETRY_MOST_S = 30.0, 300.0
BACKOFF_FIRST_S, BACKOFF_MOST_S = 0.25, 30.0
BACKOFF_WORKED_S = 1.0
"""The longest wait before a process that gave results is started again."""


@dataclass(frozen=True, slots=True)
class Step:
    """Start `rung` after `delay_s`; `kind` says what that is for people."""

    kind: Literal["restart", "fall_back", "retry", "give_up"]
    rung: int
    delay_s: float


class Ladder:
    """The history of failures, and the rule that follows from it. Rung 0 is the best."""

    def __init__(self, rungs: int, *, retry_s: float = RETRY_FIRST_S) -> None:
        self._last = rungs - 1
        self._deaths: list[list[int]] = [[] for _ in range(rungs)]
        self._retry_first_s = retry_s
        self._retry_s = [retry_s] * rungs
        self._backoff_s = [BACKOFF_FIRST_S] * rungs

    def settled(self, rung: int) -> None:
        """A rung has worked for a minute: it is as good as new."""
        self._retry_s[rung] = self._retry_first_s
        self._backoff_s[rung] = BACKOFF_FIRST_S

    def failed(self, rung: int, *, had_results: bool, now_ns: int, stuck: bool = False) -> tuple[Step, ...]:
        """What to do after a rung's process failed, at its start or after it gave results.

        One that is `stuck` in the kernel still owns its device: nothing is ever started on that rung again.
        """
        if stuck:
            return (Step("fall_back", rung + 1, 0.0) if rung < self._last else Step("give_up", rung, 0.0),)
        recent = [at for at in self._deaths[rung] if now_ns - at < RECENT_NS]
        self._deaths[rung] = [*recent, now_ns]
        if had_results and len(self._deaths[rung]) <= DEATHS_ALLOWED:
            return (Step("restart", rung, 0.0),)
        if rung < self._last:
            return (Step("fall_back", rung + 1, 0.0), Step("retry", rung, self._later(rung)))
        return (Step("restart", rung, self._wait(rung, BACKOFF_WORKED_S if had_results else BACKOFF_MOST_S)),)

    def _later(self, rung: int) -> float:
        delay_s = self._retry_s[rung]
        self._retry_s[rung] = max(delay_s, min(delay_s * 2, RETRY_MOST_S))
        return delay_s

    def _wait(self, rung: int, most_s: float) -> float:
        delay_s = min(self._backoff_s[rung], most_s)
        self._backoff_s[rung] = min(delay_s * 2, BACKOFF_MOST_S)
        return delay_s
