"""`edged reload`: has the running daemon read its configuration again."""

import os
import sys
from pathlib import Path

import click

from edged.adapters.system.asking import ask, likely_sockets

SOCKET_HELP = "Where the daemon listens."
TIMEOUT_S = 80.0
"""Longer than two starts, in case the new configuration fails; the unit's own limit is 90 s."""


@click.command()
@click.option("--socket", envvar="EDGED_SOCKET", show_envvar=True, type=Path, help=SOCKET_HELP)
@click.option(
    "--timeout", default=TIMEOUT_S, show_default=True, type=click.FloatRange(min=1), help="Seconds to wait."
)
@click.pass_context
def reload(context: click.Context, socket: Path | None, timeout: float) -> None:
    """Have the running daemon read its configuration again, and wait for the outcome.

    Exits 0 when the new configuration runs, 78 with each mistake as FILE:LINE:COL when it is refused and the
    old one goes on, 69 when no daemon listens.
    """
    answer = ask([socket] if socket else likely_sockets(os.environ), "reload", timeout_s=timeout)
    click.echo(answer.text, file=sys.stderr if answer.exit_code else None)
    context.exit(answer.exit_code)
