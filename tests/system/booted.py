"""A real systemd as PID 1 of namespaces of its own, and what may be asked of it."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("booted.sh")
TOOLS = ("systemctl", "systemd-analyze", "journalctl", "unshare", "nsenter", "setpriv")
"""What Debian's packages systemd and util-linux bring."""
CGROUPS = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")
TARGET = "[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "SYSTEMD_PAGER": "",
    "SYSTEMD_COLORS": "0",
}


def why_not() -> str:
    """Why no systemd can be booted here; empty where one can."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing or not Path("/lib/systemd/systemd").exists():
        return f"systemd cannot be booted without {', '.join(missing) or '/lib/systemd/systemd'}"
    if os.geteuid() != 0:
        return "systemd is booted in namespaces of its own by root only"
    if not any((Path(folder) / "cgroup.procs").exists() for folder in CGROUPS):
        return "systemd needs the cgroup2 file system"
    return ""


class Booted:
    """Runs from `boot` to `close`; its network is that of the test."""

    def __init__(self, folder: Path) -> None:
        if reason := why_not():
            pytest.skip(reason)
        base = next(Path(each) for each in CGROUPS if (Path(each) / "cgroup.procs").exists())
        self._cgroup = base / f"edged-rig-{os.getpid()}"
        self._folder = folder
        self._install = folder / "install"
        self._process: subprocess.Popen[bytes] | None = None
        self._init = 0
        self.write("/etc/systemd/system/rig.target", TARGET)
        self.write("/etc/systemd/journald.conf.d/rig.conf", "[Journal]\nStorage=volatile\n")

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Writes a file, before or after the boot."""
        root = Path(f"/proc/{self._init}/root") if self._init else self._install
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def boot(self, binds: Mapping[Path, str]) -> None:
        """Starts systemd and waits until it is up."""
        try:
            self._cgroup.mkdir()
        except OSError as error:
            pytest.skip(f"systemd needs a cgroup of its own: {error.strerror}")
        command = [
            "unshare",
            "--pid",
            "--fork",
            "--mount",
            "--uts",
            "--ipc",
            "--kill-child=KILL",
            str(SCRIPT),
        ]
        command += [str(self._cgroup), str(self._folder / "root"), str(self._install)]
        command += [f"{source}:{target}" for source, target in binds.items()]
        with (self._folder / "boot.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        until_s = time.monotonic() + 15
        while not self._is_up():
            assert time.monotonic() < until_s, self._boot_log()
            if self._process.poll() is not None:
                self._gave_up()
            time.sleep(0.05)

    def _is_up(self) -> bool:
        assert self._process
        pid = self._process.pid
        init = _read(Path(f"/proc/{pid}/task/{pid}/children")).split()
        if not init or _read(Path(f"/proc/{init[0]}/comm")).strip() != "systemd":
            return False
        self._init = int(init[0])
        return self.run("systemctl", "is-active", "--quiet", "rig.target").returncode == 0

    def _gave_up(self) -> None:
        if "not permitted" in self._boot_log() or "ermission denied" in self._boot_log():
            pytest.skip(f"systemd cannot be booted: {self._boot_log().strip()[-200:]}")
        pytest.fail(f"systemd did not boot: {self._boot_log()}")

    def _boot_log(self) -> str:
        return _read(self._folder / "boot.log")

    def close(self) -> None:
        """Ends everything inside at once."""
        if self._process:
            self._process.kill()
            self._process.wait(10)
            self._process = None
        until_s = time.monotonic() + 5
        while self._cgroup.exists() and time.monotonic() < until_s:
            for folder in sorted(self._cgroup.rglob("*/"), reverse=True):
                _remove(folder)
            _remove(self._cgroup)
            time.sleep(0.05)

    def run(
        self, *command: str, environment: Mapping[str, str] | None = None, timeout_s: float = 30
    ) -> "subprocess.CompletedProcess[str]":
        """Runs a command inside, as root."""
        spaces = ("--mount", "--uts", "--ipc", "--pid", "--cgroup", "--root", "--wd=/")
        return subprocess.run(
            ["nsenter", f"--target={self._init}", *spaces, "--", *command],
            env={**ENVIRONMENT, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def show(self, unit: str, *properties: str) -> list[str]:
        """What systemd says of a unit."""
        done = self.run("systemctl", "show", "-p", ",".join(properties), unit)
        said = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
        return [said.get(name, "") for name in properties]

    def journal(self, unit: str) -> str:
        """All that a unit has written, and what systemd wrote about it."""
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}").stdout

    def status(self, pid: int) -> dict[str, str]:
        """What the kernel says of a process inside."""
        text = _read(Path(f"/proc/{self._init}/root/proc/{pid}/status"))
        return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}

    def children(self, pid: int, kind: str) -> list[int]:
        """Processes inside that a process has started, by a word of their command."""
        folder = Path(f"/proc/{self._init}/root/proc")
        known = [int(entry.name) for entry in folder.iterdir() if entry.name.isdigit()]
        ours = [each for each in known if self.status(each).get("PPid") == str(pid)]
        return [each for each in ours if kind in self.command(each)]

    def command(self, pid: int) -> str:
        """A process's command, empty where it has ended."""
        return _read(Path(f"/proc/{self._init}/root/proc/{pid}/cmdline")).replace("\0", " ")


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _remove(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
