"""What a gateway must know: who it is, where its broker is, which clips are its own. A file only its user reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from gateway import keyrings
from gateway.messages import ClipId, GatewayId
from gateway.thinning import DAY_MS, Limits

PORT_PLAIN: Final = 1883
PORT_TLS: Final = 8883


class ConfigError(Exception):
    """The configuration file is missing or wrong; the message says what and where."""


class ClipConfig(BaseModel):
    """A clip that this gateway holds a key of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    serial: ClipId
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", repr=False)]
    simulated: bool = False
    """Label its records as simulated."""
    paired_utc_ms: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    """When it was paired, by this computer's clock: what it tells of earlier times is of whoever had it before."""

    @property
    def key_bytes(self) -> bytes:
        """The key, 32 bytes."""
        return bytes.fromhex(self.key)


class GatewayConfig(BaseModel):
    """One gateway."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gateway: GatewayId
    broker: str
    """`mqtt://host[:port]` or, over TLS, `mqtts://host[:port]`."""
    username: str = ""
    """User name at the broker; the gateway's id unless given."""
    password: Annotated[str, Field(repr=False)] = ""
    in_keyring: bool = False
    """Whether the system's keyring has the password, instead of this file."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, for `mqtts`."""
    data_dir: Path
    outbox_mb: Annotated[int, Field(ge=10, le=1_000_000)] = 500
    """Megabytes that the database may take; then the oldest records go, those first that the server has."""
    outbox_days: Annotated[int, Field(ge=1, le=10_000)] = 400
    """Days for which records are kept."""
    clips: tuple[ClipConfig, ...] = ()
    auto_calibrate: bool = True
    """Calibrate a clip that has no calibration as soon as its wearer stands still and bows."""

    publisher: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Whose firmware the clips may get: an Ed25519 public key, from `plumbline clip keygen`; empty: nobody's."""

    @field_validator("broker")
    @classmethod
    def _broker_is_a_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            raise ValueError("must look like mqtt://host:1883 or mqtts://host:8883")
        if parts.port is not None and not parts.port:
            raise ValueError("the port must be between 1 and 65535")
        return value

    @property
    def broker_host(self) -> str:
        """Host name of the broker."""
        return urlsplit(self.broker).hostname or ""

    @property
    def broker_port(self) -> int:
        """Port of the broker."""
        return urlsplit(self.broker).port or (PORT_TLS if self.tls else PORT_PLAIN)

    @property
    def tls(self) -> bool:
        """Whether the broker is reached over TLS."""
        return urlsplit(self.broker).scheme == "mqtts"

    @property
    def broker_user(self) -> str:
        """User name at the broker."""
        return self.username or self.gateway

    @property
    def limits(self) -> Limits:
        """Bounds of the outbox."""
        return Limits(self.outbox_mb * 1_000_000, self.outbox_days * DAY_MS)

    @property
    def database(self) -> Path:
        """The file of the outbox and of everything else that must survive a restart."""
        return self.data_dir / "gateway.db"

    def without_clip(self, serial: str) -> GatewayConfig:
        """The same without a clip."""
        return self.model_copy(update={"clips": tuple(clip for clip in self.clips if clip.serial != serial)})

    def with_clip(self, clip: ClipConfig) -> GatewayConfig:
        """The same with a clip more, or with this key for one that is there."""
        return self.model_copy(update={"clips": (*self.without_clip(clip.serial).clips, clip)})


def load(path: Path) -> GatewayConfig:
    """The configuration in `path`, with the password from wherever it is kept. Raises ConfigError, naming the field
    that is wrong."""
    config = _read(path)
    try:
        return config if not config.in_keyring else _with_password(config)
    except keyrings.KeyringError as error:
        raise ConfigError(f"{path}: {error}") from error


def _read(path: Path) -> GatewayConfig:
    """What the file itself says."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not a text file in UTF-8") from error
    try:
        return GatewayConfig.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise ConfigError(f"{path}: {where}: {first['msg'].removeprefix('Value error, ')}") from error


def _with_password(config: GatewayConfig) -> GatewayConfig:
    return config.model_copy(update={"password": keyrings.find(config.gateway)})


def save(path: Path, config: GatewayConfig) -> None:
    """Write `config`, readable by its user only; an interrupted write leaves the old file. A password that the keyring
    has is not written."""
    if config.in_keyring:
        config = config.model_copy(update={"password": ""})
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(config.model_dump_json(indent=2))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def take_out(path: Path, serial: str) -> None:
    """Take a clip and its key out of the file, if they are there. Raises ConfigError, OSError."""
    if not path.exists():
        return
    config = _read(path)
    without = config.without_clip(serial)
    if without != config:
        save(path, without)
