"""What a server must not be started with: health data in the clear on a network, secrets that others can read,
passwords that everybody knows. What is meant to be so has a setting that says it."""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import ArgumentError

from server.access.accounts import credentials
from server.loopback import is_loopback
from server.mqtt.address import Broker, broker_at
from server.operation.findings import Finding, note, ok, problem
from server.settings import Settings, variable
from server.settings_sources import secret_files

DEMO_EMAILS: Final = ("therapist@example.org", "administrator@example.org", "patient@example.org")
DEMO_PASSWORD: Final = "a chair by the window"  # noqa: S105 - known to everybody, which is the point
KNOWN_PASSWORDS: Final = frozenset(
    {
        "",
        "admin",
        "changeme",
        "change-me",
        "default",
        "mosquitto",
        "password",
        "plumbline",
        "postgres",
        "secret",
        "server",
    }
)
_SHORTEST_TOKEN: Final = 16
_FEW_PROXIES: Final = 256
"""As many addresses a cluster may want for its proxies; more is a network of people."""
MOUNTED: Final = Path("/run/secrets")
"""Where container engines show a container its secrets: readable by all of it, and by nobody else."""


class UnsafeError(RuntimeError):
    """The server does not start like this; the message says why, and what to do."""

    def __init__(self, found: Iterable[Finding]) -> None:
        lines = [f"  {finding.words}\n    {finding.advice}" for finding in found]
        super().__init__("\n".join(["it would not be safe to start like this:", *lines]))


def require_safe(found: Iterable[Finding]) -> None:
    """Raise UnsafeError if there is a problem among these."""
    problems = [finding for finding in found if finding.state == "problem"]
    if problems:
        raise UnsafeError(problems)


def of_settings(settings: Settings, mqtt_url: str | None = None) -> Iterator[Finding]:
    """What the settings and the files that they name have to do with safety. `mqtt_url` counts instead of the setting.
    Raises BrokerUrlError."""
    url = mqtt_url or settings.mqtt_url
    yield from pages(settings)
    yield from broker(settings, url)
    yield from passwords(settings, url)
    yield from files(settings)


def pages(settings: Settings) -> Iterator[Finding]:
    """How pages are reached."""
    topic, public = "pages", urlsplit(settings.public_url or "")
    if settings.tls:
        yield ok(topic, f"this server speaks TLS at {settings.address}")
    elif settings.secure:
        yield ok(topic, f"TLS ends at a proxy before {settings.host}:{settings.port}")
    elif is_loopback(settings.host):
        yield ok(topic, f"only this machine reaches {settings.address}")
    else:
        yield problem(
            topic,
            f"names and health data would cross the network in the clear: {settings.host} is reached from other "
            "machines, and there is no TLS",
            f"set {variable('tls_certificate_file')} and {variable('tls_key_file')}; or let a proxy end TLS and set "
            f"{variable('secure')}=true; or serve this machine only, with {variable('host')}=127.0.0.1",
        )
    if public.scheme == "http" and not is_loopback(public.hostname or ""):
        yield problem(
            topic,
            f"{variable('public_url')} begins with http:// although other machines reach it",
            "let it begin with https://",
        )
    if settings.secure and not settings.tls and not settings.trusted_proxies:
        yield note(
            topic,
            "every visitor seems to come from the proxy's address: limits on attempts count all of them together",
            f"set {variable('trusted_proxies')} to the proxy's address",
        )
    for word in settings.trusted_proxies:
        if ipaddress.ip_network(word).num_addresses > _FEW_PROXIES:
            yield note(
                topic,
                f"whoever is in {word} could pass for any visitor, in the audit and for the limits on attempts",
                f"name the proxy's own address in {variable('trusted_proxies')}",
            )


def broker(settings: Settings, url: str | None) -> Iterator[Finding]:
    """The ways to the broker, the server's own and the gateways'. Raises BrokerUrlError."""
    ways = [
        ("the server", "mqtt", url, settings.mqtt_private),
        ("gateways", "gateway_mqtt", settings.gateway_mqtt_url, settings.gateway_mqtt_private),
    ]
    for who, name, told, private in ways:
        if told is None:
            continue
        there = broker_at(told)
        if _in_the_open(there) and not private:
            yield problem(
                "broker",
                f"{who} would send measurements and passwords to {there.url} in the clear",
                f"use mqtts:// in {variable(name + '_url')}; or, where nobody else is on that network, set "
                f"{variable(name + '_private')}=true",
            )
        else:
            why = (
                "over TLS" if there.tls else "on this machine" if is_loopback(there.host) else "on a network of its own"
            )
            yield ok("broker", f"{who} {'reaches' if who == 'the server' else 'reach'} {there.url} {why}")


