"""What is asked of the kernel for a child: to die with its parent, timers that are exact, and to stand back."""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_TIMERSLACK = 29
_SWITCH_INTERVAL_S = 0.0005
_ASIDE = 10
"""Nice value: a tenth of the weight of a process that nobody has said anything about."""


def die_with_parent(parent_pid: int) -> None:
    """Has the kernel kill this process when its parent dies; exits at once where it already has.

    The signal follows the thread that spawned us, so the parent spawns from its main thread only.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(0)


def be_punctual() -> None:
    """Lets sleeps end on time (the default slack is 50 us) and busy threads yield sooner (default 5 ms).

    Threads that are started later inherit the timer setting.
    """
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)


def step_aside(pid: int) -> None:
    """Has a process in a session of its own get a tenth of what others get who want to run too.

    Does what the system allows. Where sessions share the processor evenly (sched_autogroup), the session has to
    be told; elsewhere the process, for good, with the threads that it will start.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, _ASIDE)
    _weigh(pid, _ASIDE)


def step_forward(pid: int) -> None:
    """Takes that back as far as the system allows: a process that is killed must run to go."""
    _weigh(pid, 0)


def _weigh(pid: int, nice: int) -> None:
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(nice), encoding="ascii")
