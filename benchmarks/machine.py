"""What the figures were measured on, and of which state of the code."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("numpy", "opencv-python-headless", "ai-edge-litert", "tflite-runtime")


def facts(root: Path) -> dict[str, str]:
    """Machine, versions, date and commit, by name."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(root),
        "processor": f"{processor()}, {os.cpu_count()} cores",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": platform.python_version(),
        **{name: found for name in PACKAGES if (found := _version(name))},
    }


def commit(root: Path) -> str:
    """The commit's first digits, with `+ changes` where the tree differs from it; says so without git."""
    try:
        head = _git(root, "rev-parse", "--short=10", "HEAD")
        changed = _git(root, "status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head} + changes" if changed else head


def processor() -> str:
    """As the kernel names it."""
    lines = [
        line.partition(":")
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
        if ":" in line
    ]
    fields = {name.strip(): value.strip() for name, _, value in lines}
    return fields.get("model name") or fields.get("Model") or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(root), *arguments],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ).stdout.strip()
