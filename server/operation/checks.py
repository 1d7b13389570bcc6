"""`plumbline server check`: each thing that a server needs, looked at before somebody misses it.

Nothing is changed: a database that is not there is not made, and one of an earlier version is not brought up to date.
"""

from __future__ import annotations

import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from cryptography import x509
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from server.loopback import is_loopback
from server.mqtt.address import Broker, BrokerUrlError, broker_at, in_words
from server.operation import keys, safety
from server.operation.findings import Finding, note, ok, problem
from server.settings import Settings, variable
from server.store import DatabaseUrlError, open_engine, reading
from server.store.migrate import current_revision, known_revisions, newest_revision
from server.store.tables import gateway

_LITTLE_BYTES: Final = 2**30
_SOME_BYTES: Final = 5 * 2**30
_SOON_DAYS: Final = 21
_CLOCK_OFF_MS: Final = 5_000
_ANSWER_S: Final = 5.0
_LOOPBACK: Final = "127.0.0.1"


def findings(settings: Settings, now_ms: int) -> Iterator[Finding]:
    """All that can be said of a server with these settings, one thing after the other."""
    source = f"from the environment and {settings.config}" if settings.config else "from the environment"
    yield ok("settings", f"{source}; data in {settings.data_dir}")
    engine = _engine(settings)
    if isinstance(engine, Finding):
        yield engine
    elif engine is None:
        yield note("database", "there is none yet", "the first start makes it")
    else:
        try:
            yield from _database(settings, engine, now_ms)
        finally:
            engine.dispose()
    yield from safety.files(settings)
    yield from keys.of_files(settings)
    yield from _broker(settings)
    yield from safety.pages(settings)
    yield from _certificate(settings, now_ms)
    yield from _public_address(settings)
    with suppress(BrokerUrlError):  # has been told
        yield from safety.passwords(settings, settings.mqtt_url)
    yield _disk(settings.data_dir)


def _engine(settings: Settings) -> Engine | Finding | None:
    try:
        file = safety.sqlite_file(settings.database)
        if file is not None and not file.exists():
            return None
        return open_engine(settings.database)
    except (DatabaseUrlError, ValueError) as error:
        return problem("database", str(error), f"correct {variable('database_url')}")


def _database(settings: Settings, engine: Engine, now_ms: int) -> Iterator[Finding]:
    name = engine.url.render_as_string(hide_password=True)
    try:
        revision = current_revision(engine)
    except DBAPIError as error:
        yield problem(
            "database",
            f"{name} does not answer: {str(error.orig).splitlines()[0]}",
            "see that it runs, and that name and password are right",
        )
        return
    newest = newest_revision()
    if revision == newest:
        yield ok("database", f"{name} answers, at revision {revision}")
        yield from safety.accounts(engine)
        yield from keys.of_store(settings, engine)
        yield _clock(engine, now_ms)
    elif revision is None:
        yield note("database", f"{name} answers and is empty", "the first start makes the tables")
    elif revision in known_revisions():
        yield note(
            "database",
            f"{name} is at revision {revision} of an earlier version",
            f"the next start brings it to {newest}; make a backup first",
        )
    else:
        yield problem(
            "database",
            f"{name} is at revision {revision}, which this version does not know",
            "use the version that made it, or a newer one",
        )


