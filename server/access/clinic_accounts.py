"""Whose account at the clinic is whose here."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, insert, select, update

from server.access.accounts import normal_email
from server.access.clinic import ClinicIdentity
from server.store.engine import writing
from server.store.tables import clinic_identity, user_account


def account_of(engine: Engine, identity: ClinicIdentity, organisation_id: int, now_ms: int) -> int | None:
    """The account in this organisation that belongs to somebody whom the clinic has signed in, None if there is none.

    It must be there already. The first time it is found by its e-mail address, which the clinic must have verified;
    from then on by issuer and subject alone, which never change hands as addresses do.
    """
    known, people = clinic_identity.c, user_account.c
    usable = people.organisation_id == organisation_id, people.disabled_ms.is_(None)
    this = known.issuer == identity.issuer, known.subject == identity.subject
    with writing(engine) as db:
        linked = db.execute(select(known.user_id).where(*this)).scalar_one_or_none()
        if linked is not None:
            found = db.execute(select(people.id).where(people.id == linked, *usable)).scalar_one_or_none()
            if found is not None:
                db.execute(update(clinic_identity).where(*this).values(used_ms=now_ms))
            return found
        if not identity.email:
            return None
        taken = select(known.user_id)
        first = select(people.id).where(people.email == normal_email(identity.email), people.id.not_in(taken), *usable)
        found = db.execute(first).scalar_one_or_none()
        if found is not None:
            row = {"issuer": identity.issuer, "subject": identity.subject, "user_id": found}
            db.execute(insert(clinic_identity).values({**row, "created_ms": now_ms, "used_ms": now_ms}))
        return found


def is_linked(db: Connection, user_id: int) -> bool:
    """Whether this person can come in by the clinic's sign-in, and has."""
    query = select(clinic_identity.c.subject).where(clinic_identity.c.user_id == user_id)
    return db.execute(query).first() is not None
