"""Accounts and who cares for whom. For administration: pages never call this with what a visitor sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from server.access.passwords import Passwords
from server.store.engine import reading, writing
from server.store.tables import care_relation, user_account

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")


class AccountError(ValueError):
    """An account cannot be made so; the message says why."""


@dataclass(frozen=True)
class Credentials:
    """What signing in needs to know of an account."""

    user_id: int
    password_hash: str


def normal_email(email: str) -> str:
    """The form in which an address is stored and compared."""
    return email.strip().casefold()


def create_account(engine: Engine, passwords: Passwords, *, email: str, name: str, password: str, now_ms: int) -> int:
    """A therapist's account; returns its id. Raises AccountError, WeakPasswordError."""
    address = normal_email(email)
    if not _EMAIL.fullmatch(address):
        raise AccountError(f"{email!r} is no e-mail address")
    if not name.strip():
        raise AccountError("an account needs a name")
    hashed = passwords.hash(password, address)
    row = {"email": address, "name": name.strip(), "role": "therapist", "password_hash": hashed, "created_ms": now_ms}
    try:
        with writing(engine) as db:
            done = db.execute(insert(user_account).values(row))
    except IntegrityError as error:
        raise AccountError(f"there is an account for {address} already") from error
    key = done.inserted_primary_key
    if key is None:
        raise RuntimeError("the database gave no key")
    return int(key[0])


def credentials(engine: Engine, email: str) -> Credentials | None:
    """The account with this address, if there is one."""
    columns = user_account.c
    with reading(engine) as db:
        query = select(columns.id, columns.password_hash).where(columns.email == normal_email(email))
        row = db.execute(query).one_or_none()
    return None if row is None else Credentials(row.id, row.password_hash)


def begin_care(engine: Engine, user_id: int, patient_id: int, now_ms: int) -> None:
    """From now on this person may see and treat this patient."""
    with writing(engine) as db:
        db.execute(insert(care_relation).values(user_id=user_id, patient_id=patient_id, start_ms=now_ms, end_ms=None))


def end_care(engine: Engine, user_id: int, patient_id: int, now_ms: int) -> None:
    """From now on no longer."""
    relation = care_relation.c
    open_ones = (relation.user_id == user_id) & (relation.patient_id == patient_id) & relation.end_ms.is_(None)
    with writing(engine) as db:
        db.execute(update(care_relation).where(open_ones).values(end_ms=now_ms))
