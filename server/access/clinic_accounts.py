"""Whose account at the clinic is whose here."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from server.access.accounts import normal_email
from server.access.clinic import ClinicIdentity
from server.store.tables import clinic_identity, user_account
from server.store.upsert import upsert


def account_of(db: Connection, identity: ClinicIdentity, organisation_id: int, now_ms: int) -> int | None:
    """The account in this organisation that belongs to somebody whom the clinic has signed in, None if there is none.

    It must be there already. The first time it is found by its e-mail address, which the clinic must have verified;
    from then on by issuer and subject alone, which never change hands as addresses do.
    """
    known, people = clinic_identity.c, user_account.c
    usable = people.organisation_id == organisation_id, people.disabled_ms.is_(None)
    this = known.issuer == identity.issuer, known.subject == identity.subject
    mine = select(known.user_id).where(*this)
    linked: int | None = db.scalar(mine)
    if linked is None and identity.email:
        taken = select(known.user_id)
        first = select(people.id).where(people.email == normal_email(identity.email), people.id.not_in(taken), *usable)
        found = db.scalar(first)
        if found is not None:
            row = {"issuer": identity.issuer, "subject": identity.subject, "user_id": found, "created_ms": now_ms}
            # Somebody may come by the same account at the same moment: whoever is first has it, and it is read again.
            db.execute(upsert(db, clinic_identity).values({**row, "used_ms": now_ms}).on_conflict_do_nothing())
            linked = db.scalar(mine)
    if linked is None or db.scalar(select(people.id).where(people.id == linked, *usable)) is None:
        return None
    db.execute(update(clinic_identity).where(*this).values(used_ms=now_ms))
    return linked


def is_linked(db: Connection, user_id: int) -> bool:
    """Whether this person can come in by the clinic's sign-in, and has."""
    query = select(clinic_identity.c.subject).where(clinic_identity.c.user_id == user_id)
    return db.execute(query).first() is not None
