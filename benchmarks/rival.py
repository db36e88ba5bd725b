"""A program of `rivals.py` as a side of a comparison."""

import os
import subprocess
from pathlib import Path

from benchmarks.rig import ROOT

PROGRAMS = ("mediapipe", "tflite-support")


def rivals_python() -> Path:
    """The Python that has the other programs; `benchmarks/setup` makes it."""
    return Path(os.environ.get("EDGED_BENCH_RIVALS", ROOT / ".venv-rivals/bin/python"))


class CannotRunError(Exception):
    """The program is not installed or does not work here; says why in one line."""


class Rival:
    """A child that times its own calls when told to."""

    def __init__(self, program: str, model: Path, task: str, pixels: Path) -> None:
        """Raises CannotRunError."""
        command = [str(rivals_python()), "-P", str(ROOT / "benchmarks/rivals.py"), program, str(model), task]
        try:
            self._process = subprocess.Popen(
                [*command, str(pixels)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError as error:
            raise CannotRunError(f"{program}: its environment is missing ({error.strerror})") from error
        said = self._read()
        if not said.startswith("ready "):
            self.close()
            raise CannotRunError(f"{program}: {said or 'ended without a word'}")
        self.version = said.removeprefix("ready ")

    def median_us(self, calls: int) -> float:
        """Median time of one call."""
        assert self._process.stdin  # noqa: S101  it was asked for
        self._process.stdin.write(f"{calls}\n")
        self._process.stdin.flush()
        return float(self._read())

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.communicate()

    def _read(self) -> str:
        assert self._process.stdout  # noqa: S101  it was asked for
        return self._process.stdout.readline().strip()
