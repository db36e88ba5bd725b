"""Encrypted connections to a real broker, with certificates made for the test."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from edged.adapters.mqtt.paho import PahoPublisher
from edged.adapters.mqtt.settings import BrokerSettings, TlsSettings
from edged.domain.messages import Message
from edged.ports import Connected, Disconnected, Notice
from tests.fakes.mosquitto import Mosquitto, Subscriber, eventually, free_port

# paho leaves the socket of a failed handshake to the garbage collector, which closes it with a warning.
unclosed = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
WILL = Message("t/status", b"offline", 1, retain=True)


@dataclass(frozen=True)
class SecureBroker:
    """A broker with an encrypted listener beside the plain one."""

    plain: Mosquitto
    port: int
    folder: Path

    def connect(self, **tls: Any) -> tuple[PahoPublisher, Notice]:
        """A publisher and the first thing it announces."""
        settings = BrokerSettings("127.0.0.1", "edged-t", self.port, tls=TlsSettings(**tls))
        publisher = PahoPublisher(settings, WILL)
        notices: SimpleQueue[Notice] = SimpleQueue()
        publisher.start(notices.put)
        return publisher, notices.get(timeout=10)


def make_certificate(folder: Path, name: str, subject: str, *extra: str) -> None:
    """A key and a certificate that is valid for a day."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", subject]
    files = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")]
    subprocess.run([*command, *files, *extra], check=True, capture_output=True)


@pytest.fixture(params=["IP:127.0.0.1"])
def broker(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SecureBroker]:
    make_certificate(tmp_path, "server", "/CN=broker", "-addext", f"subjectAltName={request.param}")
    make_certificate(tmp_path, "stranger", "/CN=somebody else")
    plain, port = Mosquitto(tmp_path), free_port()
    plain.start(
        f"listener {port} 127.0.0.1",
        f"certfile {tmp_path}/server.pem",
        f"keyfile {tmp_path}/server.key",
    )
    yield SecureBroker(plain, port, tmp_path)
    plain.stop()


def test_a_message_arrives_over_an_encrypted_connection(broker: SecureBroker) -> None:
    """With the authority that signed the broker's certificate, messages arrive."""
    subscriber = Subscriber(broker.plain.port)
    publisher, first = broker.connect(ca_file=broker.folder / "server.pem")
    assert isinstance(first, Connected)
    assert publisher.send(Message("t/secret", b"1", 1)) is not None
    assert eventually(lambda: subscriber.payloads("t/secret") == [b"1"])
    publisher.stop((), 2)
    subscriber.close()


@unclosed
def test_an_unknown_authority_is_refused_with_its_reason(broker: SecureBroker) -> None:
    """A broker that nobody vouches for is not talked to, and the message says that it is the certificate."""
    publisher, first = broker.connect(ca_file=broker.folder / "stranger.pem")
    assert isinstance(first, Disconnected)
    assert "certificate" in first.message
    assert first.fix
    publisher.stop((), 2)


@unclosed
@pytest.mark.parametrize("broker", ["DNS:broker.lan"], indirect=True)
def test_a_certificate_for_another_name_is_refused(broker: SecureBroker) -> None:
    """A certificate counts only for the name that it was made for."""
    publisher, first = broker.connect(ca_file=broker.folder / "server.pem")
    assert isinstance(first, Disconnected)
    assert "certificate" in first.message
    publisher.stop((), 2)


def test_insecure_encrypts_without_asking_who_it_is(broker: SecureBroker) -> None:
    """`insecure` connects to a broker whose certificate nobody vouches for."""
    publisher, first = broker.connect(insecure=True)
    assert isinstance(first, Connected)
    publisher.stop((), 2)
