"""How the broker is reached."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from edged.config.fields import FilePath, Section, setting

PLAIN_PORT, TLS_PORT = 1883, 8883


class TlsSettings(Section):
    """An encrypted connection; an empty section `tls: {}` trusts what the system trusts."""

    ca_file: FilePath | None = setting(
        "Certificate of the authority that signed the broker's; without it the system's list.",
        None,
        example="broker-ca.pem",
    )
    cert_file: FilePath | None = setting(
        "Own certificate, where the broker asks for one.", None, example="garage.pem"
    )
    key_file: FilePath | None = setting("Private key of the own certificate.", None, example="garage.key")
    insecure: bool = setting(
        "Do not check who the broker is; only for finding a fault.", default=False, example=True
    )


class MqttSettings(Section):
    """The broker and how to log in."""

    host: Annotated[str, StringConstraints(pattern=r"^[^\s/]+$", max_length=253)] = setting(
        "Name or address of the broker, without mqtt:// and port.", "localhost", example="broker.lan"
    )
    port: int | None = setting(
        "Port of the broker; without it 1883, or 8883 with `tls`.", None, ge=1, le=65535, example=1883
    )
    username: str = setting(
        "User name; empty means to connect without one.", "", max_length=256, example="garage"
    )
    password_file: FilePath | None = setting(
        "File with the password; looked up by name in $CREDENTIALS_DIRECTORY first.",
        None,
        example="mqtt-password",
    )
    password: str = setting(
        "The password itself; better put it into `password_file`.",
        "",
        repr=False,
        max_length=1024,
        example="secret",
    )
    tls: TlsSettings | None = setting("Encrypt the connection; without this section it is plain.", None)
    protocol: Literal[5, 311] = setting(
        "MQTT version: 5, or 311 for a broker that knows only 3.1.1.", 5, example=311
    )
    keepalive_s: int = setting(
        "Seconds after which a silent connection is checked.", 30, ge=5, le=3600, example=60
    )
    allow_plaintext_credentials: bool = setting(
        "Send the password without encryption to another host.", default=False, example=True
    )

    @property
    def broker_port(self) -> int:
        """The port to connect to."""
        return self.port or (PLAIN_PORT if self.tls is None else TLS_PORT)
