"""`plumbline server`: run it, and enrol people, gateways and clips."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from server.access.accounts import AccountError, begin_care, create_account, credentials
from server.access.passwords import Passwords, WeakPasswordError
from server.broker import Account, BrokerError
from server.broker import start as start_broker
from server.broker.mosquitto import write_passwords
from server.broker.verifier import verifier_of
from server.broker_accounts import BrokerAccounts
from server.enrolment.doorkeeper import BrokerFace, Doorkeeper
from server.ingest.enrolment import EnrolmentError, assign_clip, enrol_gateway, enrol_patient
from server.mqtt.address import Broker, BrokerUrlError, broker_at
from server.serving import AddressError, listen, serve
from server.settings import Settings, variables
from server.store import DatabaseUrlError, UnknownPatientError, migrate, open_engine
from server.store.migrate import current_revision
from server.summaries.calendar import UnknownZoneError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="The therapist's side: store, ingest and pages.",
    epilog="Settings are environment variables: " + ", ".join(sorted(variables())) + ".",
)

_TROUBLES = (
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


def utc_now_ms() -> int:
    """The server's clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000


@contextmanager
def _in_words() -> Iterator[Settings]:
    """The settings; what the caller can put right ends the command with one line instead of a traceback."""
    try:
        yield Settings()
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        _fail(f"PLUMBLINE_SERVER_{str(problem['loc'][0]).upper()}: {problem['msg']}")
    except OperationalError as error:
        _fail(f"the database cannot be used: {error.orig}")
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except _TROUBLES as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    typer.echo(f"plumbline server: {message}", err=True)
    raise typer.Exit(1)


def _store(settings: Settings) -> Engine:
    engine = open_engine(settings.database)
    migrate(engine)
    return engine


@app.command()
def run(
    mqtt: Annotated[str | None, typer.Option(help="Broker, mqtt://host:1883; without it one is started here.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the pages; 8000 unless set.")] = None,
) -> None:
    """Migrate the database, take in what gateways send, and serve the pages."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with _in_words() as settings:
        engine = _store(settings)
        url = mqtt or settings.mqtt_url
        port = port or settings.port
        with listen(settings.host, port) as listener, _broker(settings, url, engine) as (broker, doorkeeper):
            typer.echo(
                f"Pages at http://{settings.host}:{port}, broker at {broker.host}:{broker.port}. Ctrl-C stops it."
            )
            serve(engine, broker, utc_now_ms, listener, secure=settings.secure, doorkeeper=doorkeeper)


@contextmanager
def _broker(settings: Settings, url: str | None, engine: Engine) -> Iterator[tuple[Broker, Doorkeeper | None]]:
    """The broker to use, and who keeps its accounts: nobody here, where it is somebody else's."""
    if url is not None:
        broker = broker_at(
            url,
            username=settings.mqtt_username,
            password=settings.mqtt_password.get_secret_value(),
            ca_file=settings.mqtt_ca_file,
        )
        file = settings.mqtt_passwords_file
        if file is None:
            yield broker, None
            return
        own = Account(broker.username, broker.password, "server", verifier_of(broker.password))
        with _kept(Doorkeeper(engine, _face(settings, url), [own], partial(write_passwords, file))) as doorkeeper:
            yield broker, doorkeeper
        return
    accounts = BrokerAccounts(settings.broker_dir)
    running = start_broker(settings.broker_dir, accounts.all(), port=settings.mqtt_port)
    try:
        with _kept(Doorkeeper(engine, _face(settings, running.url), accounts.all(), running.admit)) as doorkeeper:
            yield broker_at(running.url, password=accounts.server().password), doorkeeper
    finally:
        running.stop()


def _face(settings: Settings, url: str) -> BrokerFace:
    told = broker_at(settings.gateway_mqtt_url or url)  # without the name and password that may stand in it
    file = settings.gateway_mqtt_ca_file
    return BrokerFace(told.url, file.read_text() if file else None)


@contextmanager
def _kept(doorkeeper: Doorkeeper) -> Iterator[Doorkeeper]:
    doorkeeper.refresh()
    doorkeeper.start()
    try:
        yield doorkeeper
    finally:
        doorkeeper.stop()


@app.command("migrate")
def migrate_command() -> None:
    """Bring the database to the schema of this version."""
    with _in_words() as settings:
        typer.echo(f"the database is at revision {current_revision(_store(settings))}")


@app.command()
def create_therapist(
    email: Annotated[str, typer.Option(prompt=True)],
    name: Annotated[str, typer.Option(prompt=True)],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
) -> None:
    """Make a therapist's account."""
    with _in_words() as settings:
        create_account(_store(settings), Passwords(), email=email, name=name, password=password, now_ms=utc_now_ms())
        typer.echo(f"{name} can sign in as {email}")


@app.command()
def create_patient(
    name: Annotated[str, typer.Option(prompt=True)],
    zone: Annotated[str, typer.Option(prompt=True, help="Time zone of the patient's days, like Europe/Berlin.")],
    therapist: Annotated[str | None, typer.Option(help="E-mail of the therapist who cares for the patient.")] = None,
) -> None:
    """Make a patient; prints the number that `assign` takes."""
    with _in_words() as settings:
        engine = _store(settings)
        account = credentials(engine, therapist) if therapist else None
        if therapist and account is None:
            _fail(f"there is no account for {therapist}")
        patient_id = enrol_patient(engine, name=name, zone=zone, now_ms=utc_now_ms())
        if account is not None:
            begin_care(engine, account.user_id, patient_id, utc_now_ms())
        typer.echo(f"patient {patient_id}")


@app.command()
def create_gateway(
    name: Annotated[str, typer.Option(prompt=True)],
    gateway: Annotated[str | None, typer.Option(help="Its id, 16 hexadecimal digits; drawn without.")] = None,
) -> None:
    """Enrol a gateway of several patients; prints its id and its password for the broker, which knows it in seconds."""
    with _in_words() as settings:
        gateway_id, password = gateway or secrets.token_hex(8), secrets.token_urlsafe(24)
        enrol_gateway(_store(settings), gateway_id, name=name, now_ms=utc_now_ms(), mqtt_hash=verifier_of(password))
        typer.echo(f"gateway {gateway_id}\npassword {password}")


@app.command()
def assign(
    clip: Annotated[str, typer.Argument(help="The clip's id, 16 hexadecimal digits.")],
    patient: Annotated[int, typer.Argument(help="The patient's number.")],
    gateway: Annotated[str | None, typer.Option(help="Only this gateway may write; any enrolled one without.")] = None,
    since: Annotated[datetime | None, typer.Option(help="From when on, UTC; now without.")] = None,
) -> None:
    """From a time on the patient wears the clip, and whoever wore it before does not."""
    with _in_words() as settings:
        now_ms = utc_now_ms()
        start_ms = now_ms if since is None else int(since.replace(tzinfo=UTC).timestamp() * 1000)
        assign_clip(_store(settings), clip, patient, start_ms=start_ms, now_ms=now_ms, gateway_id=gateway)
        typer.echo(f"patient {patient} wears clip {clip}")
