"""Temperatures and power from a sysfs tree."""

from pathlib import Path

from edged.adapters.system.sensors import SysfsSensors


def put(root: Path, **files: str) -> None:
    for name, text in files.items():
        file = root / "class" / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")


def test_zones_and_chips_are_named_and_in_degrees(tmp_path: Path) -> None:
    """A thermal zone goes by its type, an Edge TPU on PCIe by its device; sysfs counts in thousandths."""
    put(tmp_path, thermal__thermal_zone0__temp="48312", thermal__thermal_zone0__type="cpu-thermal")
    put(tmp_path, apex__apex_0__temp="51750")
    assert SysfsSensors(tmp_path).temperatures_c() == {"cpu-thermal": 48.312, "apex_0": 51.75}


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    """A dead link, an unreadable number and a machine without sensors are no error."""
    assert SysfsSensors(tmp_path).temperatures_c() == {}
    put(tmp_path, thermal__thermal_zone0__temp="unknown", apex__apex_0__temp="-89700")
    assert SysfsSensors(tmp_path).temperatures_c() == {}


def test_under_voltage_is_told(tmp_path: Path) -> None:
    """The Pi's own alarm counts; another monitor's does not."""
    put(tmp_path, hwmon__hwmon0__name="other", hwmon__hwmon0__in0_lcrit_alarm="1")
    assert SysfsSensors(tmp_path).throttled() == ()
    put(tmp_path, hwmon__hwmon1__name="rpi_volt", hwmon__hwmon1__in0_lcrit_alarm="1")
    assert SysfsSensors(tmp_path).throttled() == ("under_voltage",)


def test_this_machine_answers() -> None:
    """The real sysfs can be read wherever we run."""
    sensors = SysfsSensors()
    assert all(-50 < value < 150 for value in sensors.temperatures_c().values())
    assert isinstance(sensors.throttled(), tuple)