def _clock(engine: Engine, now_ms: int) -> Finding:
    with reading(engine) as db:
        newest = db.scalar(select(func.max(gateway.c.seen_ms))) or 0
        there: int = now_ms
        if db.dialect.name == "postgresql":
            there = db.scalar(text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")) or 0
    advice = "set this machine's clock, and have it kept (NTP)"
    if newest > now_ms + _CLOCK_OFF_MS:
        return problem(
            "clock", f"it is {_utc(now_ms)} here, before something that has been received at {_utc(newest)}", advice
        )
    if abs(there - now_ms) > _CLOCK_OFF_MS:
        return problem("clock", f"it is {_utc(now_ms)} here and {_utc(there)} at the database", advice)
    return ok("clock", f"{_utc(now_ms)}, after everything in the store")


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _broker(settings: Settings) -> Iterator[Finding]:
    try:
        yield from safety.broker(settings, settings.mqtt_url)
        if settings.mqtt_url is None:
            yield _own_broker(settings)
            return
        there = broker_at(
            settings.mqtt_url,
            username=settings.mqtt_username,
            password=settings.mqtt_password.get_secret_value(),
            ca_file=settings.mqtt_ca_file,
        )
    except BrokerUrlError as error:
        yield problem("broker", str(error), f"correct {variable('mqtt_url')} and {variable('gateway_mqtt_url')}")
        return
    trouble = connect(there)
    if trouble:
        yield problem(
            "broker",
            f"{there.url}: {trouble}",
            f"see that it runs, and that {variable('mqtt_username')} and {variable('mqtt_password')} are right",
        )
    else:
        yield ok("broker", f"{there.url} takes the server in as {there.username}")


def _own_broker(settings: Settings) -> Finding:
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    kind = "mosquitto" if found else "the built-in broker"
    with closing(socket.socket()) as probe:
        taken = probe.connect_ex((_LOOPBACK, settings.mqtt_port)) == 0
    if taken:
        return note(
            "broker",
            f"something listens on port {settings.mqtt_port}, where {kind} would be started",
            f"if that is not this server at work, choose another port with {variable('mqtt_port')}",
        )
    return ok("broker", f"{kind} will be started on port {settings.mqtt_port} of this machine")


def connect(broker: Broker) -> str:
    """Why the broker does not take the server in; empty when it does. Publishes and subscribes to nothing."""
    words = ""
    for protocol in (MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311):
        words = _connect(broker, protocol)
        if not words:
            break
    return words


def _connect(broker: Broker, protocol: MQTTProtocolVersion) -> str:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=protocol, reconnect_on_failure=False)
    client.username_pw_set(broker.username, broker.password)
    answered, answer = threading.Event(), ["it does not answer"]

    def on_connect(_client: mqtt.Client, _data: object, _flags: object, code: ReasonCode, _props: object) -> None:
        answer[0] = f"it refuses the server: {code}" if code.is_failure else ""
        answered.set()

    client.on_connect = on_connect
    try:
        if broker.tls:
            client.tls_set(ca_certs=str(broker.ca_file) if broker.ca_file else None)
        client.connect_timeout = _ANSWER_S
        client.connect(broker.host, broker.port)
    except OSError as error:
        return in_words(error, broker)
    client.loop_start()
    answered.wait(_ANSWER_S)
    client.disconnect()
    client.loop_stop()
    return answer[0]


def _certificate(settings: Settings, now_ms: int) -> Iterator[Finding]:
    file, key = settings.tls_certificate_file, settings.tls_key_file
    if file is None or key is None:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(file, key)
        ends = x509.load_pem_x509_certificates(file.read_bytes())[0].not_valid_after_utc
    except (OSError, ValueError) as error:
        yield problem(
            "TLS", f"{file} and {key} cannot be used: {error}", "name a certificate chain and its key, both PEM"
        )
        return
    left = ends - datetime.fromtimestamp(now_ms / 1000, UTC)
    words = f"the certificate {file} is good until {ends:%Y-%m-%d}"
    if left.total_seconds() <= 0:
        yield problem("TLS", f"the certificate {file} ended on {ends:%Y-%m-%d}", "renew it")
    elif left.days < _SOON_DAYS:
        yield note("TLS", words, "renew it")
    else:
        yield ok("TLS", words)


def _public_address(settings: Settings, resolve: Callable[..., object] = socket.getaddrinfo) -> Iterator[Finding]:
    if settings.public_url is None:
        if not is_loopback(settings.host):
            yield note(
                "address",
                f"links to the pages would begin with {settings.address}",
                f"set {variable('public_url')} to what people type",
            )
        return
    host = urlsplit(settings.public_url).hostname or ""
    try:
        resolve(host, None)
    except OSError as error:
        yield note(
            "address",
            f"{host} cannot be looked up from here: {error.strerror}",
            f"correct {variable('public_url')}, or the name's entry in the DNS",
        )
    else:
        yield ok("address", f"people reach the pages at {settings.address}")


def _disk(folder: Path) -> Finding:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    words = f"{free / 2**30:.1f} GiB are free at {there}"
    if free < _LITTLE_BYTES:
        return problem(
            "disk", words, "make room: a full disk stops ingest, and computers keep what they measure meanwhile"
        )
    if free < _SOME_BYTES:
        return note("disk", words, "make room before long")
    return ok("disk", words)
