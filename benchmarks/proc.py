"""CPU time and memory of processes, and how busy the machine is, from /proc."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_GONE = (FileNotFoundError, ProcessLookupError)
_IDLE = (3, 4)
"""Columns of /proc/stat that are no work: idle and iowait."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Proportional set size, and the anonymous part of it: what no other process could share from a file."""

    pss_mb: float
    anonymous_mb: float


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for parent in found:  # grows while it is walked
        for task in _entries(_PROC / str(parent) / "task"):
            found += [int(child) for child in _text(task / "children").split()]
    return found


def command_line(pid: int) -> list[str]:
    """Its words; none for a process that has gone."""
    return _text(_PROC / str(pid) / "cmdline").split("\0")[:-1]


def cpu_s(pids: Iterable[int]) -> float:
    """CPU seconds, user and system, of all living threads; in ns, or in ticks where the kernel has nothing finer."""
    if not (_PROC / "self/schedstat").exists():
        return ticks_s(pids)
    return sum(_cpu_ns(task) for pid in pids for task in _entries(_PROC / str(pid) / "task")) / 1e9


def ticks_s(pids: Iterable[int]) -> float:
    """The same from utime and stime of whole processes, in ticks of 10 ms, with threads that have ended."""
    rows = (_text(_PROC / str(pid) / "stat").rpartition(")")[2].split() for pid in pids)
    return sum(int(row[11]) + int(row[12]) for row in rows if row) / os.sysconf("SC_CLK_TCK")


def memory(pids: Iterable[int]) -> Memory:
    """Of several processes together, in MB of 1024 * 1024 bytes."""
    rows = [_rollup(pid) for pid in pids]
    return Memory(
        sum(row.get("Pss", 0) for row in rows) / 1024, sum(row.get("Pss_Anon", 0) for row in rows) / 1024
    )


def busy_percent(seconds: float) -> float:
    """How much of all cores anybody used while this function slept; also what the hypervisor took."""
    before = _machine()
    time.sleep(seconds)
    worked, passed = (after - old for after, old in zip(_machine(), before, strict=True))
    return worked / passed * 100 if passed else 0.0


def _machine() -> tuple[int, int]:
    columns = [int(word) for word in (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(columns) - sum(columns[i] for i in _IDLE), sum(columns)


def _cpu_ns(task: Path) -> int:
    return int((_text(task / "schedstat") or "0").split()[0])


def _rollup(pid: int) -> dict[str, int]:
    """Field to kB."""
    lines = [line.split() for line in _text(_PROC / str(pid) / "smaps_rollup").splitlines()[1:]]
    return {line[0].rstrip(":"): int(line[1]) for line in lines}


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except _GONE:
        return []


def _text(file: Path) -> str:
    try:
        return file.read_text("ascii", "replace")
    except _GONE:
        return ""
