"""Looking at what was refused: entries, how many there are and how many came since, and acknowledging them.

What is shown holds identifiers only. The payload itself is measurements of somebody, and so asked for by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, delete, func, select, true, update

from server.ingest.alarms import clean_note
from server.store.tables import assignment, enrolment, gateway, ingest_count, patient, quarantine

Scope = Select[tuple[str]]
"""Ids of the gateways that somebody may be told about."""
MOST: Final = 200


@dataclass(frozen=True)
class Entry:
    """Something that was refused, without its content. Times are UTC ms; `gateway` is "" for senders not known."""

    id: int
    gateway: str
    kind: str
    reason: str
    detail: str
    bytes: int
    received_ms: int
    acknowledged_ms: int | None
    acknowledged_by: str | None
    note: str | None


@dataclass(frozen=True)
class Tally:
    """How often something was refused for a reason, in all and since somebody last acknowledged one of them."""

    gateway: str
    reason: str
    count: int
    since: int
    noted_ms: int | None


def gateways_of(organisation_id: int) -> Scope:
    """The gateways that have told, or may tell, of patients of this organisation and of no other."""
    here = _telling_of(patient.c.organisation_id == organisation_id)
    elsewhere = _telling_of(patient.c.organisation_id != organisation_id)
    return select(gateway.c.id).where(gateway.c.id.in_(here), gateway.c.id.not_in(elsewhere))


def _telling_of(whom: ColumnElement[bool]) -> Any:
    worn = select(assignment.c.gateway).join(patient, patient.c.id == assignment.c.patient_id)
    connected = select(enrolment.c.gateway).join(patient, patient.c.id == enrolment.c.patient_id)
    return worn.where(assignment.c.gateway.is_not(None), whom).union(
        connected.where(enrolment.c.gateway.is_not(None), whom)
    )


def entries(connection: Connection, scope: Scope | None = None, *, most: int = MOST) -> list[Entry]:
    """What is kept, not acknowledged first, then the newest first."""
    c = quarantine.c
    query = (
        select(
            c.id,
            c.gateway,
            c.kind,
            c.reason,
            c.detail,
            func.length(c.payload).label("bytes"),
            c.received_ms,
            c.acknowledged_ms,
            c.acknowledged_by,
            c.note,
        )
        .where(_within(c.gateway, scope))
        .order_by(c.acknowledged_ms.is_not(None), c.id.desc())
        .limit(most)
    )
    return [Entry(**row) for row in connection.execute(query).mappings()]


def tallies(connection: Connection, scope: Scope | None = None) -> list[Tally]:
    """Counts by gateway and reason, of all that was ever refused."""
    c = ingest_count.c
    query = (
        select(c.gateway, c.reason, c["count"], (c["count"] - c.noted).label("since"), c.noted_ms)
        .where(_within(c.gateway, scope))
        .order_by(c.gateway, c.reason)
    )
    return [Tally(**row) for row in connection.execute(query).mappings()]


def payload_of(connection: Connection, entry_id: int, scope: Scope | None = None) -> str | None:
    """The content of an entry as it came, cut to a bound; None when there is no such entry here."""
    found: str | None = connection.scalar(
        select(quarantine.c.payload).where(quarantine.c.id == entry_id, _within(quarantine.c.gateway, scope))
    )
    return found


def acknowledge(
    connection: Connection, entry_id: int, *, by: str, note: str, now_ms: int, scope: Scope | None = None
) -> bool:
    """Somebody (`by`, as the trail names them) has looked at it; what is refused for the same reason from now on counts
    as new. False when there is no such entry here. Again changes who, when and the note."""
    done = connection.execute(
        update(quarantine)
        .where(quarantine.c.id == entry_id, _within(quarantine.c.gateway, scope))
        .values(acknowledged_ms=now_ms, acknowledged_by=by, note=clean_note(note))
        .returning(quarantine.c.gateway, quarantine.c.reason)
    ).one_or_none()
    if done is None:
        return False
    connection.execute(
        update(ingest_count)
        .where(ingest_count.c.gateway == done.gateway, ingest_count.c.reason == done.reason)
        .values(noted=ingest_count.c["count"], noted_ms=now_ms)
    )
    return True


def forget(connection: Connection, entry_ids: list[int]) -> int:
    """Delete entries with their content; the counts stay. How many there were."""
    return connection.execute(delete(quarantine).where(quarantine.c.id.in_(entry_ids))).rowcount


def _within(column: ColumnElement[str], scope: Scope | None) -> ColumnElement[bool]:
    return true() if scope is None else column.in_(scope)
