"""One file per command; errors become exit codes."""

import errno
import gc
import io
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import click

from edged import __version__
from edged.domain.errors import EdgedError, ExitCode

COMMANDS = {
    "run": ("edged.cli.run", "run"),
    "demo": ("edged.cli.demo", "demo"),
    "infer": ("edged.cli.infer", "infer"),
    "check": ("edged.cli.check", "check"),
    "reload": ("edged.cli.reload", "reload"),
    "snapshot": ("edged.cli.snapshot", "snapshot"),
    "model": ("edged.cli.model", "model"),
}
_OUTPUT_LOST = frozenset({errno.ENOSPC, errno.EIO, errno.EDQUOT})
_FASTER = {"OPENBLAS_NUM_THREADS": "1", "PYDANTIC_DISABLE_PLUGINS": "__all__"}
"""What libraries are told before they are imported. A thread of BLAS for each core would spin for 0.1 s, and nothing
here multiplies matrices; pydantic would read the metadata of every installed package in search of plugins."""
INTERRUPTED = 130
"""What a shell says of a program that Ctrl-C ended."""


class LazyGroup(click.Group):
    """Imports a command's module only when the command is wanted: `run` must start fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order of the help page."""
        del ctx
        return list(COMMANDS)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; a reader of our output that has seen enough is no error, as click would have it."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _drop_output()
            return ExitCode.OK

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(_imported(module), name)
        return command


def _imported(module: str) -> ModuleType:
    """A command's module and all that it needs; none of that is ever garbage, so nobody looks for any."""
    for name, value in _FASTER.items():
        os.environ.setdefault(name, value)
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.enable()
        gc.freeze()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edged")
def cli() -> None:
    """Inference daemon for Raspberry Pi with a Coral Edge TPU: camera in, detections out over MQTT."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with the documented code."""
    sys.exit(outcome(arguments))


def outcome(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; the exit code."""
    # A command that sets up no log has words of its own for what a part of it logs.
    logging.getLogger("edged").addHandler(logging.NullHandler())
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a label may hold what the locale cannot show
            stream.reconfigure(errors="backslashreplace")
    try:
        result = cli.main(arguments, prog_name="edged", standalone_mode=False)
    except EdgedError as error:
        print("\n".join(f"edged: {line}" for line in str(error).splitlines()), file=sys.stderr)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except OSError as error:
        return _unwritable(error) if error.errno in _OUTPUT_LOST else _bug(error)
    except Exception as error:  # noqa: BLE001  the last stop: a bug is told in one line, with a way to see more
        return _bug(error)
    return result if isinstance(result, int) else ExitCode.OK


def _drop_output() -> None:
    """Lets what is still to be flushed go nowhere: it would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unwritable(error: OSError) -> int:
    _drop_output()
    print(
        f"edged: the output cannot be written: {error.strerror} (make room, or write elsewhere)",
        file=sys.stderr,
    )
    return ExitCode.UNAVAILABLE


def _bug(error: Exception) -> int:
    if os.environ.get("EDGED_TRACEBACK"):
        traceback.print_exc()
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(last.filename)}:{last.lineno}"  # noqa: PTH119  a string, not a file
    print(
        f"edged: bug: {type(error).__name__}: {error} at {where} (a fault of edged, not yours; EDGED_TRACEBACK=1 shows where)",
        file=sys.stderr,
    )
    return ExitCode.BUG
