"""The server's settings: environment variables `PLUMBLINE_SERVER_*`, or a file, each with a default that works on one
machine. `server.settings_sources` says where they come from."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from server.access.acts import Role
from server.access.clinic_settings import ClinicSettings
from server.people.mail import smtp_at
from server.rights.retention import RetentionRules
from server.settings_sources import PREFIX, SettingsError, sources, variables_of

__all__ = ["Settings", "SettingsError", "variable", "variables"]

Port = Annotated[int, Field(ge=1, le=65535)]
Days = Annotated[int, Field(ge=1, le=36_525)]
Words = Annotated[tuple[str, ...], NoDecode]
"""Several words: a list in a file, separated by commas in the environment."""


class Settings(BaseSettings):
    """The environment, over the file that `config` names, over defaults. A setting that is a secret may be in a file of
    its own instead, named by the setting's name with `_file` behind it.

    Raises pydantic.ValidationError for a value that cannot be used and for a key that is no setting, SettingsError for
    a variable that is none and for files that cannot be read.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=True,
        use_attribute_docstrings=True,
    )

    config: Path | None = None
    """A TOML file of settings, named as here."""
    data_dir: Path = Field(default_factory=lambda: user_data_path("plumbline") / "server")
    """Where the database and the broker's files are, unless said otherwise."""
    tombstones_file: Path | None = None
    """Who was erased or withdrew consent; without it a file in `data_dir`. It must outlive any database that a backup
    is restored into: keep it, and back it up by itself."""
    keep_measurements_days: Days = RetentionRules.measurements
    """So long minutes, episodes, reminders and days are kept; six years unless said otherwise."""
    keep_commands_days: Days = RetentionRules.commands
    """So long what clips were asked to do."""
    keep_refused_days: Days = RetentionRules.refused
    """So long what could not be taken in."""
    keep_links_days: Days = RetentionRules.links
    """So long codes and invitations that can no longer be used."""
    database_url: SecretStr | None = None
    """`sqlite:///file` or `postgresql://user@host/name`; without it a SQLite file in `data_dir`."""
    host: str = "127.0.0.1"
    """The address that the pages are served at; 0.0.0.0 for every one of this machine."""
    port: Port = 8000
    """Where the pages are served."""
    secure: bool = False
    """TLS ends at a proxy before the server: pages are reached over TLS only, so cookies are marked secure."""
    tls_certificate_file: Path | None = None
    """Certificate chain (PEM) with which this server speaks TLS itself; together with `tls_key_file`."""
    tls_key_file: Path | None = None
    """The certificate's key (PEM)."""
    public_url: str | None = None
    """The pages as people reach them, like https://clinic.example.org; without it `host` and `port`."""
    trusted_proxies: Words = ()
    """Addresses or networks of proxies whose word about a visitor's address (X-Forwarded-For, X-Forwarded-Proto) is
    believed. Without any, the address is the one that connects."""
    metrics_port: Port | None = None
    """Where Prometheus metrics are, on this machine's loopback address; without it nowhere."""
    metrics_token: SecretStr | None = None
    """Who carries this as a bearer token reads the metrics at /metrics beside the pages; without it nobody."""
    log_format: Literal["auto", "text", "json"] = "auto"
    """Log lines for people or for machines; auto: for people at a terminal."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much is logged: debug, info, warning or error."""
    second_factor_for: Words = ()
    """Roles that cannot do without a second factor, such as administrator,therapist."""
    sealing_key_file: Path | None = None
    """The key (made when it is not there) that seals the secrets of authenticator apps; without it one in `data_dir`.
    Keep a copy of it apart from copies of the database: without it those apps have to be set up anew."""
    clinic_issuer: str | None = None
    """The issuer of the clinic's own sign-in (OpenID Connect), like https://accounts.example.org/realm. It sends people
    back to `public_url` with /login/clinic/answer."""
    clinic_client_id: str = ""
    """What the clinic's sign-in calls this server."""
    clinic_client_secret: SecretStr = SecretStr("")
    """What this server shows there."""
    clinic_organisation: Annotated[int, Field(ge=1)] = 1
    """The number of the organisation whose accounts it opens."""
    clinic_name: str = "your clinic’s account"
    """What stands on the button, after `Sign in with`."""
    mqtt_url: str | None = None
    """`mqtt://host:1883` or `mqtts://host:8883`; without it a broker is started on this machine."""
    mqtt_username: str = "server"
    """Who this server is at the broker."""
    mqtt_password: SecretStr = SecretStr("")
    """Its password there."""
    mqtt_private: bool = False
    """The server's way to the broker needs no TLS although it leaves this machine: a network of their own."""
    mqtt_ca_file: Path | None = None
    """Authority that signed the broker's certificate; without it the system's."""
    mqtt_port: Port = 1883
    """Where a broker started here listens."""
    mqtt_passwords_file: Path | None = None
    """For a mosquitto elsewhere: this server keeps the broker's accounts in this file (mosquitto's password format).
    Whoever runs the broker lets it read the file again (SIGHUP) when it has changed."""
    mqtt_admin_username: str | None = None
    """For a mosquitto elsewhere with dynamic security: this server keeps the broker's accounts, as this administrator,
    the one that `mosquitto_ctrl dynsec init` made. Instead of `mqtt_passwords_file`."""
    mqtt_admin_password: SecretStr = SecretStr("")
    """The administrator's password."""
    gateway_mqtt_url: str | None = None
    """The broker as gateways reach it, told to them when they are enrolled; without it as this server reaches it."""
    gateway_mqtt_private: bool = False
    """The gateways' way to the broker needs no TLS although it leaves this machine: a network of their own."""
    gateway_mqtt_ca_file: Path | None = None
    """Certificates (PEM) for gateways to trust there, told to them too; without it their system's."""

    mail_url: SecretStr | None = None
    """A mail server, `smtps://user:password@host:465` or `smtp://...:587` (STARTTLS), for people who have lost their
    password; it needs `mail_from` and `public_url` too. Without it administrators hand links over."""
    mail_from: str = ""
    """The address that mails come from."""

    @field_validator("trusted_proxies", "second_factor_for", mode="before")
    @classmethod
    def _apart(cls, value: object) -> object:
        return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_network(word) for word in value)

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if value is not None and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/")):
            raise ValueError("must look like https://clinic.example.org, without a path")
        return value

    @field_validator("second_factor_for")
    @classmethod
    def _roles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = [role.value for role in Role]
        if strange := [word for word in value if word not in known]:
            raise ValueError(f"{strange[0]!r} is no role; there are {', '.join(known)}")
        return value

    @model_validator(mode="after")
    def _clinic(self) -> Self:
        if self.clinic is not None:
            if self.public_url is None:
                raise ValueError("clinic_issuer needs public_url: the clinic's sign-in sends people back to it")
            if not self.clinic_client_id or not self.clinic_client_secret.get_secret_value():
                raise ValueError("clinic_issuer needs clinic_client_id and clinic_client_secret")
        return self

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.tls_certificate_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_certificate_file and tls_key_file belong together: set both, or neither")
        return self

    @model_validator(mode="after")
    def _one_keeper(self) -> Self:
        if self.mqtt_admin_username is not None and self.mqtt_passwords_file is not None:
            raise ValueError("set mqtt_admin_username or mqtt_passwords_file: the broker's accounts are in one place")
        if self.mqtt_admin_username is not None and self.mqtt_admin_username == self.mqtt_username:
            raise ValueError("mqtt_admin_username and mqtt_username must differ: the first makes the second")
        return self

    @model_validator(mode="after")
    def _mail(self) -> Self:
        if self.mail_url is not None:
            smtp_at(self.mail_url.get_secret_value(), self.mail_from)
            if self.public_url is None:
                raise ValueError("mail_url needs public_url: links in mails begin with it")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What pydantic-settings asks for."""
        del dotenv_settings, file_secret_settings
        return sources(settings_cls, init_settings, env_settings)

    @property
    def clinic(self) -> ClinicSettings | None:
        """The clinic's own sign-in, if there is one. Raises ValueError for an issuer that is not reached over TLS."""
        if self.clinic_issuer is None:
            return None
        secret = self.clinic_client_secret.get_secret_value()
        return ClinicSettings(
            self.clinic_issuer, self.clinic_client_id, secret, self.clinic_organisation, self.clinic_name
        )

    @property
    def database(self) -> str:
        """The database's URL, with the password that may be in it."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir / 'plumbline.db'}"

    @property
    def retention(self) -> RetentionRules:
        """How long what is kept."""
        return RetentionRules(
            measurements=self.keep_measurements_days,
            commands=self.keep_commands_days,
            refused=self.keep_refused_days,
            links=self.keep_links_days,
        )

    @property
    def tombstones(self) -> Path:
        """The file of tombstones."""
        return self.tombstones_file or self.data_dir / "tombstones.jsonl"

    @property
    def tls(self) -> bool:
        """Whether this server speaks TLS itself."""
        return self.tls_certificate_file is not None

    @property
    def address(self) -> str:
        """The pages as people reach them, without a slash at the end."""
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls or self.secure else 'http'}://{host}:{self.port}"

    @property
    def sealing_key(self) -> Path:
        """The file of the key that seals the secrets of authenticator apps."""
        return self.sealing_key_file or self.data_dir / "sealing.key"

    @property
    def gateway_key_file(self) -> Path:
        """The key of gateways' passwords, where the broker takes them in the clear only."""
        return self.data_dir / "gateways.key"

    @property
    def broker_dir(self) -> Path:
        """Where a broker started here keeps its files."""
        return self.data_dir / "broker"


def _network(word: str) -> str:
    """An address, or a network as it begins: what believes them takes no 10.0.0.2/24 for a network."""
    try:
        found = ipaddress.ip_network(word, strict=False)
    except ValueError as error:
        raise ValueError(f"{word!r} is no address or network, such as 10.0.0.2 or 10.0.0.0/24") from error
    return str(found) if "/" in word else str(found.network_address)


def variable(name: str) -> str:
    """The environment variable that sets this setting."""
    return PREFIX + name.upper()


def variables() -> list[str]:
    """The environment variables that set something."""
    return variables_of(Settings)