def _in_the_open(there: Broker) -> bool:
    return not there.tls and not is_loopback(there.host)


def passwords(settings: Settings, url: str | None) -> Iterator[Finding]:
    """Passwords that are none. Raises BrokerUrlError."""
    topic, count = "passwords", 0
    if url is not None:
        there = broker_at(url, password=settings.mqtt_password.get_secret_value())
        if there.password in KNOWN_PASSWORDS and not is_loopback(there.host):
            yield _known(topic, "the broker", variable("mqtt_password"))
            count += 1
        admin = settings.mqtt_admin_password.get_secret_value()
        if settings.mqtt_admin_username is not None and admin in KNOWN_PASSWORDS and not is_loopback(there.host):
            yield _known(topic, "the broker's administrator", variable("mqtt_admin_password"))
            count += 1
    if _database_password(settings.database) in KNOWN_PASSWORDS:
        yield _known(topic, "the database", variable("database_url"))
        count += 1
    token = settings.metrics_token
    if token is not None and len(token.get_secret_value()) < _SHORTEST_TOKEN:
        yield problem(
            topic,
            f"{variable('metrics_token')} is shorter than {_SHORTEST_TOKEN} characters",
            "set a random one, such as `openssl rand -hex 16` prints",
        )
        count += 1
    if not count:
        yield ok(topic, "none that is empty or that everybody knows")


def _known(topic: str, whose: str, name: str) -> Finding:
    return problem(
        topic, f"the password for {whose} is empty or one that everybody tries first", f"change it, in {name}"
    )


def _database_password(url: str) -> str | None:
    """The password for a database on another machine, where the URL has one."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return None
    elsewhere = bool(parsed.host) and not is_loopback(parsed.host or "")
    return str(parsed.password) if elsewhere and parsed.password is not None else None


def accounts(engine: Engine) -> Iterator[Finding]:
    """Accounts that anybody can use. Raises SQLAlchemyError."""
    known = [email for email in DEMO_EMAILS if _is_open(engine, email)]
    if known:
        yield problem(
            "accounts",
            f"this store has the demonstration's account {known[0]}, whose password everybody knows",
            "use a store of its own for real patients, or give that account another password",
        )
    else:
        yield ok("accounts", "none with a password that everybody knows")


def _is_open(engine: Engine, email: str) -> bool:
    found = credentials(engine, email)
    return found is not None and bool(found.password_hash) and _opens(DEMO_PASSWORD, found.password_hash)


def _opens(password: str, stored: str) -> bool:
    try:
        return PasswordHash((Argon2Hasher(),)).verify(password, stored)
    except PwdlibError:  # nothing that a password could match
        return False


def files(settings: Settings) -> Iterator[Finding]:
    """Who else on this machine can read or change what is private."""
    topic, open_to_others = "files", [path for path in private_files(settings) if _others_may(path)]
    for path in open_to_others:
        yield problem(topic, f"every user of this machine can read or change {path}", f"chmod o= {path}")
    if not open_to_others:
        yield ok(topic, "what is private can be read by nobody else")


def private_files(settings: Settings) -> Iterable[Path]:
    """Files with names of patients, or with secrets, that exist."""
    named = [
        *secret_files(settings),
        settings.tls_key_file,
        settings.mqtt_passwords_file,
        settings.sealing_key,
        settings.gateway_key_file,
        settings.tombstones,
        *_database_files(settings.database),
        *(settings.broker_dir / name for name in ("accounts.json", "passwords", "accounts-of-broker.json")),
    ]
    return [path for path in named if path is not None and path.exists() and not path.is_relative_to(MOUNTED)]


def sqlite_file(url: str) -> Path | None:
    """The file of this database, where it is one of SQLite's."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def _database_files(url: str) -> list[Path]:
    file = sqlite_file(url)
    return [] if file is None else [Path(f"{file}{end}") for end in ("", "-wal", "-shm")]


def _others_may(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH))
