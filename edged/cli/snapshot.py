"""`edged snapshot`: a picture of what a camera of the running daemon shows, with what was found in it."""

import json
import os
from base64 import b64decode
from pathlib import Path

import click

from edged.adapters.system.asking import ask, likely_sockets
from edged.cli.reload import SOCKET_HELP
from edged.daemon.answer import Answer
from edged.domain.errors import DeviceUnavailableError, PermissionDeniedError, StorageError

TIMEOUT_S = 75.0
"""Longer than the daemon waits for its own process and then for a frame."""
TO_STDOUT = Path("-")


@click.command()
@click.argument("camera")
@click.option(
    "--output", "-o", type=Path, help="The file to write, CAMERA.jpg if not named; - is the standard output."
)
@click.option("--socket", envvar="EDGED_SOCKET", show_envvar=True, type=Path, help=SOCKET_HELP)
@click.option(
    "--timeout", default=TIMEOUT_S, show_default=True, type=click.FloatRange(min=1), help="Seconds to wait."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def snapshot(
    context: click.Context,
    camera: str,
    output: Path | None,
    socket: Path | None,
    timeout: float,
    *,
    as_json: bool,
) -> None:
    """Save a picture of CAMERA, with what the model found in this very frame drawn over it.

    Exits 0 when the file is written, 64 where there is no such camera, 69 when no daemon listens, 75 when the
    camera shows nothing at the moment.
    """
    paths = [socket] if socket else likely_sockets(os.environ)
    answer = ask(paths, "snapshot", timeout_s=timeout, camera=camera)
    if answer.exit_code:
        click.echo(answer.text, err=True)
        context.exit(answer.exit_code)
    file = output or Path(f"{camera}.jpg")
    nbytes = _save(file, answer)
    about = {"camera": camera, "seq": answer.data["seq"], "ts": answer.data["ts"]}
    about |= {"clock_synced": answer.data["clock_synced"], "bytes": nbytes, "file": str(file)}
    line = f"{file}: frame {about['seq']} of {camera}, {about['ts']}, {nbytes / 1000:.0f} kB"
    click.echo(json.dumps(about) if as_json else line, err=file == TO_STDOUT)


def _save(file: Path, answer: Answer) -> int:
    try:
        jpeg = b64decode(answer.data["jpeg"])
    except (KeyError, ValueError) as error:
        raise DeviceUnavailableError(
            "the daemon's answer cannot be read", "restart it: it may be of another version"
        ) from error
    if file == TO_STDOUT:
        click.echo(jpeg, nl=False)
        return len(jpeg)
    try:
        file.write_bytes(jpeg)
    except PermissionError as error:
        raise PermissionDeniedError(
            f"{file}: this user may not write it", "name another one: --output"
        ) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(f"{file}: cannot be written: {reason}", "name another one: --output") from error
    return len(jpeg)
