"""What every command does alike: the settings, the store, the time, and troubles in one line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import typer
from pydantic import ValidationError
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from server.access.accounts import AccountError
from server.access.passwords import WeakPasswordError
from server.broker import BrokerError
from server.ingest.enrolment import EnrolmentError
from server.mqtt.address import BrokerUrlError
from server.serving import AddressError
from server.settings import Settings
from server.store import DatabaseUrlError, UnknownPatientError, migrate, open_engine
from server.summaries.calendar import UnknownZoneError

_TROUBLES: Final = (
    AccountError,
    AddressError,
    BrokerError,
    BrokerUrlError,
    DatabaseUrlError,
    EnrolmentError,
    UnknownPatientError,
    UnknownZoneError,
    WeakPasswordError,
)
"""Errors whose message is meant for the caller."""


def utc_now_ms() -> int:
    """The server's clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000


@contextmanager
def in_words() -> Iterator[Settings]:
    """The settings; what the caller can put right ends the command with one line instead of a traceback."""
    try:
        yield Settings()
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        fail(f"PLUMBLINE_SERVER_{str(problem['loc'][0]).upper()}: {problem['msg']}")
    except OperationalError as error:
        fail(f"the database cannot be used: {error.orig}")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except _TROUBLES as error:
        fail(str(error))


def fail(message: str) -> NoReturn:
    """End the command with this line and exit status 1."""
    typer.echo(f"plumbline server: {message}", err=True)
    raise typer.Exit(1)


def store(settings: Settings) -> Engine:
    """The database, at the schema of this version."""
    engine = open_engine(settings.database)
    migrate(engine)
    return engine
