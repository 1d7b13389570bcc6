"""What an administrator should look at: raised by what takes messages in, there until somebody acknowledges it.

One is open a kind and subject, with how often it was seen; seen again after it was acknowledged, it is a new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Select, delete, func, select, text, update

from server.store.tables import alarm
from server.store.upsert import upsert

KEPT: Final = 1000
"""How many acknowledged ones are kept. Open ones are at most one a kind, gateway and clip that are known."""
LONGEST_NOTE: Final = 300


class Kind(StrEnum):
    """What was seen."""

    CONFLICT = "conflict"
    """A record came again with the same revision and other content. The first stayed."""
    NOT_ASSIGNED = "not_assigned"
    """A gateway sent records of a time at which nobody wore the clip with it."""
    REVOKED = "revoked"
    """A gateway that was disconnected goes on sending."""
    UNKNOWN_GATEWAY = "unknown_gateway"
    """Something is sent under a gateway's id that was never enrolled."""
    OVERFLOW = "overflow"
    """More was refused than is kept, so that the oldest went unseen."""
    CLOCK = "clock"
    """A gateway's clock is off."""
    FAILED = "failed"
    """A message could be read and not be stored."""
    UNREADABLE_DAY = "unreadable_day"
    """What is stored of a day cannot be read."""
    PUBLISH_REFUSED = "publish_refused"
    """The broker does not let the server send something."""


@dataclass(frozen=True)
class Alarm:
    """Times are UTC ms; `gateway` and `clip` are "" where it is not about one; `detail` is of the last time."""

    id: int
    kind: Kind
    gateway: str
    clip: str
    detail: str
    count: int
    first_ms: int
    last_ms: int
    acknowledged_ms: int | None
    acknowledged_by: str | None
    note: str | None


def raise_alarm(
    connection: Connection, kind: Kind, now_ms: int, *, gateway: str = "", clip: str = "", detail: str = "", by: int = 1
) -> None:
    """Seen `by` times more. `detail` is short and holds no names."""
    detail = detail.replace("\x00", "\\0")[:200]
    statement = upsert(connection, alarm).values(
        kind=kind, gateway=gateway, clip=clip, detail=detail, count=by, first_ms=now_ms, last_ms=now_ms
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["kind", "gateway", "clip"],
            index_where=text("acknowledged_ms IS NULL"),
            set_={"count": alarm.c["count"] + by, "last_ms": now_ms, "detail": detail},
        )
    )


def alarms(connection: Connection, gateways: Select[tuple[str]] | None = None, *, most: int = 200) -> list[Alarm]:
    """Open ones first, then those seen last, about these gateways (None: about everything)."""
    query = select(alarm).order_by(alarm.c.acknowledged_ms.is_not(None), alarm.c.last_ms.desc(), alarm.c.id.desc())
    if gateways is not None:
        query = query.where(alarm.c.gateway.in_(gateways))
    return [
        Alarm(**{**row, "kind": Kind(row["kind"])}) for row in connection.execute(query.limit(most)).mappings().all()
    ]


def open_count(connection: Connection, gateways: Select[tuple[str]] | None = None) -> int:
    """How many are open about these gateways (None: about everything)."""
    query = select(func.count()).select_from(alarm).where(alarm.c.acknowledged_ms.is_(None))
    return connection.scalar(query if gateways is None else query.where(alarm.c.gateway.in_(gateways))) or 0


def open_by_kind(connection: Connection) -> dict[Kind, int]:
    """How many are open of each kind, also of those with none."""
    rows = connection.execute(
        select(alarm.c.kind, func.count()).where(alarm.c.acknowledged_ms.is_(None)).group_by(alarm.c.kind)
    )
    found = dict(map(tuple, rows))
    return {kind: found.get(kind, 0) for kind in Kind}


def acknowledge(
    connection: Connection,
    alarm_id: int,
    *,
    by: str,
    note: str,
    now_ms: int,
    gateways: Select[tuple[str]] | None = None,
) -> bool:
    """Somebody (`by`, as the trail names them) has looked at it; False when it is not open, or not about these
    gateways. The oldest that were acknowledged go."""
    where = [alarm.c.id == alarm_id, alarm.c.acknowledged_ms.is_(None)]
    if gateways is not None:
        where.append(alarm.c.gateway.in_(gateways))
    done = connection.execute(
        update(alarm).where(*where).values(acknowledged_ms=now_ms, acknowledged_by=by, note=clean_note(note))
    )
    _trim(connection)
    return done.rowcount == 1


def clean_note(note: str) -> str:
    """A note as it is kept: in one line, no longer than its column."""
    return " ".join(note.replace("\x00", " ").split())[:LONGEST_NOTE]


def _trim(connection: Connection) -> None:
    looked_at = select(alarm.c.id).where(alarm.c.acknowledged_ms.is_not(None))
    beyond = looked_at.order_by(alarm.c.acknowledged_ms.desc(), alarm.c.id.desc()).offset(KEPT)
    gone = connection.scalars(beyond.limit(1_000)).all()
    if gone:
        connection.execute(delete(alarm).where(alarm.c.id.in_(gone)))
