"""How long a camera's newest frame has waited for an answer, and whose fault that is."""


class Waiting:
    """Looks at a camera and its answers from time to time; times are CLOCK_MONOTONIC in nanoseconds."""

    def __init__(self) -> None:
        self._since_ns: int | None = None
        self._taken_seq = -1
        self._first_seq = 0
        self.camera_moves = False
        """Whether newer frames have come meanwhile: one that does not move may itself be what hangs."""

    def look(self, *, last_seq: int, taken_seq: int, now_ns: int) -> None:
        """Takes the camera's newest frame and the last that was answered, as they are now."""
        if last_seq <= taken_seq or taken_seq != self._taken_seq:
            self._since_ns = None
        self._taken_seq = taken_seq
        if last_seq <= taken_seq:
            return
        if self._since_ns is None:
            self._since_ns, self._first_seq = now_ns, last_seq
        self.camera_moves = last_seq != self._first_seq

    def restart(self) -> None:
        """Another process answers from now on: the clock starts anew."""
        self._since_ns = None

    @property
    def on(self) -> bool:
        """Whether a frame waits."""
        return self._since_ns is not None

    def seconds(self, now_ns: int) -> float:
        """How long it has waited; 0 where none does."""
        return 0.0 if self._since_ns is None else (now_ns - self._since_ns) / 1e9
