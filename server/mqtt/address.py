"""Where the broker is, and who the server is there."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit


class BrokerUrlError(ValueError):
    """The broker's URL cannot be used."""


@dataclass(frozen=True)
class Broker:
    """`tls` verifies the broker against `ca_file`, or the system's authorities when that is None."""

    host: str
    port: int
    tls: bool = False
    username: str = "server"
    password: str = field(default="", repr=False)
    ca_file: Path | None = None

    @property
    def url(self) -> str:
        """Its address, without name and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def in_words(error: OSError, broker: Broker) -> str:
    """Why there is no connection to the broker, and which setting to look at."""
    if broker.ca_file is not None and not _holds_certificates(broker.ca_file):
        return f"no certificates can be read from the CA file {broker.ca_file}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not to be trusted ({error.verify_message}). The MQTT URL must have the name that the "
            "certificate is for, and PLUMBLINE_SERVER_MQTT_CA_FILE name the authority that signed it, unless this "
            "system trusts that anyway"
        )
    if isinstance(error, ssl.SSLError) or (broker.tls and isinstance(error, ConnectionResetError)):
        return f"it does not speak TLS there ({error}); check the port of the MQTT URL"
    return str(error)


def _holds_certificates(path: Path) -> bool:
    try:
        ssl.create_default_context(cafile=str(path))
    except OSError:
        return False
    return True


def broker_at(url: str, *, username: str = "server", password: str = "", ca_file: Path | None = None) -> Broker:
    """The broker of `mqtt://host[:1883]` or `mqtts://host[:8883]`. Name and password may stand in the URL instead.
    Raises BrokerUrlError."""
    parts = urlsplit(url)
    ports = {"mqtt": 1883, "mqtts": 8883}
    try:
        port = parts.port
    except ValueError as error:
        raise BrokerUrlError("the broker's port must be a number up to 65535") from error
    if parts.scheme not in ports or not parts.hostname or parts.path.strip("/"):
        raise BrokerUrlError("the broker's address must look like mqtt://host:1883 or mqtts://host:8883")
    return Broker(
        parts.hostname,
        port or ports[parts.scheme],
        parts.scheme == "mqtts",
        parts.username or username,
        parts.password or password,
        ca_file,
    )
