"""The files that no backup of the database holds, each looked into: the keys, and who was erased.

Nothing is made: a key that is not there yet is made by the first start.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, select

from server.access.sealed import ADVICE, COMMAND, LostKeyError, require_key
from server.access.sealing import SealingKeyError, SecretBox
from server.broker.gateway_key import GatewayKey, GatewayKeyError
from server.broker.verifier import matches
from server.operation.findings import Finding, note, ok, problem
from server.operation.safety import MOUNTED
from server.rights.tombstones import Erased, TombstoneError, Tombstones
from server.settings import Settings, variable
from server.store import reading
from server.store.tables import consent, erasure, gateway, patient

_KEYS: Final = "keys"
_ERASED: Final = "erasures"
_APART: Final = "keep a copy apart from backups of the database"


def of_files(settings: Settings) -> Iterator[Finding]:
    """Form, permissions and owner of each."""
    yield from _key(
        settings,
        settings.sealing_key,
        "the key of authenticator apps' secrets",
        lambda file: SecretBox(file.read_bytes().strip()),
        f"bring it back from its copy; if there is none, move it away, and `{COMMAND}` lets people set their apps up "
        "anew",
    )
    if settings.mqtt_admin_username is not None or settings.gateway_key_file.exists():
        yield from _key(
            settings,
            settings.gateway_key_file,
            "the key of gateways' passwords",
            GatewayKey,
            "bring it back from its copy; if there is none, move it away and connect each computer again",
        )
    yield from _tombstones(settings)


def of_store(settings: Settings, engine: Engine) -> Iterator[Finding]:
    """Whether they are those that belong to this store. Raises SQLAlchemyError."""
    yield from _sealed(settings, engine)
    if settings.mqtt_admin_username is not None:
        yield from _passwords(settings, engine)
    yield from _erased(settings, engine)


def _key(
    settings: Settings, file: Path, whose: str, read: Callable[[Path], object], otherwise: str
) -> Iterator[Finding]:
    try:
        if not file.exists():
            yield note(_KEYS, f"{whose}, {file}, is not there yet", f"the first start makes it; {_APART}")
            return
        read(file)
    except (SealingKeyError, GatewayKeyError) as error:
        yield problem(_KEYS, f"{whose} cannot be used: {file}: {str(error).removeprefix(f'{file} ')}", otherwise)
    except OSError as error:
        yield problem(_KEYS, f"{whose}, {file}, cannot be read: {error.strerror}", "see to its owner and permissions")
    else:
        if troubles := [*_of_others(settings, file)]:
            yield from troubles
        else:
            yield ok(_KEYS, f"{file} holds {whose}; {_APART}")


def _of_others(settings: Settings, file: Path) -> Iterator[Finding]:
    if os.name != "posix" or file.is_relative_to(MOUNTED):
        return
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield problem(_KEYS, f"others than its owner may use {file}", f"chmod 600 {file}")
    yield from _of_another(_KEYS, settings, file)


def _of_another(topic: str, settings: Settings, file: Path) -> Iterator[Finding]:
    """The data folder's owner is whom the server runs as."""
    home = settings.data_dir
    if os.name != "posix" or file.is_relative_to(MOUNTED) or not home.exists():
        return
    has, wanted = owner_of(file), owner_of(home)
    if has != wanted:
        yield problem(topic, f"{file} belongs to {has}, the data folder {home} to {wanted}", f"chown {wanted} {file}")


def owner_of(file: Path) -> str:
    """Whose it is: a name, or a number that has none here, as in a volume. Raises OSError."""
    try:
        return file.owner()
    except KeyError:
        return str(file.stat().st_uid)


def _tombstones(settings: Settings) -> Iterator[Finding]:
    file = settings.tombstones
    try:
        if not file.exists():
            yield note(_ERASED, f"{file} is not there", "the first erasure or withdrawal makes it")
            return
        found = Tombstones(file).read()
    except TombstoneError as error:
        advice = f"bring back its newest copy, or correct {variable('tombstones_file')}; the server does not start"
        yield problem(_ERASED, f"{file}: {error}", advice)
    except OSError as error:
        yield problem(_ERASED, f"{file} cannot be read: {error.strerror}", "see to its owner and permissions")
    else:
        if troubles := [*_of_another(_ERASED, settings, file)]:
            yield from troubles
        else:
            erased = sum(isinstance(stone, Erased) for stone in found)
            words = f"{erased} erasures and {len(found) - erased} statements about consent"
            yield ok(_ERASED, f"{file} tells of {words}; {_APART}")


def _sealed(settings: Settings, engine: Engine) -> Iterator[Finding]:
    try:
        require_key(engine, settings.sealing_key)
    except LostKeyError as error:
        yield problem(_KEYS, f"{error.words}; the server does not start", ADVICE)
    except (SealingKeyError, OSError):  # has been told
        return


def _passwords(settings: Settings, engine: Engine) -> Iterator[Finding]:
    where = gateway.c.mqtt_hash.is_not(None) & gateway.c.revoked_ms.is_(None)
    with reading(engine) as db:
        rows = db.execute(select(gateway.c.id, gateway.c.mqtt_hash).where(where)).all()
    if not settings.gateway_key_file.exists():
        others = len(rows)
    else:
        try:
            key = GatewayKey(settings.gateway_key_file)
        except (GatewayKeyError, OSError):  # has been told
            return
        others = sum(not matches(key.password_of(row.id), row.mqtt_hash) for row in rows)
    if others:
        yield problem(
            _KEYS,
            f"{others} of {len(rows)} connected computers have a password that is not of {settings.gateway_key_file}: "
            "the broker cannot be told of them",
            "bring the key back that they were connected with, or connect them again",
        )


def _erased(settings: Settings, engine: Engine) -> Iterator[Finding]:
    try:
        told = Tombstones(settings.tombstones).read()
    except TombstoneError:  # has been told
        return
    gone = {stone.pseudonym for stone in told if isinstance(stone, Erased)}
    said = {(stone.pseudonym, stone.at_ms) for stone in told if not isinstance(stone, Erased)}
    withdrawn = select(patient.c.pseudonym, consent.c.at_ms).join_from(patient, consent)
    with reading(engine) as db:
        erased = set(db.scalars(select(erasure.c.pseudonym))) - gone
        refused = {tuple(row) for row in db.execute(withdrawn.where(consent.c.kind == "withdrawn"))} - said
    if missing := len([*chain(erased, refused)]):
        yield problem(
            _ERASED,
            f"this store knows of {missing} erasures and withdrawals that {settings.tombstones} does not tell of",
            f"bring back the newest copy of that file, or correct {variable('tombstones_file')}: without it a restored "
            "backup brings them back",
        )
