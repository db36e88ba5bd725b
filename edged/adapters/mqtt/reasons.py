"""Why a broker said no, in our words."""

import socket
import ssl

from edged.adapters.mqtt.settings import BrokerSettings
from edged.ports import Disconnected

_BAD_PROTOCOL = 0x84
_BAD_USER = 0x86
_NOT_AUTHORISED = 0x87
_TAKEN_OVER = 0x8E
_PUBLISH = {0x87: "denied", 0x90: "malformed", 0x95: "too_large", 0x97: "quota", 0x99: "malformed"}


def publish_refusal(reason: int) -> str:
    """The word of the port for an MQTT 5 reason code above 0x7f."""
    return _PUBLISH.get(reason, "rejected")


def connect_refusal(reason: int, words: str, settings: BrokerSettings) -> Disconnected:
    """A broker that answers and does not want us."""
    user = f"user {settings.username!r}" if settings.username else "a client without user name"
    message = f"the broker at {settings.where} refuses {user}: {words}"
    fix = "see the broker's log"
    if reason in (_BAD_USER, _NOT_AUTHORISED):
        fix = "correct mqtt username and password, or the broker's password file"
    elif reason == _BAD_PROTOCOL:
        fix = "set mqtt protocol: 311, since this broker does not know MQTT 5"
    return Disconnected("broker_refused", message, fix)


def connect_failure(error: BaseException, settings: BrokerSettings) -> Disconnected:
    """A connection that did not come about."""
    message = f"the broker at {settings.where} cannot be reached: {error}"
    if isinstance(error, socket.gaierror):
        fix = "correct mqtt host, or the name server"
    elif isinstance(error, ssl.SSLError):
        fix = "correct mqtt tls: its ca_file must have signed the broker's certificate for this host name"
    elif isinstance(error, ConnectionRefusedError):
        fix = "start the broker, or correct mqtt host and port"
    else:
        fix = "check the network, mqtt host and port"
    return Disconnected("broker_unreachable", message, fix)


def connection_lost(reason: int, words: str, settings: BrokerSettings) -> Disconnected:
    """A connection that ended by itself."""
    message = f"the connection to the broker at {settings.where} was lost: {words}"
    fix = "check that the broker and the network are up"
    if reason == _TAKEN_OVER:
        fix = f"give each device its own name: another client calls itself {settings.client_id!r}"
    return Disconnected("broker_lost", message, fix)
