"""Whether a daemon that was just started works."""

from collections.abc import Iterable
from typing import Protocol

from edged.daemon.statusline import Standing
from edged.daemon.watch import Watch
from edged.domain.errors import EdgedError

SETTLE_S = 10.0
"""How long a camera may take to its first judged frame before somebody who waits is told that it has none yet."""


class Owner(Protocol):
    """Who starts daemons, one after another."""

    def daemon_settled(self, *, works: bool, standing: Standing) -> None:
        """Every camera has had a frame judged, or that takes long; told of both, in whatever order they come."""

    def daemon_ends(self, error: EdgedError | None) -> None:
        """The daemon begins to end: as it was asked to, or because of an error that it is going to raise."""


class Settling:
    """Looks at the cameras of one start."""

    def __init__(self, watches: Iterable[Watch]) -> None:
        self._watches = tuple(watches)
        self._until_ns = 0
        self._stage = 0

    def begin(self, now_ns: int) -> None:
        """Everything has been started."""
        self._until_ns = now_ns + int(SETTLE_S * 1e9)

    @property
    def works(self) -> bool:
        """Whether each camera has had a frame judged or has come to its end."""
        return all(watch.tally.total or watch.ended for watch in self._watches)

    def news(self, now_ns: int) -> bool:
        """Whether it works since the last look, or has not for as long as anybody should wait."""
        stage = 2 if self.works else int(now_ns >= self._until_ns)
        news, self._stage = stage > self._stage, max(stage, self._stage)
        return news
