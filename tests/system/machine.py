"""A whole daemon as a test sees it: what it prints, which children it has, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
COLOURS = REPOSITORY / "models" / "colours"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Heard:
    """A message, and when this test read it."""

    topic: str
    payload: Any
    at_s: float


class Machine:
    """`edged run` in a process; messages are read from its standard output, unless it speaks to a broker."""

    def __init__(self, folder: Path, config: Mapping[str, Any], *, to_broker: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "edged.yaml"
        self.file.write_text(yaml.safe_dump({"device": "rig", "state_dir": str(folder / "state"), **config}))
        self._log = folder / "edged.log"
        self.messages: list[Heard] = []
        self.pids_seen: set[int] = set()
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edged", "run", "--config", str(self.file)]
                + ([] if to_broker else ["--publish", "stdout"]),
                cwd=REPOSITORY,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self.pid = self.process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            message = json.loads(line)
            self.messages.append(Heard(message["topic"], message["payload"], time.monotonic()))

    def wait_for(self, fact: Callable[[], T | None], timeout_s: float = 15.0) -> T:
        """What `fact` gives as soon as it is something; fails with the log when it takes too long."""
        until_s = time.monotonic() + timeout_s
        while not (found := fact()):
            assert time.monotonic() < until_s, f"not within {timeout_s:g} s; the log:\n{self.log()}"
            time.sleep(0.005)
        return found

    def payloads(self, topic: str) -> list[Any]:
        """All payloads so far whose topic ends like this."""
        return [each.payload for each in list(self.messages) if each.topic.endswith(topic)]

    def frames(self, camera: str = "front") -> list[Heard]:
        """The `frame` messages of a camera so far."""
        return [each for each in list(self.messages) if each.topic == f"edged/rig/{camera}/frame"]

    def next_frame_s(self, since_s: float, *, camera: str = "front", timeout_s: float = 15.0) -> float:
        """Seconds from a moment to the first result that was heard after it."""

        def later() -> Heard | None:
            return next((each for each in self.frames(camera) if each.at_s > since_s), None)

        return self.wait_for(later, timeout_s).at_s - since_s

    def system_events(self) -> list[str]:
        """The codes of what the device did, in order."""
        return [each["code"] for each in self.payloads("/rig/event")]

    def problems(self) -> set[str]:
        """The codes of the problems that last at this moment."""
        said = self.payloads("/rig/problem")
        return {each["code"] for each in said[-1]["problems"]} if said else set()

    def answering(self, camera: str = "front") -> str:
        """What runs the camera's model at this moment, as `info` says."""
        said = self.payloads("/rig/info")
        return str(said[-1]["cameras"][camera]["accelerator"]) if said else ""

    def children(self, kind: str = "") -> list[int]:
        """The child processes that are alive: `camera`, `accelerator` or both."""
        found = [pid for pid, parent in _parents().items() if parent == self.pid]
        found = [pid for pid in found if f"edged.children.{kind}" in command_line(pid)]
        self.pids_seen.update(found)
        return found

    def kill(self, *kinds: str) -> float:
        """Kills children with SIGKILL; when that was."""
        pids = [pid for kind in kinds for pid in self.wait_for(lambda kind=kind: self.children(kind))]  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return time.monotonic()

    def log(self) -> str:
        """All that it wrote to stderr."""
        return self._log.read_text(errors="replace")

    def end(self, number: int = signal.SIGTERM, *, timeout_s: float = 10.0) -> tuple[int, float]:
        """Sends a signal; the exit code and the seconds that the end took."""
        self.children()
        started_s = time.monotonic()
        self.process.send_signal(number)
        return self.finished(timeout_s), time.monotonic() - started_s

    def finished(self, timeout_s: float) -> int:
        """Waits for the end; the exit code."""
        code = self.process.wait(timeout_s)
        self._reader.join(5)
        return code

    def close(self) -> None:
        """Ends whatever is left, for the next test."""
        self.children()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(5)
        if self.process.stdout:
            self.process.stdout.close()
        until_s = time.monotonic() + 3
        while survivors(self.pids_seen) and time.monotonic() < until_s:
            time.sleep(0.02)
        assert not survivors(self.pids_seen)


def figures(text: str) -> None:
    """Tells what was measured, for whoever runs the rigs with `-s`."""
    sys.stdout.write(f"{text}\n")


def _parents() -> dict[int, int]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _read(entry / "stat").rpartition(") ")[2].split()
            if fields and fields[0] != "Z":
                found[int(entry.name)] = int(fields[1])
    return found


def survivors(pids: set[int]) -> set[int]:
    """Those of our children that still run."""
    return {pid for pid in pids if "edged.children" in command_line(pid)}


def zombies(parent: int) -> int:
    """Children that ended and that nobody has asked about."""
    states = (_read(entry / "stat").rpartition(") ")[2].split() for entry in Path("/proc").glob("[0-9]*"))
    return sum(1 for fields in states if fields[:2] == ["Z", str(parent)])


def command_line(pid: int) -> str:
    """A process's command, empty where it has ended."""
    return _read(Path(f"/proc/{pid}/cmdline")).replace("\0", " ")


def descriptors(pid: int) -> int:
    """Open descriptors of a process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB (2^20 bytes)."""
    pages = int(_read(Path(f"/proc/{pid}/statm")).split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
