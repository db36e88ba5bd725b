"""The conditions that last at this moment."""

from dataclasses import replace

from edged.domain.problems import Problem


class Problems:
    """Open problems by code and subject; each change is visible in `version`."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], Problem] = {}
        self.version = 0

    def add(self, problem: Problem) -> bool:
        """Notes a problem; True where it is new. An open one keeps its beginning and takes the newest words."""
        key = (problem.code, problem.subject)
        known = self._open.get(key)
        if known:
            problem = replace(problem, since_ns=known.since_ns)
        if known != problem:
            self._open[key] = problem
            self.version += 1
        return known is None

    def clear(self, code: str, subject: str = "") -> bool:
        """Forgets a problem; True where it was open."""
        if self._open.pop((code, subject), None) is None:
            return False
        self.version += 1
        return True

    def current(self) -> tuple[Problem, ...]:
        """The open problems, oldest first."""
        return tuple(sorted(self._open.values(), key=lambda problem: problem.since_ns))
