"""Accounts and who cares for whom. It decides nothing: what a visitor may do here is decided by `Care` and `Office`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from server.access.acts import Role
from server.access.passwords import Passwords
from server.store.engine import reading, writing
from server.store.tables import care_relation, invitation, recovery, session, sign_in_step, user_account
from server.store.tables.people import FIRST_ORGANISATION

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
_LONGEST_EMAIL: Final = 254
_LONGEST_NAME: Final = 200


class AccountError(ValueError):
    """An account cannot be made so; the message says why."""


@dataclass(frozen=True)
class Credentials:
    """What signing in needs to know of an account."""

    user_id: int
    password_hash: str = field(repr=False)


def normal_email(email: str) -> str:
    """The form in which an address is stored and compared."""
    return email.strip().casefold()


def read_email(email: str) -> str:
    """An address in its stored form. Raises AccountError."""
    address = normal_email(email)
    if not _EMAIL.fullmatch(address) or len(address) > _LONGEST_EMAIL:
        raise AccountError(f"{email.strip()[:80]!r} is no e-mail address")
    return address


def read_name(name: str, what: str = "an account") -> str:
    """A name as it is stored. Raises AccountError."""
    plain = " ".join(name.split())
    if not plain:
        raise AccountError(f"{what} needs a name")
    if len(plain) > _LONGEST_NAME:
        raise AccountError(f"a name has at most {_LONGEST_NAME} characters")
    return plain


def create_account(
    engine: Engine,
    passwords: Passwords,
    *,
    email: str,
    name: str,
    password: str,
    now_ms: int,
    role: Role = Role.THERAPIST,
    organisation_id: int = FIRST_ORGANISATION,
    patient_id: int | None = None,
) -> int:
    """A new account; returns its id. Raises AccountError, WeakPasswordError."""
    address = read_email(email)
    name = read_name(name)
    hashed = passwords.hash(password, address)
    with writing(engine) as db:
        return add_account(
            db,
            email=address,
            name=name,
            password_hash=hashed,
            now_ms=now_ms,
            role=role,
            organisation_id=organisation_id,
            patient_id=patient_id,
        )


def add_account(
    db: Connection,
    *,
    email: str,
    name: str,
    password_hash: str,
    now_ms: int,
    role: Role,
    organisation_id: int,
    patient_id: int | None = None,
) -> int:
    """`create_account` inside the caller's transaction, with the password hashed before it began. Raises
    AccountError."""
    row = {
        "email": read_email(email),
        "name": read_name(name),
        "role": role.value,
        "password_hash": password_hash,
        "created_ms": now_ms,
        "organisation_id": organisation_id,
        "patient_id": patient_id,
    }
    try:
        with db.begin_nested():
            made: int = db.execute(insert(user_account).values(row).returning(user_account.c.id)).scalar_one()
    except IntegrityError as error:
        raise AccountError(f"there is an account for {row['email']} already") from error
    return made


def credentials(engine: Engine, email: str) -> Credentials | None:
    """The account with this address, if there is one that is not disabled."""
    columns = user_account.c
    query = select(columns.id, columns.password_hash).where(
        columns.email == normal_email(email), columns.disabled_ms.is_(None)
    )
    with reading(engine) as db:
        row = db.execute(query).one_or_none()
    return None if row is None else Credentials(row.id, row.password_hash)


def role_of(db: Connection, user_id: int) -> str:
    """Somebody's role, "" where there is no such account."""
    return db.scalar(select(user_account.c.role).where(user_account.c.id == user_id)) or ""


def hold_account(db: Connection, user_id: int, password_hash: str | None = None) -> str | None:
    """The role of an account that may sign in, which then stays as it is until the transaction ends: nobody comes in
    with a password that is changed at the same moment. None when it is disabled or, where a hash is given, has another
    password."""
    c = user_account.c
    query = select(c.role).where(c.id == user_id, c.disabled_ms.is_(None)).with_for_update()
    if password_hash is not None:
        query = query.where(c.password_hash == password_hash)
    role: str | None = db.scalar(query)
    return role


def set_disabled(db: Connection, user_id: int, now_ms: int | None) -> None:
    """Disable an account from `now_ms` on and end its sessions, or enable it again (None). One-time links that it has
    made or that lead to it end, too: nobody leaves a way in behind."""
    db.execute(update(user_account).where(user_account.c.id == user_id).values(disabled_ms=now_ms))
    end_sessions(db, user_id)
    if now_ms is not None:
        c, made = recovery.c, invitation.c
        links = (c.user_id == user_id) | (c.author_id == user_id)
        db.execute(update(recovery).where(links, c.voided_ms.is_(None), c.used_ms.is_(None)).values(voided_ms=now_ms))
        invited = made.author_id == user_id, made.revoked_ms.is_(None), made.used_ms.is_(None)
        db.execute(update(invitation).where(*invited).values(revoked_ms=now_ms))


def set_password(db: Connection, user_id: int, password_hash: str, now_ms: int) -> None:
    """A new password; all sessions of the account end, and no link sets another one."""
    db.execute(update(user_account).where(user_account.c.id == user_id).values(password_hash=password_hash))
    end_sessions(db, user_id)
    c = recovery.c
    still_good = c.user_id == user_id, c.voided_ms.is_(None), c.used_ms.is_(None)
    db.execute(update(recovery).where(*still_good).values(voided_ms=now_ms))


def end_sessions(db: Connection, user_id: int) -> None:
    """End every session of an account, and every sign-in that is half done."""
    db.execute(session.delete().where(session.c.user_id == user_id))
    db.execute(sign_in_step.delete().where(sign_in_step.c.user_id == user_id))


def begin_care(engine: Engine, user_id: int, patient_id: int, now_ms: int) -> None:
    """From now on this person may see and treat this patient."""
    with writing(engine) as db:
        relate(db, user_id, patient_id, now_ms)


def end_care(engine: Engine, user_id: int, patient_id: int, now_ms: int) -> None:
    """From now on no longer."""
    with writing(engine) as db:
        unrelate(db, user_id, patient_id, now_ms)


def relate(db: Connection, user_id: int, patient_id: int, now_ms: int) -> bool:
    """`begin_care` inside the caller's transaction; False when such a relation is there already."""
    c = care_relation.c
    there = select(c.id).where(c.user_id == user_id, c.patient_id == patient_id, c.end_ms.is_(None))
    if db.scalar(there) is not None:
        return False
    db.execute(insert(care_relation).values(user_id=user_id, patient_id=patient_id, start_ms=now_ms))
    return True


def unrelate(db: Connection, user_id: int, patient_id: int, now_ms: int) -> bool:
    """`end_care` inside the caller's transaction; False when there is no such relation."""
    c = care_relation.c
    open_ones = (c.user_id == user_id) & (c.patient_id == patient_id) & c.end_ms.is_(None)
    return db.execute(update(care_relation).where(open_ones).values(end_ms=now_ms)).rowcount > 0
