"""`edged run`: the daemon."""

import logging
import os
import sys
from pathlib import Path
from typing import Any

import click

from edged.cli.check import DEFAULT_FILE
from edged.compose.daemon import run_daemon
from edged.config.load import load

LINE = "%(levelname)s %(name)s: %(message)s"


@click.command()
@click.option("--config", default=DEFAULT_FILE, show_default=True, type=Path, help="Configuration file.")
@click.option(
    "--publish",
    type=click.Choice(["mqtt", "stdout"]),
    default="mqtt",
    help="stdout prints what would be published, one JSON object a line, and touches neither broker nor outbox.",
)
@click.option(
    "--socket",
    envvar="EDGED_SOCKET",
    show_envvar=True,
    type=Path,
    help="Where to listen for local commands; $RUNTIME_DIRECTORY/control.sock, or state_dir/control.sock.",
)
def run(config: Path, publish: Any, socket: Path | None) -> None:
    """Run the daemon: ends by itself when every source is finite, and never because of the broker."""
    loaded = load(config, os.environ)
    set_up_log(loaded.settings.log_level)
    for warning in loaded.warnings:
        logging.getLogger(__name__).warning("%s", warning)
    run_daemon(loaded, os.environ, publish=publish, socket=socket)


def set_up_log(level: str) -> None:
    """Log lines go to stderr; the journal adds the time, a terminal needs none."""
    logging.basicConfig(level=level.upper(), format=LINE, stream=sys.stderr)
