"""The computers of a patient as the therapist sees them: when connected, when last heard, which clips they tell of."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from gateway import messages
from server.access.clips import LINKS, STALE_MS
from server.store.tables import assignment, clip_status, enrolment, gateway, user_account


@dataclass(frozen=True)
class ComputerClip:
    """A clip that a computer tells of. `elsewhere`: somebody else wears it, so that it was not taken over."""

    clip: str
    link_words: str
    elsewhere: bool


@dataclass(frozen=True)
class Computer:
    """A gateway that was connected for a patient. Times are UTC ms; `seen_ms` is None when it was never heard."""

    gateway: str
    enrolled_ms: int
    seen_ms: int | None
    online: bool
    revoked_ms: int | None
    revoked_by: str | None
    clips: tuple[ComputerClip, ...]


def computers_of(db: Connection, patient_id: int, now_ms: int) -> list[Computer]:
    """The patient's computers, those in use first, then the newest first."""
    query = (
        select(
            gateway.c.id,
            gateway.c.created_ms,
            gateway.c.seen_ms,
            gateway.c.online,
            gateway.c.revoked_ms,
            gateway.c.status_json,
            user_account.c.name.label("revoked_by"),
        )
        .join(enrolment, enrolment.c.gateway == gateway.c.id)
        .outerjoin(user_account, user_account.c.id == enrolment.c.revoked_by)
        .where(enrolment.c.patient_id == patient_id)
        .order_by(gateway.c.created_ms.desc(), gateway.c.id)
    )
    found = []
    for row in db.execute(query):
        online = bool(row.online) and row.seen_ms is not None and now_ms - row.seen_ms < STALE_MS
        clips = _clips(db, patient_id, row.id, row.status_json, now_ms, online=online)
        found.append(Computer(row.id, row.created_ms, row.seen_ms, online, row.revoked_ms, row.revoked_by, clips))
    return sorted(found, key=lambda one: one.revoked_ms is not None)


def open_code_until(db: Connection, patient_id: int, now_ms: int) -> int | None:
    """Until when a code of this patient can still be used (UTC ms), None when there is none."""
    codes = enrolment.c
    until: int | None = db.scalar(
        select(codes.expires_ms).where(
            codes.patient_id == patient_id,
            codes.used_ms.is_(None),
            codes.voided_ms.is_(None),
            codes.expires_ms > now_ms,
        )
    )
    return until


def _clips(
    db: Connection, patient_id: int, gateway_id: str, status_json: str | None, now_ms: int, *, online: bool
) -> tuple[ComputerClip, ...]:
    told = messages.Status.model_validate_json(status_json).clips if status_json else ()
    links = {
        row.clip: row.link
        for row in db.execute(select(clip_status.c.clip, clip_status.c.link).where(clip_status.c.gateway == gateway_id))
    } | {clip.clip: clip.link for clip in told}
    worn = assignment.c
    now = db.execute(
        select(worn.clip, worn.patient_id).where(
            worn.clip.in_(sorted(links)), worn.start_ms <= now_ms, worn.end_ms.is_(None) | (worn.end_ms > now_ms)
        )
    )
    mine: set[str] = set()
    theirs: set[str] = set()
    for clip, wearer in now:
        (mine if wearer == patient_id else theirs).add(clip)
    return tuple(
        ComputerClip(
            clip,
            LINKS.get(link, link) if online else "Computer offline",
            clip in theirs and clip not in mine,
        )
        for clip, link in sorted(links.items())
        if clip in mine or any(clip == one.clip for one in told)
    )
