"""What every publisher does, shown by paho on a real broker and by the one that prints."""

import json
import os
import queue
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edged.adapters.mqtt.paho import PahoListener, PahoPublisher
from edged.adapters.mqtt.settings import BrokerSettings, TlsSettings
from edged.adapters.mqtt.stdout import StdoutPublisher
from edged.domain.errors import ConfigurationError
from edged.domain.messages import Message
from edged.ports import Acknowledged, Connected, Disconnected, Notice, Publisher
from tests.fakes.mosquitto import Mosquitto, Subscriber, eventually

WILL = Message("t/status", b"offline", 1, retain=True)


@dataclass
class Notices:
    """A publisher's notices, in order."""

    box: "queue.SimpleQueue[Notice]" = field(default_factory=queue.SimpleQueue)

    def next(self, kind: type, timeout_s: float = 10) -> Notice:
        """The next notice, which must be of this kind."""
        notice = self.box.get(timeout=timeout_s)
        assert isinstance(notice, kind), notice
        return notice


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def notices() -> Notices:
    return Notices()


def paho(broker: Mosquitto, **settings: Any) -> PahoPublisher:
    return PahoPublisher(BrokerSettings("127.0.0.1", "edged-t", broker.port, **settings), WILL)


@pytest.fixture(params=["paho-5", "paho-311", "stdout"])
def publisher(request: pytest.FixtureRequest, broker: Mosquitto, tmp_path: Path) -> Iterator[Publisher]:
    """Each publisher, about to be started, with its broker."""
    if request.param == "stdout":
        with (tmp_path / "out").open("w") as stream:
            yield StdoutPublisher(stream)
        return
    broker.start()
    publisher = paho(broker, protocol=int(request.param.removeprefix("paho-")))
    yield publisher
    publisher.stop((), 1)


def test_connects_and_acknowledges(publisher: Publisher, notices: Notices) -> None:
    """Every publisher announces that it is connected, takes messages and acknowledges each by its token."""
    assert publisher.send(Message("t/a", b"{}", 1)) is None
    publisher.start(notices.box.put)
    connected = notices.next(Connected)
    assert isinstance(connected, Connected)
    assert connected.receive_maximum > 0
    messages = [Message("t/a", b'{"n":%d}' % n, n % 2, expiry_s=60) for n in range(6)]
    tokens = {publisher.send(message) for message in messages}
    assert None not in tokens
    assert {notices.next(Acknowledged) for _ in messages} == {Acknowledged(token or 0) for token in tokens}
    publisher.stop([WILL], 1)
    publisher.stop([WILL], 1)
    assert publisher.send(messages[0]) is None


def test_paho_carries_bytes_flags_and_properties(broker: Mosquitto, notices: Notices) -> None:
    """What is sent arrives as it was, with its content type, expiry and retain flag."""
    broker.start()
    publisher = paho(broker)
    publisher.start(notices.box.put)
    notices.next(Connected)
    publisher.send(Message("t/a", b'{"v":1}', 1, retain=True, expiry_s=60))
    publisher.send(Message("t/b", b"\xff\xd8", 0))
    notices.next(Acknowledged)
    notices.next(Acknowledged)
    subscriber = Subscriber(broker.port)
    assert eventually(lambda: subscriber.messages)
    heard = subscriber.messages[0]
    assert (heard.topic, heard.payload, heard.retain) == ("t/a", b'{"v":1}', True)
    properties: Any = heard.properties
    assert (properties.ContentType, properties.PayloadFormatIndicator) == ("application/json", 1)
    assert 50 <= properties.MessageExpiryInterval <= 60
    publisher.stop([Message("t/status", b"offline", 1, retain=True)], 1)
    assert eventually(lambda: subscriber.payloads("t/status") == [b"offline"])
    subscriber.close()


def test_paho_announces_a_broker_that_is_down_once_and_finds_it_later(
    broker: Mosquitto, notices: Notices
) -> None:
    """A broker that is down gives one notice with its address, a lost one another, and both recover."""
    publisher = paho(broker)
    publisher.start(notices.box.put)
    down = notices.next(Disconnected)
    assert isinstance(down, Disconnected)
    assert down.code == "broker_unreachable"
    assert f"127.0.0.1:{broker.port}" in down.message
    broker.start()
    notices.next(Connected)
    broker.stop()
    lost = notices.next(Disconnected)
    assert isinstance(lost, Disconnected)
    assert lost.code == "broker_lost"
    assert publisher.send(Message("t/a", b"", 1)) is None
    publisher.stop([], 0.5)


def test_paho_recovers_when_the_password_is_put_right(broker: Mosquitto, notices: Notices) -> None:
    """A wrong password is named with user and address, and works once the broker's file is corrected."""
    broker.set_password("garage", "other")
    broker.start(anonymous=False)
    publisher = paho(broker, username="garage", password="secret")  # noqa: S106  a test's
    publisher.start(notices.box.put)
    refused = notices.next(Disconnected)
    assert isinstance(refused, Disconnected)
    assert refused.code == "broker_refused"
    assert "garage" in refused.message
    assert "secret" not in refused.message + refused.fix
    broker.set_password("garage", "secret")
    broker.reload()
    notices.next(Connected)
    publisher.stop([], 1)


