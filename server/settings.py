"""The server's settings: environment variables `PLUMBLINE_SERVER_*`, each with a default that works on one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from platformdirs import user_data_path
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_PREFIX: Final = "PLUMBLINE_SERVER_"
Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """Raises pydantic.ValidationError, naming the variable, for a value that cannot be used."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True)

    data_dir: Path = Field(default_factory=lambda: user_data_path("plumbline") / "server")
    """Where the database and the broker's files are, unless said otherwise."""
    database_url: str | None = None
    """`sqlite:///file` or `postgresql://user@host/name`; None for a SQLite file in `data_dir`."""
    host: str = "127.0.0.1"
    port: Port = 8000
    secure: bool = False
    """Pages are reached over TLS (a proxy before the server), so cookies are marked secure."""
    mqtt_url: str | None = None
    """`mqtt://host:1883` or `mqtts://host:8883`; None to start a broker on this machine."""
    mqtt_username: str = "server"
    mqtt_password: SecretStr = SecretStr("")
    mqtt_ca_file: Path | None = None
    """Authority that signed the broker's certificate; None for the system's."""
    mqtt_port: Port = 1883
    """Where a broker started here listens."""
    mqtt_passwords_file: Path | None = None
    """For a mosquitto elsewhere: this server keeps the broker's accounts in this file (mosquitto's password format).
    Whoever runs the broker lets it read the file again (SIGHUP) when it has changed."""
    gateway_mqtt_url: str | None = None
    """The broker as gateways reach it, told to them when they are enrolled; None for the server's own address of it."""
    gateway_mqtt_ca_file: Path | None = None
    """Certificates (PEM) for gateways to trust there, told to them too; None for their system's."""

    @property
    def database(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'plumbline.db'}"

    @property
    def broker_dir(self) -> Path:
        """Where a broker started here keeps its files."""
        return self.data_dir / "broker"


def variables() -> list[str]:
    """The environment variables that set something."""
    return [_PREFIX + name.upper() for name in Settings.model_fields]
