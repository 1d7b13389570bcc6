"""Invitations: a one-time link with which somebody makes their own account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from server.access.accounts import AccountError, add_account, read_email, read_name
from server.access.acts import Role
from server.access.sessions import digest
from server.people.links import Link, LinkRefusedError, new_link
from server.store.tables import invitation, organisation, patient, user_account

VALID_MS: Final = 7 * 24 * 3_600_000
"""How long an invitation can be accepted."""


class InvitationError(ValueError):
    """Nobody can be invited so; the message says why."""


@dataclass(frozen=True)
class Invitation:
    """An open invitation; `patient` is the name of whom the account would belong to, for the role patient."""

    id: int
    email: str
    role: Role
    patient: str | None
    organisation: str
    created_ms: int
    expires_ms: int


def invite(
    db: Connection,
    *,
    organisation_id: int,
    email: str,
    role: str,
    patient_id: int | None,
    author_id: int,
    now_ms: int,
) -> Link:
    """Invite somebody into an organisation; an open invitation of the same address there is revoked.

    The role patient needs a patient of the same organisation without an account. Raises InvitationError.
    """
    try:
        address, wanted = read_email(email), Role(role)
    except AccountError as error:
        raise InvitationError(str(error)) from error
    except ValueError as error:
        raise InvitationError("choose a role") from error
    people = user_account.c
    if db.scalar(select(people.id).where(people.email == address, people.organisation_id == organisation_id)):
        raise InvitationError(f"there is an account for {address} already")
    if wanted is Role.PATIENT:
        _require_patient(db, organisation_id, patient_id)
    else:
        patient_id = None
    c = invitation.c
    earlier = (c.organisation_id == organisation_id) & (c.email == address)
    db.execute(update(invitation).where(earlier, *_open(now_ms)).values(revoked_ms=now_ms))
    link, kept = new_link(now_ms + VALID_MS)
    db.execute(
        insert(invitation).values(
            token_sha256=kept,
            organisation_id=organisation_id,
            email=address,
            role=wanted.value,
            patient_id=patient_id,
            author_id=author_id,
            created_ms=now_ms,
            expires_ms=link.expires_ms,
        )
    )
    return link


def _require_patient(db: Connection, organisation_id: int, patient_id: int | None) -> None:
    known = select(patient.c.id).where(patient.c.id == patient_id, patient.c.organisation_id == organisation_id)
    if db.scalar(known) is None:
        raise InvitationError("choose the patient whose account it will be")
    if db.scalar(select(user_account.c.id).where(user_account.c.patient_id == patient_id)) is not None:
        raise InvitationError("this patient has an account already")


def invitations_of(db: Connection, organisation_id: int, now_ms: int) -> list[Invitation]:
    """The open invitations of an organisation, the newest first."""
    c = invitation.c
    query = _found().where(c.organisation_id == organisation_id, *_open(now_ms)).order_by(c.id.desc())
    return [_invitation(row) for row in db.execute(query)]


def open_invitation(db: Connection, token: str, now_ms: int) -> Invitation:
    """The invitation of a link. Raises LinkRefusedError."""
    row = db.execute(_found().where(invitation.c.token_sha256 == digest(token), *_open(now_ms))).one_or_none()
    if row is None:
        raise LinkRefusedError
    return _invitation(row)


def accept(db: Connection, token: str, *, name: str, password_hash: str, now_ms: int) -> int:
    """Make the account that a link invites to; returns its id. Works once. Raises LinkRefusedError, also where the
    address or the patient has got an account meanwhile, and AccountError for a name that cannot be used."""
    c = invitation.c
    row = db.execute(
        select(invitation).where(c.token_sha256 == digest(token), *_open(now_ms)).with_for_update()
    ).one_or_none()
    if row is None:
        raise LinkRefusedError
    taken = (user_account.c.email == row.email) | (
        user_account.c.patient_id.is_not(None) & (user_account.c.patient_id == row.patient_id)
    )
    if db.scalar(select(user_account.c.id).where(taken).limit(1)) is not None:
        raise LinkRefusedError
    plain = read_name(name)
    try:
        made = add_account(
            db,
            email=row.email,
            name=plain,
            password_hash=password_hash,
            now_ms=now_ms,
            role=Role(row.role),
            organisation_id=row.organisation_id,
            patient_id=row.patient_id,
        )
    except AccountError as error:  # made at the same time by another link
        raise LinkRefusedError from error
    db.execute(update(invitation).where(c.id == row.id).values(used_ms=now_ms))
    return made


def revoke_invitation(db: Connection, organisation_id: int, invitation_id: int, now_ms: int) -> bool:
    """Take an open invitation back; False when the organisation has no such one."""
    c = invitation.c
    found = (c.id == invitation_id) & (c.organisation_id == organisation_id)
    return db.execute(update(invitation).where(found, *_open(now_ms)).values(revoked_ms=now_ms)).rowcount > 0


def _open(now_ms: int) -> tuple[Any, ...]:
    c = invitation.c
    return c.used_ms.is_(None), c.revoked_ms.is_(None), c.expires_ms > now_ms


def _found() -> Any:
    c = invitation.c
    return (
        select(
            c.id,
            c.email,
            c.role,
            c.created_ms,
            c.expires_ms,
            patient.c.name.label("patient"),
            organisation.c.name.label("organisation"),
        )
        .join(organisation, organisation.c.id == c.organisation_id)
        .join(patient, patient.c.id == c.patient_id, isouter=True)
    )


def _invitation(row: Row[Any]) -> Invitation:
    return Invitation(row.id, row.email, Role(row.role), row.patient, row.organisation, row.created_ms, row.expires_ms)
