"""`run` and `migrate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from sqlalchemy import Engine

from server.access.clinic import ClinicSignIn
from server.access.sealed import opening_box
from server.access.ways_in import WaysIn
from server.broker import Account
from server.broker import start as start_broker
from server.broker.gateway_key import GatewayKey
from server.broker.mosquitto import write_passwords
from server.broker.verifier import verifier_of
from server.broker_accounts import BrokerAccounts
from server.commands.common import bury, in_words, store, utc_now_ms
from server.enrolment.doorkeeper import BrokerFace, Doorkeeper
from server.mqtt.address import Broker, broker_at
from server.mqtt.control import ControlError, DynamicSecurity
from server.operation import logs, safety
from server.people.mail import smtp_at
from server.rights.tombstones import Tombstones
from server.serving import Face, listen, serve
from server.settings import Settings, variable, variables
from server.store.migrate import current_revision


def run(
    mqtt: Annotated[str | None, typer.Option(help="Broker, mqtt://host:1883; without it one is started here.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the pages; 8000 unless set.")] = None,
) -> None:
    """Migrate the database, take in what gateways send, and serve the pages."""
    with in_words() as settings:
        logs.set_up(settings.log_format, settings.log_level)
        url = mqtt or settings.mqtt_url
        safety.require_safe(safety.of_settings(settings, url))
        engine = store(settings)
        safety.require_safe(safety.accounts(engine))
        bury(settings, engine)
        ways_in = _ways_in(settings, engine)
        port = port or settings.port
        with listen(settings.host, port) as listener, _broker(settings, url, engine) as (broker, doorkeeper):
            typer.echo(
                f"Pages at {settings.model_copy(update={'port': port}).address}, "
                f"broker at {broker.host}:{broker.port}. Ctrl-C stops it."
            )
            face = _shown(settings)
            serve(
                engine,
                broker,
                utc_now_ms,
                listener,
                face=face,
                doorkeeper=doorkeeper,
                ways_in=ways_in,
                tombstones=Tombstones(settings.tombstones),
                kept=settings.retention,
            )


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
        doorkeeper = _doorkeeper_elsewhere(settings, url, broker, engine)
        if doorkeeper is None:
            yield broker, None
            return
        with _kept(doorkeeper):
            yield broker, doorkeeper
        return
    accounts = BrokerAccounts(settings.broker_dir)
    running = start_broker(settings.broker_dir, accounts.all(), port=settings.mqtt_port)
    try:
        with _kept(Doorkeeper(engine, _face(settings, running.url), accounts.all(), running.admit)) as doorkeeper:
            yield broker_at(running.url, password=accounts.server().password), doorkeeper
    finally:
        running.stop()


def _doorkeeper_elsewhere(settings: Settings, url: str, broker: Broker, engine: Engine) -> Doorkeeper | None:
    """Who keeps the accounts of a broker that runs elsewhere, by the way that the settings name."""
    own = Account(broker.username, broker.password, "server", verifier_of(broker.password))
    if settings.mqtt_admin_username is not None:
        admin = replace(
            broker, username=settings.mqtt_admin_username, password=settings.mqtt_admin_password.get_secret_value()
        )
        password_of = GatewayKey(settings.gateway_key_file).password_of
        admit = DynamicSecurity(admin, password_of).admit
        return Doorkeeper(engine, _face(settings, url), [own], admit, new_password=password_of, insists=True)
    if settings.mqtt_passwords_file is not None:
        return Doorkeeper(engine, _face(settings, url), [own], partial(write_passwords, settings.mqtt_passwords_file))
    return None


def _shown(settings: Settings) -> Face:
    token, mail = settings.metrics_token, settings.mail_url
    return Face(
        secure=settings.secure or settings.tls,
        trusted_proxies=settings.trusted_proxies,
        certificate=settings.tls_certificate_file,
        key=settings.tls_key_file,
        metrics_port=settings.metrics_port,
        metrics_token=None if token is None else token.get_secret_value(),
        public_url=settings.public_url or "",
        mailer=None if mail is None else smtp_at(mail.get_secret_value(), settings.mail_from),
    )


def _ways_in(settings: Settings, engine: Engine) -> WaysIn:
    """What people sign in with. Raises SealingKeyError."""
    clinic = settings.clinic
    return WaysIn(
        frozenset(settings.second_factor_for),
        opening_box(engine, settings.sealing_key),
        None if clinic is None else ClinicSignIn(clinic),
    )


def _face(settings: Settings, url: str) -> BrokerFace:
    told = broker_at(settings.gateway_mqtt_url or url)  # without the name and password that may stand in it
    file = settings.gateway_mqtt_ca_file
    return BrokerFace(told.url, file.read_text() if file else None)


@contextmanager
def _kept(doorkeeper: Doorkeeper) -> Iterator[Doorkeeper]:
    try:
        doorkeeper.refresh()
    except ControlError as error:  # a broker elsewhere may come up later than we do
        doorkeeper.put_off(error)
    doorkeeper.start()
    try:
        yield doorkeeper
    finally:
        doorkeeper.stop()


def settings() -> None:
    """Tell of every setting: its variable, what it is without one, and what it does.

    In a file (TOML) they are named in lower case and without PLUMBLINE_SERVER_. A secret may be in a file of its own,
    which the variable with _FILE behind it names."""
    secret = set(variables())
    for name, field in Settings.model_fields.items():
        shown = variable(name) + (" (or ..._FILE)" if variable(f"{name}_file") in secret else "")
        typer.echo(f"{shown}{_otherwise(field)}\n    {' '.join((field.description or '').split())}")


def _otherwise(field: FieldInfo) -> str:
    """What it is where nothing is said, if that is anything."""
    given = field.get_default(call_default_factory=True)
    if given is None or given in ((), "") or isinstance(given, SecretStr):
        return ""
    return f" = {str(given).lower() if isinstance(given, bool) else given}"


def migrate() -> None:
    """Bring the database to the schema of this version."""
    with in_words() as settings:
        typer.echo(f"the database is at revision {current_revision(store(settings))}")
