"""The service's unit, as systemd itself judges it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[2] / "systemd" / "edged.service"
MOST_EXPOSED = 2.2
PROGRAM = "/opt/edged/bin/edged"


def analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (package systemd)")
    command = ["systemd-analyze", "--no-pager", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_the_unit_exposes_little() -> None:
    """The figure of systemd for what a service could do to the machine is 2.2 of 10 at most."""
    said = analyze("security", "--offline=true", str(UNIT)).stdout
    level = re.search(r"Overall exposure level for edged\.service: ([\d.]+)", said)
    assert level, said
    assert float(level[1]) <= MOST_EXPOSED


def test_the_unit_is_understood(tmp_path: Path) -> None:
    """The file has nothing that systemd does not know or would warn of, but where the program is not installed."""
    copy = tmp_path / "edged.service"
    copy.write_text(UNIT.read_text().replace(PROGRAM, sys.executable))
    done = analyze("verify", "--man=no", str(copy))
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "edged" in line]
    assert (done.returncode, ours) == (0, [])


def settings() -> list[tuple[str, bool]]:
    """Each setting of the unit, with whether a comment stands above it or above its kind."""
    found: list[tuple[str, bool]] = []
    explained = False
    for line in UNIT.read_text().splitlines():
        if line.startswith("#"):
            explained = True
        elif "=" in line:
            name = line.split("=")[0]
            same = bool(found) and found[-1][0].removesuffix("Mode") == name.removesuffix("Mode")
            found.append((name, explained or (same and found[-1][1])))
            explained = False
        else:
            explained = False
    return found


def test_each_restriction_is_explained() -> None:
    """Whoever meets a permission error reads in the unit what forbids it and why."""
    restricting = re.compile(
        r"Protect|Private|Restrict|SystemCall|Device|NoNew|Capability|Lock|Memory|Remove|Limit"
    )
    assert [name for name, explained in settings() if restricting.match(name) and not explained] == []


def test_cameras_and_chips_stay_reachable() -> None:
    """What would take a camera, a chip, the network or libusb away is not in the unit."""
    text = UNIT.read_text()
    assert not re.search(
        r"^(PrivateDevices|PrivateUsers|PrivateNetwork|IPAddressDeny|ProtectClock|ProcSubset)=",
        text,
        re.MULTILINE,
    )
    majors = set(re.findall(r"^DeviceAllow=char-(\S+) rw$", text, re.MULTILINE))
    assert majors == {"189", "81", "120", "media", "dma_heap"}
    assert "AF_NETLINK" in re.findall(r"^RestrictAddressFamilies=(.*)$", text, re.MULTILINE)[0].split()
