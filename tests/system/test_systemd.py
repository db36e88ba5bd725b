"""The unit as it is shipped, under a real systemd that is booted for these tests."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt
import pytest
import yaml

from tests.fakes.mosquitto import Mosquitto, Subscriber, eventually
from tests.system.booted import Booted
from tests.system.machine import REPOSITORY, figures
from tests.system.parts import camera, on_cpu, pattern

pytestmark = pytest.mark.rig
UNIT = REPOSITORY / "systemd" / "edged.service"
FILE = "/etc/edged/edged.yaml"
PASSWORD = "only in the credential"  # noqa: S105  of a broker that lives for these tests
USERS = """\
getent passwd edged >/dev/null || useradd --system --user-group --no-create-home edged
"""
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def python() -> tuple[str, dict[Path, str]]:
    """The interpreter of this test as the service may see it, and what has to be shown to it.

    The unit hides /home and /root, where interpreters and environments of tests often are.
    """
    base, site = Path(sys.base_prefix).resolve(), Path(paho.mqtt.__path__[0]).parents[1]
    binds = {REPOSITORY: "/opt/rig/source", site: "/opt/rig/site"}
    program = Path(os.path.realpath(sys.executable))
    if base != Path("/usr"):
        binds[base] = "/opt/rig/python"
        program = Path("/opt/rig/python") / program.relative_to(base)
    return str(program), binds


class Service:
    """`edged.service` inside, its configuration, and what a subscriber hears of it."""

    def __init__(self, booted: Booted, program: str, port: int) -> None:
        self.booted = booted
        self.environment = {
            "PYTHONPATH": "/opt/rig/source:/opt/rig/site",
            "LD_LIBRARY_PATH": "/opt/rig/python/lib",  # an interpreter that was moved does not find its own
        }
        self.edged = (program, "-m", "edged")
        self._port = port
        self.heard = Subscriber(port, "edged/rig/#", username="listener", password=PASSWORD)

    def configure(self, *, threshold: float = 0.6, fps: float = 30) -> str:
        """Writes the configuration; its text."""
        front = camera(pattern(fps=fps), threshold=threshold, labels={"red": {}, "green": {}})
        config = on_cpu(model=Path("/opt/rig/source/models/colours"), front=front)
        config["device"] = "rig"
        config["mqtt"] = {
            "host": "127.0.0.1", "port": self._port, "username": "rig", "password_file": "mqtt-password",
        }  # fmt: skip
        text = yaml.safe_dump(config)
        self.booted.write(FILE, text)
        return text

    def drop_in(self) -> str:
        """Where the program is, and shorter times; nothing of what the unit allows or forbids."""
        command = " ".join(self.edged)
        environment = " ".join(f"{name}={value}" for name, value in self.environment.items())
        return (
            f"[Service]\nExecStart=\nExecStart={command} run --config {FILE}\n"
            f"ExecReload=\nExecReload={command} reload\n"
            f"Environment={environment}\n"
            "WatchdogSec=3\nRestartSec=100ms\n"
        )

    def ctl(self, verb: str) -> int:
        """`systemctl VERB edged`; the exit code."""
        return self.booted.run("systemctl", verb, "edged").returncode

    def show(self, *names: str) -> list[str]:
        """What systemd says of the service."""
        return self.booted.show("edged", *names)

    @property
    def pid(self) -> int:
        """The parent's process number inside."""
        return int(self.show("MainPID")[0])

    def journal(self) -> str:
        """All that was written by the service and about it."""
        return self.booted.journal("edged")

    def last(self, topic: str) -> Any:
        """The newest payload of a topic."""
        payloads = self.heard.payloads(f"edged/rig/{topic}")
        return json.loads(payloads[-1]) if payloads and payloads[-1] else None

    def frames(self) -> int:
        """`frame` messages so far."""
        return len(self.heard.payloads("edged/rig/front/frame"))

    def goes_on(self) -> bool:
        """Whether frames are judged from now on."""
        before = self.frames()
        return eventually(lambda: self.frames() > before + 5)

    def problems(self) -> set[str]:
        """The codes of the problems that last."""
        said = self.last("problem")
        return {each["code"] for each in said["problems"]} if said else set()

    def wait(self, fact: Callable[[], object], timeout_s: float = 10) -> None:
        """Fails with the journal where a fact does not come true in time."""
        assert eventually(fact, timeout_s), self.journal()


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """systemd, booted once, with the unit installed, and a broker that wants passwords."""
    folder = tmp_path_factory.mktemp("systemd")
    booted = Booted(folder)
    broker = Mosquitto(folder)
    for user in ("rig", "listener"):
        broker.set_password(user, PASSWORD)
    broker.start(anonymous=False)
    program, binds = python()
    service = Service(booted, program, broker.port)
    try:
        booted.write("/etc/systemd/system/edged.service", UNIT.read_text())
        booted.write("/etc/systemd/system/edged.service.d/rig.conf", service.drop_in())
        booted.write("/etc/edged/secrets/mqtt-password", f"{PASSWORD}\n", 0o600)
        service.configure()
        booted.boot(binds)
        done = booted.run("sh", "-c", USERS)
        assert done.returncode == 0, done.stderr
        yield service
    finally:
        service.heard.close()
        booted.close()
        broker.stop()


