"""Organisations: a practice, a clinic. Nothing of a patient crosses from one to another."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import IntegrityError

from server.access.accounts import AccountError, read_name
from server.store.engine import reading, writing
from server.store.tables import organisation


def create_organisation(engine: Engine, name: str, now_ms: int) -> int:
    """A new organisation; returns its number. Raises AccountError."""
    name = read_name(name, "an organisation")
    try:
        with writing(engine) as db:
            made: int = db.execute(
                insert(organisation).values(name=name, created_ms=now_ms).returning(organisation.c.id)
            ).scalar_one()
            return made
    except IntegrityError as error:
        raise AccountError(f"there is an organisation called {name} already") from error


def require_organisation(engine: Engine, organisation_id: int) -> int:
    """The number again. Raises AccountError when there is no such organisation."""
    with reading(engine) as db:
        found = db.scalar(select(organisation.c.id).where(organisation.c.id == organisation_id))
    if found is None:
        raise AccountError(f"there is no organisation {organisation_id}")
    return organisation_id


def organisation_name(db: Connection, organisation_id: int) -> str:
    """What it is called."""
    name: str = db.execute(select(organisation.c.name).where(organisation.c.id == organisation_id)).scalar_one()
    return name


def rename_organisation(db: Connection, organisation_id: int, name: str) -> None:
    """Call it otherwise. Raises AccountError."""
    name = read_name(name, "an organisation")
    try:
        with db.begin_nested():
            db.execute(organisation.update().where(organisation.c.id == organisation_id).values(name=name))
    except IntegrityError as error:
        raise AccountError(f"there is an organisation called {name} already") from error
