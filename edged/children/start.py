"""What every child does first and last."""

import json
import os
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any

from edged.domain.errors import EdgedError, ExitCode
from edged.transport.control import Control
from edged.transport.failure import error_to_wire
from edged.transport.kernel import be_punctual, die_with_parent


def run_child(work: Callable[[Control, dict[str, Any]], None]) -> None:
    """Runs a child's work with its control channel and what stands on its standard input; never returns.

    An error of ours is reported to the parent; any other is a bug and goes to stderr, which the parent reads.
    The process ends without Python's shutdown: a thread hung in a driver would keep it for ever.
    """
    die_with_parent(int(sys.argv[1]))
    be_punctual()
    control_fd = int(sys.argv[2])
    os.set_inheritable(control_fd, False)  # a process that a driver starts would keep it open
    control = Control(socket.socket(fileno=control_fd))
    code: int = ExitCode.OK
    try:
        work(control, json.load(sys.stdin))
    except EdgedError as error:
        control.send(error_to_wire(error))
        code = error.exit_code
    except EOFError:
        code = ExitCode.OK
    except BaseException:  # noqa: BLE001  the last stop: whatever it is, the parent reads it from stderr
        traceback.print_exc()
        code = ExitCode.BUG
    sys.stderr.flush()
    os._exit(code)


def fatal(work: Callable[[], None]) -> Callable[[], None]:
    """Wraps a thread's work so that its failure ends the whole child instead of one silent thread."""

    def guarded() -> None:
        try:
            work()
        except EOFError:
            os._exit(ExitCode.OK)
        except BaseException:  # noqa: BLE001  a thread that died alone would look like a hung chip
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(ExitCode.BUG)

    return guarded
