"""Temperatures and power, as the kernel shows them in sysfs."""

from collections.abc import Iterator
from pathlib import Path

_LINK_DEAD_C = -80.0
"""An Edge TPU whose PCIe link is dead reads -89.7."""


class SysfsSensors:
    """Reads at each call; what a machine does not have is left out, never an error.

    `root` is where sysfs is mounted.
    """

    def __init__(self, root: Path = Path("/sys")) -> None:
        self._root = root

    def temperatures_c(self) -> dict[str, float]:
        """Degrees Celsius by sensor: thermal zones by their type, Edge TPUs on PCIe as `apex_0`."""
        found: dict[str, float] = {}
        for zone in sorted(self._root.glob("class/thermal/thermal_zone*")):
            value = _millidegrees(zone / "temp")
            if value is not None:
                found.setdefault(_text(zone / "type") or zone.name, value)
        for chip in sorted(self._root.glob("class/apex/apex_*")):
            value = _millidegrees(chip / "temp")
            if value is not None and value > _LINK_DEAD_C:
                found[chip.name] = value
        return found

    def throttled(self) -> tuple[str, ...]:
        """What slows the machine down at this moment: `under_voltage`, as the Pi's `rpi_volt` driver tells."""
        return tuple(self._alarms())

    def _alarms(self) -> Iterator[str]:
        for monitor in sorted(self._root.glob("class/hwmon/hwmon*")):
            if _text(monitor / "name") == "rpi_volt" and _text(monitor / "in0_lcrit_alarm") == "1":
                yield "under_voltage"


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _millidegrees(file: Path) -> float | None:
    try:
        return int(_text(file)) / 1000
    except ValueError:
        return None
