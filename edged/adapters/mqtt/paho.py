"""MQTT through paho: one connection that is made again and again, and never two copies of a message.

paho keeps messages of QoS 1 across connections by itself; ours come from the outbox, so its copies are
dropped before each connect. Its callbacks run in its own thread and only announce.
"""

import contextlib
import logging
import random
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edged.adapters.mqtt.reasons import connect_failure, connect_refusal, connection_lost, publish_refusal
from edged.adapters.mqtt.settings import BrokerSettings
from edged.domain.errors import ConfigurationError
from edged.domain.messages import Message
from edged.ports import Acknowledged, Connected, Disconnected, Notice

_LOG = logging.getLogger(__name__)
_MQTT_5 = 5
_PROTOCOLS = {5: MQTTProtocolVersion.MQTTv5, 311: MQTTProtocolVersion.MQTTv311}
_RECEIVE_MAXIMUM = 65535
_HEADER_BYTES = 128
"""What a publish packet takes at most beside topic and payload."""
_JITTER_S = 1.0


class PahoPublisher:
    """A connection to a broker; `will` is what the broker publishes when we vanish.

    Raises ConfigurationError for certificates that cannot be read.
    """

    def __init__(self, settings: BrokerSettings, will: Message) -> None:
        self._settings = settings
        self._notify: Callable[[Notice], None] = _unheard
        self._up = threading.Event()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._told = ""
        self._largest = 0
        self._refused_tokens = 0
        self._random = random.SystemRandom()
        self._client = self._new_client(will)

    def start(self, notify: Callable[[Notice], None]) -> None:
        """Begins to connect in a thread of paho's, and keeps trying."""
        self._notify = notify
        where = (self._settings.host, self._settings.port, self._settings.keepalive_s)
        if self._settings.protocol == _MQTT_5:
            self._client.connect_async(*where, clean_start=True)
        else:
            self._client.connect_async(*where)
        self._client.loop_start()

    def send(self, message: Message) -> int | None:
        """Queues one message in paho while connected; QoS 0 is acknowledged when it is on the wire."""
        if not self._up.is_set():
            return None
        if self._largest and len(message.topic) + len(message.payload) + _HEADER_BYTES > self._largest:
            self._refused_tokens -= 1  # paho's own tokens are positive
            self._notify(Acknowledged(self._refused_tokens, "too_large"))
            return self._refused_tokens
        info = self._client.publish(
            message.topic, message.payload, message.qos, message.retain, self._properties(message)
        )
        return info.mid if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def stop(self, last: Iterable[Message], timeout_s: float) -> None:
        """Publishes the last words and disconnects cleanly, so that the will is not published."""
        if self._stopping.is_set():
            return
        until_s = time.monotonic() + timeout_s
        self._say(last, until_s)
        self._stopping.set()
        if self._client.disconnect() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._ended.wait(max(0.0, until_s - time.monotonic()))
        self._hang_up()
        # loop_stop waits for paho's thread without a limit, and that may be in the resolver.
        closer = threading.Thread(target=self._client.loop_stop, name="mqtt-stop", daemon=True)
        closer.start()
        closer.join(max(0.2, until_s - time.monotonic()))

    def _say(self, last: Iterable[Message], until_s: float) -> None:
        if not self._up.is_set():
            return
        for message in last:
            info = self._client.publish(
                message.topic, message.payload, message.qos, message.retain, self._properties(message)
            )
            with contextlib.suppress(RuntimeError, ValueError):  # paho raises where it could not queue it
                info.wait_for_publish(max(0.0, until_s - time.monotonic()))

    def _hang_up(self) -> None:
        """Ends a connection that a stalled broker keeps from ending."""
        connection: Any = self._client.socket()
        if connection is not None and not self._ended.is_set():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _new_client(self, will: Message) -> Client:
        settings = self._settings
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            protocol=_PROTOCOLS[settings.protocol],
        )
        client.suppress_exceptions = True  # else one would end paho's thread, unseen
        client.max_inflight_messages_set(0)  # the courier keeps the window
        client.reconnect_delay_set(1, settings.reconnect_max_s)
        client.will_set(will.topic, will.payload, will.qos, will.retain)
        if settings.username:
            client.username_pw_set(settings.username, settings.password or None)
        if settings.tls:
            with _translated_tls(settings):
                client.tls_set(
                    _text(settings.tls.ca_file),
                    _text(settings.tls.cert_file),
                    _text(settings.tls.key_file),
                    cert_reqs=ssl.CERT_NONE if settings.tls.insecure else ssl.CERT_REQUIRED,
                )
                client.tls_insecure_set(settings.tls.insecure)
        client.on_pre_connect = self._on_pre_connect
        client.on_socket_open = _on_socket_open
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        return client

    def _on_pre_connect(self, client: Client, _: Any) -> None:
        client.drop_out_messages()
        if self._told:  # not the first time: many devices lose a broker at the same moment
            self._stopping.wait(self._random.uniform(0, _JITTER_S))

    def _on_connect(
        self, _client: Client, _: Any, _flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._tell_down(connect_refusal(reason.value, str(reason), self._settings))
            return
        self._told = "connected"
        self._largest = getattr(properties, "MaximumPacketSize", 0)
        _LOG.info("connected to %s", self._settings.where)
        self._up.set()
        self._notify(Connected(getattr(properties, "ReceiveMaximum", _RECEIVE_MAXIMUM)))

    def _on_connect_fail(self, _client: Client, _: Any) -> None:
        error = sys.exc_info()[1]
        self._tell_down(connect_failure(error or OSError("unknown reason"), self._settings))

    def _on_disconnect(
        self, _client: Client, _: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        was_up = self._up.is_set()
        self._up.clear()
        if self._stopping.is_set():
            self._ended.set()
        elif was_up:
            self._tell_down(connection_lost(reason.value, str(reason), self._settings))

    def _on_publish(self, _client: Client, _: Any, token: int, reason: ReasonCode, _properties: Any) -> None:
        self._notify(Acknowledged(token, publish_refusal(reason.value) if reason.is_failure else ""))

    def _tell_down(self, notice: Disconnected) -> None:
        """Announces each state once, however often the connection is tried."""
        if notice.message != self._told and not self._stopping.is_set():
            self._told = notice.message
            _LOG.warning("%s; %s", notice.message, notice.fix)
            self._notify(notice)

    def _properties(self, message: Message) -> Properties | None:
        if self._settings.protocol != _MQTT_5:
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho left it out
        if message.expiry_s is not None:
            properties.MessageExpiryInterval = message.expiry_s
        content_type = _content_type(message.payload)
        if content_type:
            properties.PayloadFormatIndicator = 1
            properties.ContentType = content_type
        return properties


def _unheard(_: Notice) -> None:
    """Before `start` nobody listens."""


def _on_socket_open(_client: Client, _: Any, connection: Any) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _content_type(payload: bytes) -> str:
    """The type of a text, empty for a picture and for nothing."""
    if payload.startswith(b"{"):
        return "application/json"
    return "text/plain" if payload and payload.isascii() else ""


def _text(path: object) -> str | None:
    return None if path is None else str(path)


@contextlib.contextmanager
def _translated_tls(settings: BrokerSettings) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, ssl.SSLError) as error:
        files = settings.tls and [settings.tls.ca_file, settings.tls.cert_file, settings.tls.key_file]
        names = ", ".join(str(name) for name in files or [] if name)
        raise ConfigurationError(
            f"mqtt tls: {names or 'certificates'} cannot be used: {error}", "correct them"
        ) from None


class PahoListener:
    """A client of its own that hears what others publish; `hear` is called in paho's thread."""

    def __init__(self, host: str, port: int, topics: str, hear: Callable[[str, bytes], None]) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.suppress_exceptions = True  # else one in `hear` would end paho's thread, unseen
        self._client.on_message = lambda _client, _, message: hear(message.topic, bytes(message.payload))
        self._client.connect(host, port)
        self._client.subscribe(topics, qos=1)
        self._client.loop_start()

    def stop(self) -> None:
        """Hears no more."""
        self._client.disconnect()
        self._client.loop_stop()
