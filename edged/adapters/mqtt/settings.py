"""How to reach the broker."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edged.domain.errors import ConfigurationError
from edged.domain.hosts import is_local


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Certificates; without `ca_file` the system's authorities count. A client certificate is optional."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    insecure: bool = False
    """Encrypt, but do not check who the broker is."""


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Address, credentials and protocol.

    Raises ConfigurationError for a host that no resolver takes, and for a password that would travel in
    clear to another host unless `allow_plaintext_credentials` says that this is meant.
    """

    host: str
    client_id: str
    port: int = 1883
    username: str = ""
    password: str = field(default="", repr=False)
    tls: TlsSettings | None = None
    keepalive_s: int = 30
    protocol: Literal[5, 311] = 5
    allow_plaintext_credentials: bool = False
    reconnect_max_s: int = 60

    def __post_init__(self) -> None:
        try:
            self.host.encode("idna")
        except UnicodeError as error:
            raise ConfigurationError(
                f"mqtt host {self.host!r} is no host name: {error}", "correct it"
            ) from None
        if not self.host or not 0 < self.port < 2**16:
            raise ConfigurationError(f"mqtt address {self.where!r} is incomplete", "give a host and a port")
        if (
            self.password
            and not self.tls
            and not self.allow_plaintext_credentials
            and not is_local(self.host)
        ):
            raise ConfigurationError(
                f"the MQTT password would travel in clear to {self.where}",
                "set tls, or allow_plaintext_credentials: true where the network is trusted",
            )

    @property
    def where(self) -> str:
        """Host and port, for people."""
        return f"{self.host}:{self.port}"