@pytest.fixture
def service(inside: Service) -> Iterator[Service]:
    """The service, freshly started with a good configuration."""
    inside.configure()
    inside.ctl("stop")
    inside.booted.run("systemctl", "reset-failed", "edged")
    assert inside.ctl("start") == 0, inside.journal()
    inside.wait(inside.goes_on)
    yield inside
    assert "Traceback" not in inside.journal()


def test_it_starts_as_a_confined_user(service: Service) -> None:
    """It is ready, says how it is doing, and runs as its user without any privilege over a read-only system."""
    service.wait(lambda: "1 of 1 cameras online" in service.show("StatusText")[0])
    service.wait(lambda: "main: cpu; broker connected; no problem" in service.show("StatusText")[0])
    figures(service.show("StatusText")[0])
    assert service.show("ActiveState", "SubState", "NRestarts") == ["active", "running", "0"]
    assert "credential" not in service.journal()
    (camera_pid,) = service.booted.children(service.pid, "edged.children.camera")
    uid = service.booted.run("id", "-u", "edged").stdout.strip()
    for pid in (service.pid, camera_pid):
        kernel = service.booted.status(pid)
        assert set(kernel["Uid"].split()) == {uid}
        assert uid != "0"
        assert (kernel["NoNewPrivs"], kernel["Seccomp"]) == ("1", "2")
        assert {int(kernel[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {0}
    own_mounts = ("nsenter", f"--target={service.pid}", "--mount", "--")
    touched = service.booted.run(*own_mounts, "touch", "/etc/edged/new")
    assert "Read-only file system" in touched.stderr


def test_a_frozen_daemon_is_ended_and_started_again(service: Service) -> None:
    """A parent that stands still misses its watchdog; a new one goes on, and no child of the old one is left."""
    frozen = service.pid
    children = service.booted.children(frozen, "edged.children")
    service.booted.run("kill", "-STOP", str(frozen))
    service.wait(lambda: service.pid not in (0, frozen), 15)
    service.wait(service.goes_on)
    assert service.show("ActiveState", "NRestarts") == ["active", "1"]
    assert "Watchdog timeout" in service.journal()
    assert len(children) == 2
    assert [pid for pid in children if "edged.children" in service.booted.command(pid)] == []


def test_a_killed_child_is_the_daemons_own_business(service: Service) -> None:
    """Results go on after `kill -9` of each child, and systemd does not restart the service."""
    pid = service.pid
    for kind in ("camera", "accelerator"):
        (child,) = service.booted.children(pid, f"edged.children.{kind}")
        service.booted.run("kill", "-KILL", str(child))
        service.wait(lambda child=child: child not in service.booted.children(pid, "edged.children"))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        service.wait(service.goes_on)
    assert service.show("MainPID", "NRestarts") == [str(pid), "0"]


def test_a_refused_reload_fails_and_the_old_configuration_goes_on(service: Service) -> None:
    """`systemctl reload` fails, the journal has the line and column, and `problem` says so until a good reload."""
    pid, text = service.pid, service.configure()
    service.booted.write(FILE, text.replace("threshold: 0.6", "threshold: 60"))
    assert service.ctl("reload") != 0
    line = next(n for n, each in enumerate(text.splitlines(), 1) if "threshold:" in each)
    assert f"{FILE}:{line}:16: cameras.front.threshold: must be a number" in service.journal()
    service.wait(lambda: service.problems() == {"config_refused"})
    assert service.last("info")["cameras"]["front"]["threshold"] == 0.6
    assert service.goes_on()
    assert service.show("ActiveState", "SubState", "MainPID") == ["active", "running", str(pid)]
    service.configure(threshold=0.7)
    assert service.ctl("reload") == 0
    service.wait(lambda: service.problems() == set())
    service.wait(lambda: service.last("info")["cameras"]["front"]["threshold"] == 0.7)
    assert service.show("ActiveState", "MainPID", "NRestarts") == ["active", str(pid), "0"]


def test_a_reload_that_needs_new_processes_keeps_the_service(service: Service) -> None:
    """With another frame rate the children are new, and the parent, as systemd sees it, is the same."""
    pid, children = service.pid, service.booted.children(service.pid, "edged.children")
    service.configure(fps=20)
    assert service.ctl("reload") == 0
    assert service.goes_on()
    assert not {*children} & {*service.booted.children(pid, "edged.children")}
    assert service.show("ActiveState", "SubState", "MainPID", "NRestarts") == [
        "active",
        "running",
        str(pid),
        "0",
    ]


def test_a_signal_is_a_reload_in_systemds_eyes(service: Service) -> None:
    """SIGHUP to the parent makes the service `reloading` until the new configuration runs, then `running` again."""
    pid = service.pid
    service.configure(threshold=0.8)
    service.booted.run("systemctl", "kill", "--kill-whom=main", "--signal=HUP", "edged")
    service.wait(lambda: service.last("info")["cameras"]["front"]["threshold"] == 0.8)
    service.wait(lambda: service.show("SubState") == ["running"])
    assert service.show("ActiveState", "MainPID", "NRestarts") == ["active", str(pid), "0"]
    assert service.goes_on()


def test_strangers_may_not_command_it(service: Service) -> None:
    """`edged reload` is for root and the service's group; another user is told so, exit 77."""
    environment = service.environment
    assert service.booted.run(*service.edged, "reload", environment=environment).returncode == 0
    done = service.booted.run(*NOBODY, *service.edged, "reload", environment=environment)
    assert (done.returncode, "may not speak to the daemon" in done.stderr) == (77, True)


def test_a_bad_configuration_is_not_tried_again(service: Service) -> None:
    """At a start a mistake ends the service with 78, and systemd leaves it at that."""
    text = service.configure()
    service.booted.write(FILE, text.replace("threshold: 0.6", "threshold: 60"))
    assert service.ctl("restart") != 0
    time.sleep(0.5)  # five times RestartSec
    assert service.show("ActiveState", "ExecMainStatus", "NRestarts") == ["failed", "78", "0"]


def test_the_last_words_of_a_stop_are_heard(service: Service) -> None:
    """At `systemctl stop` subscribers hear every label OFF, the camera and then the device `offline`, in time."""
    service.wait(
        lambda: any(
            (service.last(f"front/object/{label}") or {}).get("state") == "ON" for label in ("red", "green")
        )
    )
    began_s = time.monotonic()
    assert service.ctl("stop") == 0
    assert time.monotonic() - began_s < 5
    assert eventually(lambda: service.heard.payloads("edged/rig/status")[-1] == b"offline")
    assert service.heard.payloads("edged/rig/front/status")[-1] == b"offline"
    assert {service.last(f"front/object/{label}")["state"] for label in ("red", "green")} == {"OFF"}
    assert service.show("ActiveState", "Result", "ExecMainStatus") == ["inactive", "success", "0"]
