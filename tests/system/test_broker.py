"""A broker that refuses, dies or stands still: the daemon goes on, says so once, and loses no event."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.mosquitto import Mosquitto, Subscriber, eventually
from tests.system.conftest import Start
from tests.system.machine import Machine, figures
from tests.system.parts import camera, colours, on_cpu

pytestmark = pytest.mark.rig


Talking = Callable[..., dict[str, Any]]


@pytest.fixture
def talking(tmp_path: Path, mosquitto: Mosquitto) -> Talking:
    """The configuration of a daemon that has twenty events a second for the broker."""
    front = camera(colours(tmp_path / "colours", fps=20))

    def config(**mqtt: Any) -> dict[str, Any]:
        broker = {"host": "127.0.0.1", "port": mosquitto.port, **mqtt}
        return {**on_cpu(front=front), "mqtt": broker, "stats_interval_s": 1}

    return config


def said(machine: Machine, words: str) -> list[str]:
    """The log lines with these words."""
    return [line for line in machine.log().splitlines() if words in line]


def events(listener: Subscriber) -> list[dict[str, Any]]:
    """Every event that came, in the order in which it came."""
    return [json.loads(each.payload) for each in list(listener.messages) if each.topic.endswith("/event")]


def works(machine: Machine) -> None:
    """Its children live, so it goes on."""
    assert machine.process.poll() is None
    assert len(machine.wait_for(machine.children)) == 2


def test_a_broker_that_is_not_there_is_waited_for(
    start: Start, mosquitto: Mosquitto, talking: Talking
) -> None:
    """One line when it is refused, one when it is there; then everything arrives, oldest first."""
    machine = start(talking(), to_broker=True)
    machine.wait_for(lambda: said(machine, "refused"))
    time.sleep(4)
    works(machine)
    assert len(said(machine, "WARNING")) == 1, machine.log()
    mosquitto.start()
    listener = Subscriber(mosquitto.port, "edged/#")
    assert eventually(lambda: listener.payloads("edged/rig/status") == [b"online"], 10)
    assert eventually(lambda: b'"OFF"' in listener.payloads("edged/rig/problem")[-1])
    assert machine.end()[0] == 0
    assert eventually(lambda: listener.payloads("edged/rig/status")[-1] == b"offline")
    listener.close()


def test_a_wrong_password_is_told_and_mended_without_a_restart(
    start: Start, mosquitto: Mosquitto, talking: Talking, tmp_path: Path
) -> None:
    """A refused login is one line; the right password on the broker's side is enough."""
    mosquitto.set_password("garage", "another")
    mosquitto.start(anonymous=False)
    secret = tmp_path / "secret"
    secret.write_text("right\n")
    secret.chmod(0o600)
    config = talking(username="garage", password_file=str(secret))
    machine = start(config, to_broker=True)
    machine.wait_for(lambda: said(machine, "WARNING"))
    time.sleep(3)
    works(machine)
    assert len(said(machine, "WARNING")) == 1, machine.log()
    assert "right" not in machine.log()
    mosquitto.set_password("garage", "right")
    mosquitto.reload()
    machine.wait_for(lambda: said(machine, "connected to"), 40)
    assert len(said(machine, "connected to")) == 1


def test_no_event_is_lost_when_the_broker_is_restarted(
    start: Start, mosquitto: Mosquitto, talking: Talking
) -> None:
    """Through two restarts of the broker, each event arrives, in order, and each change is one log line."""
    mosquitto.start()
    listener = Subscriber(mosquitto.port, "edged/#")
    machine = start(talking(), to_broker=True)
    assert eventually(lambda: len(events(listener)) > 3)
    for turn in (1, 2):
        mosquitto.stop()  # killed, it would forget what it has taken and not passed on
        machine.wait_for(lambda: len(said(machine, "WARNING")) == 2 * turn)  # noqa: B023  called at once
        time.sleep(1)
        works(machine)
        mosquitto.start()
        machine.wait_for(lambda: len(said(machine, "connected to")) == 1 + turn)  # noqa: B023  called at once
        newest = max(each["seq"] for each in events(listener))
        assert eventually(lambda: events(listener)[-1]["seq"] > newest + 10, 15)  # noqa: B023  called at once
    assert eventually(lambda: b'"reconnects":2' in b"".join(listener.payloads("edged/rig/stats")))
    assert machine.end()[0] == 0
    assert eventually(lambda: listener.payloads("edged/rig/status")[-1] == b"offline")
    seqs = [each["seq"] for each in events(listener)]
    unique = list(dict.fromkeys(seqs))
    figures(f"{len(unique)} events, {len(seqs) - len(unique)} repeated; log:\n{machine.log()}")
    assert unique == list(range(1, max(seqs) + 1))
    assert len(said(machine, "WARNING")) == 4, "lost and unreachable, once each time"
    listener.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_orderly_end_says_goodbye(
    start: Start, mosquitto: Mosquitto, talking: Talking, number: signal.Signals
) -> None:
    """Within three seconds: every state OFF, the camera and the device offline, exit code 0."""
    mosquitto.start()
    listener = Subscriber(mosquitto.port, "edged/#")
    machine = start(talking(), to_broker=True)
    assert eventually(lambda: len(events(listener)) > 3)
    code, took_s = machine.end(number)
    figures(f"{number.name}: {took_s:.2f} s")
    assert (code, took_s < 3) == (0, True)
    last = {each.topic: each.payload for each in listener.messages}
    assert eventually(lambda: listener.payloads("edged/rig/status")[-1] == b"offline")
    last = {each.topic: each.payload for each in listener.messages}
    assert last["edged/rig/front/status"] == b"offline"
    objects = [json.loads(payload) for topic, payload in last.items() if "/object/" in topic]
    assert objects
    assert {each["state"] for each in objects} == {"OFF"}
    listener.close()


def test_a_broker_that_stands_still_does_not_hold_up_the_end(
    start: Start, mosquitto: Mosquitto, talking: Talking
) -> None:
    """A broker that is stopped without hanging up costs two seconds, not the end."""
    mosquitto.start()
    listener = Subscriber(mosquitto.port, "edged/#")
    machine = start(talking(), to_broker=True)
    assert eventually(lambda: len(events(listener)) > 3)
    listener.close()
    os.kill(mosquitto.pid, signal.SIGSTOP)
    try:
        time.sleep(1)
        code, took_s = machine.end(timeout_s=20)
    finally:
        os.kill(mosquitto.pid, signal.SIGCONT)
    figures(f"{took_s:.2f} s")
    assert (code, took_s < 3) == (0, True)
