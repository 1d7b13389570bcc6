"""What every command does alike: the settings, the store, the time, and troubles in one line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from pydantic import ValidationError
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from server.access.accounts import AccountError
from server.access.passwords import WeakPasswordError
from server.access.sealing import SealingKeyError
from server.broker import BrokerError
from server.broker.gateway_key import GatewayKeyError
from server.ingest.enrolment import EnrolmentError
from server.mqtt.address import BrokerUrlError
from server.operation.backup import BackupError
from server.operation.safety import UnsafeError, sqlite_file
from server.rights import restoring
from server.rights.tombstones import TombstoneError, Tombstones
from server.serving import AddressError
from server.settings import Settings, SettingsError, variable
from server.store import DatabaseUrlError, UnknownPatientError, migrate, open_engine
from server.summaries.calendar import UnknownZoneError

_TROUBLES: Final = (
    AccountError,
    AddressError,
    BackupError,
    BrokerError,
    BrokerUrlError,
    DatabaseUrlError,
    EnrolmentError,
    GatewayKeyError,
    SealingKeyError,
    SettingsError,
    TombstoneError,
    UnknownPatientError,
    UnsafeError,
    WeakPasswordError,
)
"""Errors whose message is meant for the caller."""


_file: ContextVar[Path | None] = ContextVar("_file", default=None)


def choose_settings(
    config: Annotated[
        Path | None,
        typer.Option(help="File of settings (TOML), instead of the one that PLUMBLINE_SERVER_CONFIG names."),
    ] = None,
) -> None:
    """Before any command: where `settings` looks."""
    _file.set(config)


def settings() -> Settings:
    """The settings. Raises ValidationError, SettingsError."""
    chosen = _file.get()
    return Settings() if chosen is None else Settings(config=chosen)


def utc_now_ms() -> int:
    """The server's clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000


@contextmanager
def in_words() -> Iterator[Settings]:
    """The settings; what the caller can put right ends the command with one line instead of a traceback."""
    try:
        yield settings()
    except ValidationError as error:
        fail(setting_in_words(error))
    except OperationalError as error:
        fail(f"the database cannot be used: {error.orig}")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except UnknownZoneError as error:
        fail(f"{error}; use an IANA name such as Europe/Berlin")
    except _TROUBLES as error:
        fail(str(error))


def setting_in_words(error: ValidationError) -> str:
    """The first setting that cannot be used, and why."""
    problem: Any = error.errors(include_url=False, include_input=False)[0]
    words = str(problem["msg"]).removeprefix("Value error, ")
    return f"{variable(str(problem['loc'][0]))}: {words}" if problem["loc"] else words


def fail(message: str) -> NoReturn:
    """End the command with this line and exit status 1."""
    typer.echo(f"plumbline server: {message}", err=True)
    raise typer.Exit(1)


def bury(settings: Settings, engine: Engine) -> int:
    """Take out of the store who was erased, and note who withdrew, as far as it does not know yet; how many were taken
    out. Nobody is served before. Raises TombstoneError."""
    return restoring.apply(engine, Tombstones(settings.tombstones).read(), utc_now_ms()).erased


def found(settings: Settings) -> Engine:
    """The database that is there, as it is. Ends the command where there is none: what only looks makes nothing, and
    who looks may have other settings than the server."""
    file = sqlite_file(settings.database)
    if file is not None and not file.exists():
        fail(
            f"there is no store at {file}. Set what the server runs with, such as {variable('data_dir')} or "
            f"{variable('config')}; the first start makes one"
        )
    return open_engine(settings.database)


def found_store(settings: Settings) -> Engine:
    """The same, at the schema of this version."""
    engine = found(settings)
    migrate(engine)
    return engine


def store(settings: Settings) -> Engine:
    """The database, at the schema of this version; made where there is none."""
    engine = open_engine(settings.database)
    migrate(engine)
    return engine
