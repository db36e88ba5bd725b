"""A real broker on a free loopback port, and a client that listens to it."""

import getpass
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

_FOUND = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def eventually(fact: Callable[[], object], timeout_s: float = 8.0) -> bool:
    """Whether a fact comes true in time."""
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        if fact():
            return True
        time.sleep(0.01)
    return bool(fact())


class Mosquitto:
    """A broker that keeps its sessions over a restart; files written beside its configuration."""

    def __init__(self, folder: Path) -> None:
        if _FOUND is None:
            pytest.skip("mosquitto is not installed")
        self.folder = folder
        self.port = free_port()
        self.passwords = folder / "passwords"
        self.acl = folder / "acl"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *extra: str, anonymous: bool = True) -> None:
        """Starts it and waits until it listens."""
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {'true' if anonymous else 'false'}",
            f"user {getpass.getuser()}",  # started as root it would become another one
            "persistence true",
            f"persistence_location {self.folder}/",
            "max_queued_messages 100000",  # 0 makes 2.0.11 hang up after each refused publish
            "set_tcp_nodelay true",
            f"password_file {self.passwords}" if self.passwords.exists() else "",
            f"acl_file {self.acl}" if self.acl.exists() else "",
            *extra,
        ]
        config = self.folder / "mosquitto.conf"
        config.write_text("\n".join(lines))
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([str(_FOUND), "-c", str(config)], stdout=log, stderr=log)
        assert eventually(self._listens), (self.folder / "mosquitto.log").read_text()

    def stop(self, *, kill: bool = False) -> None:
        """Ends it, if it runs; a killed one forgets what it had not written."""
        if self._process is not None:
            self._process.kill() if kill else self._process.terminate()
            self._process.wait(5)
            self._process = None

    @property
    def pid(self) -> int:
        """Its process, while it runs."""
        assert self._process is not None
        return self._process.pid

    def reload(self) -> None:
        """Reads the password and access files again."""
        assert self._process is not None
        self._process.send_signal(1)

    def set_password(self, user: str, password: str) -> None:
        """Writes the password file with one user."""
        self.passwords.touch()
        subprocess.run(["mosquitto_passwd", "-b", str(self.passwords), user, password], check=True)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Subscriber:
    """Hears everything below a topic, over reconnects, in a session that the broker keeps."""

    def __init__(self, port: int, topic: str = "#", *, username: str = "", password: str = "") -> None:
        self.messages: list[MQTTMessage] = []
        self._topic = topic
        self._ready = threading.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2, f"test-{id(self)}", protocol=MQTTProtocolVersion.MQTTv5
        )
        if username:
            self._client.username_pw_set(username, password)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda _client, _data, message: self.messages.append(message)
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho left it out
        session.SessionExpiryInterval = 600
        self._client.connect_async("127.0.0.1", port, 10, clean_start=False, properties=session)
        self._client.loop_start()
        assert self._ready.wait(5)

    def _on_connect(self, client: Client, *_: Any) -> None:
        client.subscribe(self._topic, qos=1)

    def payloads(self, topic: str) -> list[bytes]:
        """What came on one topic, in order."""
        return [bytes(message.payload) for message in self.messages if message.topic == topic]

    def close(self) -> None:
        """Ends the connection."""
        self._client.disconnect()
        self._client.loop_stop()


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
