"""Asks the running daemon something over its local socket, for the commands that do."""

import json
import socket
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from edged.adapters.system.controlsocket import NAME, address_of
from edged.daemon.answer import Answer
from edged.domain.errors import DeviceUnavailableError, EdgedError, ExitCode, PermissionDeniedError

_MAX_ANSWER = 1 << 20
_CONNECT_S = 5.0
_LONGEST_S = 1e6
"""What is longer, or no number, is for ever."""
_UNIT_FOLDER = "/run/edged"
_START = "start the daemon (systemctl start edged), or name its socket: --socket, EDGED_SOCKET"


def socket_of(environ: Mapping[str, str], state_dir: Path) -> Path:
    """Where a daemon listens that was not told otherwise: in its runtime folder, else beside its outbox."""
    runtime = environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(runtime or state_dir) / NAME


def likely_sockets(environ: Mapping[str, str]) -> list[Path]:
    """Where a daemon may listen, as far as that can be told without reading its configuration."""
    folders = [
        environ.get("RUNTIME_DIRECTORY", "").split(":")[0],
        _UNIT_FOLDER,
        environ.get("STATE_DIRECTORY", "").split(":")[0],
        str(Path(environ.get("HOME", "/")) / ".local/state/edged"),
    ]
    return [Path(folder) / NAME for folder in dict.fromkeys(folders) if folder]


def ask(paths: Sequence[Path], verb: str, *, timeout_s: float, **more: str) -> Answer:
    """The answer of the first daemon that listens; `more` is what it has to know.

    Raises DeviceUnavailableError where none does or it does not answer in time, PermissionDeniedError where we
    may not speak to it.
    """
    with _connect(paths) as sock:
        sock.settimeout(timeout_s if timeout_s <= _LONGEST_S else None)
        try:
            sock.sendall(json.dumps({**more, "v": 1, "do": verb}).encode())
            packet = sock.recv(_MAX_ANSWER)
        except TimeoutError as error:
            raise DeviceUnavailableError(
                f"the daemon has not answered for {timeout_s:g} s", "its log says what it does"
            ) from error
        except OSError:
            packet = b""
    if not packet:
        raise DeviceUnavailableError("the daemon hung up without an answer", "its log says why")
    return _answer_from_wire(packet)


def _connect(paths: Iterable[Path]) -> socket.socket:
    forbidden: EdgedError | None = None
    for path in paths:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        sock.settimeout(_CONNECT_S)
        try:
            with address_of(path) as address:
                sock.connect(address)
        except PermissionError:
            forbidden = PermissionDeniedError(
                f"{path}: this user may not speak to the daemon", "use sudo, or join the daemon's group"
            )
        except OSError:
            pass
        else:
            return sock
        sock.close()
    if forbidden:
        raise forbidden
    looked = ", ".join(map(str, paths))
    raise DeviceUnavailableError(f"no daemon listens (looked for {looked})", _START)


def _answer_from_wire(packet: bytes) -> Answer:
    try:
        message = json.loads(packet)
        code = ExitCode(message["exit_code"])
        return Answer(code, str(message["text"]), dict(message["data"]))
    except (ValueError, KeyError, TypeError) as error:
        raise DeviceUnavailableError(
            "the daemon's answer cannot be read", "restart it: it may be of another version"
        ) from error
