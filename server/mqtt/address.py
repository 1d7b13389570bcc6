"""Where the broker is, and who the server is there."""

from __future__ import annotations

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
