"""Topics that the broker does not let us publish to, each tried again slowly."""


class Holds:
    """Which topics are held back, and since when one probe is allowed again."""

    def __init__(self, retry_ns: int) -> None:
        self._retry_ns = retry_ns
        self._retry_at: dict[str, int] = {}

    def hold(self, topic: str, now_ns: int) -> None:
        """Refused: nothing goes to this topic for a while."""
        self._retry_at[topic] = now_ns + self._retry_ns

    def release(self, topic: str) -> bool:
        """Accepted: True where it had been held."""
        return self._retry_at.pop(topic, None) is not None

    def due(self, now_ns: int) -> list[str]:
        """Topics that deserve a probe."""
        return [topic for topic, at_ns in self._retry_at.items() if at_ns <= now_ns]

    def admits(self, topic: str, now_ns: int) -> bool:
        """Whether a message may go now, freely or as a probe."""
        return self._retry_at.get(topic, now_ns) <= now_ns

    def sent(self, topic: str, now_ns: int) -> None:
        """A message went; if it was a probe, the next one waits for its answer."""
        if topic in self._retry_at:
            self.hold(topic, now_ns)

    def topics(self) -> list[str]:
        """All that are held, in order."""
        return sorted(self._retry_at)
