"""The kernel's clocks, and whether the wall clock has been set since boot."""

import ctypes
import time
from pathlib import Path

from edged.domain.moment import Moment

_STA_UNSYNC = 0x40
_TIMEX_BYTES = 512
"""More than any architecture's struct timex; the fields behind `status` are not used."""
_ASK_AGAIN_NS = 10_000_000_000


class _Timex(ctypes.Structure):
    """The beginning of struct timex (sys/timex.h): modes, offset, freq, maxerror, esterror, status."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * _TIMEX_BYTES),
    )


class SystemClock:
    """Reads all clocks together; asks for the synchronisation state every ten seconds at most."""

    def __init__(self) -> None:
        self._adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
        self._synced = False
        self._asked_ns: int | None = None

    def now(self) -> Moment:
        """All clocks at once."""
        monotonic_ns = time.monotonic_ns()
        if self._asked_ns is None or monotonic_ns - self._asked_ns > _ASK_AGAIN_NS:
            self._synced, self._asked_ns = self._ask(), monotonic_ns
        uptime_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        return Moment(monotonic_ns, time.time_ns(), uptime_ns, self._synced)

    def _ask(self) -> bool:
        """False also where the kernel does not let us ask: an unknown clock is not a true one."""
        timex = _Timex(modes=0)
        state = self._adjtimex(ctypes.byref(timex))
        return state >= 0 and not timex.status & _STA_UNSYNC


def boot_id() -> str:
    """Names this boot; uptimes of two events can be compared where it is the same."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