def test_paho_tells_refused_publishes(broker: Mosquitto, notices: Notices) -> None:
    """A publish that the access rules forbid, or that is too large, is acknowledged with its reason."""
    broker.acl.write_text("topic readwrite t/allowed\n")
    broker.start("max_packet_size 2000")
    publisher = paho(broker)
    publisher.start(notices.box.put)
    notices.next(Connected)
    token = publisher.send(Message("t/denied", b"x", 1))
    assert notices.next(Acknowledged) == Acknowledged(token or 0, "denied")
    token = publisher.send(Message("t/allowed", b"x" * 3000, 1))
    assert notices.next(Acknowledged) == Acknowledged(token or 0, "too_large")
    token = publisher.send(Message("t/allowed", b"x", 1))
    assert notices.next(Acknowledged) == Acknowledged(token or 0)
    publisher.stop([], 1)


def test_a_listener_survives_what_it_hears(broker: Mosquitto, notices: Notices) -> None:
    """A message that its hearer cannot take does not end the listening."""
    broker.start()
    heard: list[bytes] = []

    def hear(_: str, payload: bytes) -> None:
        heard.append(payload)
        json.loads(payload)

    listener = PahoListener("127.0.0.1", broker.port, "t/#", hear)
    publisher = paho(broker)
    publisher.start(notices.box.put)
    notices.next(Connected)
    for payload in (b"no json", b"{}"):
        publisher.send(Message("t/a", payload, 1))
        notices.next(Acknowledged)
    assert eventually(lambda: heard == [b"no json", b"{}"])
    publisher.stop([], 1)
    listener.stop()


def test_paho_stops_in_time_beside_a_silent_network(notices: Notices) -> None:
    """Stopping takes no longer than allowed, even where nobody answers."""
    publisher = PahoPublisher(BrokerSettings("192.0.2.1", "edged-t"), WILL)
    publisher.start(notices.box.put)
    begin_s = time.monotonic()
    publisher.stop([WILL], 0.3)
    assert time.monotonic() - begin_s < 3


def test_unsafe_and_impossible_settings_are_refused(tmp_path: Path) -> None:
    """A password in clear to another host, a bad host name and missing certificates are refused at once."""
    with pytest.raises(ConfigurationError, match=r"in clear to broker\.lan:1883"):
        BrokerSettings("broker.lan", "x", password="p")  # noqa: S106  a test's
    with pytest.raises(ConfigurationError, match="no host name"):
        BrokerSettings("a" * 70, "x")
    for safe in ({"tls": TlsSettings()}, {"allow_plaintext_credentials": True}):
        assert "secret" not in repr(BrokerSettings("broker.lan", "x", password="secret", **safe))  # noqa: S106  a test's
    assert BrokerSettings("::1", "x", password="p").password  # noqa: S106  a test's
    with pytest.raises(ConfigurationError, match=r"ca\.pem"):
        PahoPublisher(BrokerSettings("b.lan", "x", tls=TlsSettings(tmp_path / "ca.pem")), WILL)


def test_stdout_prints_one_object_a_line(tmp_path: Path, notices: Notices) -> None:
    """JSON payloads are embedded, other texts are strings, and a last word follows."""
    with (tmp_path / "out").open("w") as stream:
        publisher = StdoutPublisher(stream)
        publisher.start(notices.box.put)
        publisher.send(Message("t/a", b'{"v":1}', 1))
        publisher.send(Message("t/b", b"online", 1, retain=True))
        publisher.stop([WILL], 1)
    lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert lines == [
        {"topic": "t/a", "payload": {"v": 1}, "retain": False},
        {"topic": "t/b", "payload": "online", "retain": True},
        {"topic": "t/status", "payload": "offline", "retain": True},
    ]


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_stdout_leaves_json_as_it_is(tmp_path: Path, encoding: str) -> None:
    """A payload of JSON is not parsed again, letters that the stream may not know are escaped, a picture is an object."""
    with (tmp_path / "out").open("w", encoding=encoding) as stream:
        publisher = StdoutPublisher(stream)
        publisher.start(lambda _: None)
        publisher.send(Message("t/ä", b'{"v":1.500,"w":[ ]}'))
        assert publisher.send(Message("t/b", '{"v":"Tür"}'.encode()))
        publisher.send(Message("t/c", b"\xff\xd8"))
    assert (tmp_path / "out").read_text(encoding="ascii").splitlines() == [
        '{"topic":"t/\\u00e4","payload":{"v":1.500,"w":[ ]},"retain":false}',
        '{"topic":"t/b","payload":{"v":"T\\u00fcr"},"retain":false}',
        '{"topic":"t/c","payload":{"base64":"/9g="},"retain":false}',
    ]


def test_a_reader_that_goes_away_is_a_lost_connection(notices: Notices) -> None:
    """A closed pipe is announced and never a traceback, neither then nor when the stream is closed."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        publisher = StdoutPublisher(stream)
        publisher.start(notices.box.put)
        notices.next(Connected)
        assert publisher.send(Message("t/a", b"{}", 1)) is None
        assert notices.next(Disconnected)
        assert publisher.send(Message("t/a", b"{}", 1)) is None
        publisher.stop([WILL], 1)
    assert sys.stdout
