"""A private mosquitto on a free loopback port, for the demo."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from edged.domain.errors import DeviceUnavailableError

_PATH = "/usr/sbin:/usr/local/sbin"
"""Where Debian puts daemons; often not on a user's PATH."""
_PR_SET_PDEATHSIG = 1
_START_S = 5.0
_FIX = "install mosquitto, or run the demo without it"


def find_mosquitto() -> str | None:
    """The broker's program; None where it is not installed."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=_PATH)


class PrivateBroker:
    """Runs from `start` to `stop`, or to the end of this process, however that comes."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()

    def start(self) -> None:
        """Returns once it takes connections. Raises DeviceUnavailableError."""
        file = self._folder / "mosquitto.conf"
        text = f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type none\n"
        if os.geteuid() == 0:
            # Else it becomes another user, and with that the kernel forgets whose death it should follow.
            text += "user root\n"
        file.write_text(text, encoding="ascii")
        self._process = self._spawn(file)
        until_s = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until_s:
                raise DeviceUnavailableError(f"{self._program} does not start on port {self.port}", _FIX)
            time.sleep(0.02)

    def _spawn(self, file: Path) -> "subprocess.Popen[bytes]":
        prctl = ctypes.CDLL(None).prctl
        try:
            return subprocess.Popen(
                [self._program, "-c", str(file)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us; the broker must hear our last words
                preexec_fn=lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0),  # noqa: PLW1509  no thread runs yet
            )
        except OSError as error:
            raise DeviceUnavailableError(
                f"{self._program} cannot be started: {error.strerror}", _FIX
            ) from error

    def stop(self) -> None:
        """Ends it; may be called twice."""
        process, self._process = self._process, None
        if process:
            process.terminate()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
