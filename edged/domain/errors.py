"""What can go wrong, sorted by what the reader does next; each error carries its exit code.

The codes are those of sysexits.h that a service manager and a script can act on:
0 ok, 1 a check failed, 64 usage, 69 device or service unavailable, 70 bug, 75 try again,
77 permission, 78 configuration.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process says to its caller; the numbers are those of sysexits.h."""

    OK = 0
    CHECK_FAILED = 1
    USAGE = 64
    UNAVAILABLE = 69
    BUG = 70
    TRY_AGAIN = 75
    PERMISSION = 77
    CONFIGURATION = 78


class EdgedError(Exception):
    """Anything the product reports on purpose: what is wrong, where, and what to do about it.

    `what` is one line that names the thing and the place; `fix` is one line that says what to do.
    """

    exit_code = ExitCode.BUG

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what} ({self.fix})" if self.fix else self.what


class ConfigurationError(EdgedError, ValueError):
    """A file has to be edited: the configuration, a manifest or a label file."""

    exit_code = ExitCode.CONFIGURATION


class ModelError(EdgedError, ValueError):
    """A model cannot be run as it is: missing, cut off, of an unsupported kind, or at odds with its labels."""

    exit_code = ExitCode.CONFIGURATION


class DeviceUnavailableError(EdgedError, OSError):
    """A device or a service is not there: wait for it, plug it in, or replace it."""

    exit_code = ExitCode.UNAVAILABLE


class PermissionDeniedError(EdgedError, PermissionError):
    """The user we run as may not do this: change the group, the mode or the credentials."""

    exit_code = ExitCode.PERMISSION


class BadPictureError(EdgedError, ValueError):
    """One picture or frame cannot be read; the next one may be fine."""

    exit_code = ExitCode.CHECK_FAILED


class ChildDiedError(EdgedError, RuntimeError):
    """A child process ended or was killed for missing its deadline; a new one may work."""

    exit_code = ExitCode.TRY_AGAIN


class StorageError(EdgedError, OSError):
    """The outbox cannot be read or written: full disk, no permission, broken file."""

    exit_code = ExitCode.UNAVAILABLE
