"""What was refused: kept for inspection, bounded, and counted by reason."""

from __future__ import annotations

import hashlib
from typing import Final

from sqlalchemy import Connection, delete, select

from server.store.tables import ingest_count, quarantine
from server.store.upsert import upsert

KEPT_PER_GATEWAY: Final = 500
_MAX_PAYLOAD: Final = 16_384
_AT_ONCE: Final = 5_000
"""More than a batch of messages can hold; whatever is left goes the next time."""


def keep(
    connection: Connection, gateway: str, kind: str, reason: str, *, detail: str, payload: str, now_ms: int
) -> bool:
    """Keep what was refused. False when exactly this had been kept before (a redelivery)."""
    # PostgreSQL has no NUL in text.
    text = payload[:_MAX_PAYLOAD].replace("\x00", "\\0")
    digest = hashlib.sha256(f"{gateway}\n{kind}\n{reason}\n{payload}".encode(errors="replace")).hexdigest()
    statement = upsert(connection, quarantine).values(
        gateway=gateway,
        kind=kind[:16],
        reason=reason[:40],
        detail=detail.replace("\x00", "\\0")[:200],
        payload=text,
        digest=digest,
        received_ms=now_ms,
    )
    kept = statement.on_conflict_do_nothing(index_elements=["digest"]).returning(quarantine.c.id)
    return connection.execute(kept).first() is not None


def count(connection: Connection, gateway: str, reason: str, by: int = 1) -> None:
    """Count `by` refusals for a reason."""
    statement = upsert(connection, ingest_count).values(gateway=gateway, reason=reason[:40], count=by)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["gateway", "reason"], set_={"count": ingest_count.c["count"] + by}
        )
    )


def trim(connection: Connection, gateway: str) -> int:
    """Drop the oldest of what is kept for a gateway beyond the bound, first of what somebody has acknowledged. How many
    went that nobody had."""
    looked_at = quarantine.c.acknowledged_ms.is_not(None)
    beyond = (
        select(quarantine.c.id, looked_at.label("looked_at"))
        .where(quarantine.c.gateway == gateway)
        .order_by(looked_at, quarantine.c.id.desc())
        .offset(KEPT_PER_GATEWAY)
    )
    gone = connection.execute(beyond.limit(_AT_ONCE)).all()
    if gone:
        connection.execute(delete(quarantine).where(quarantine.c.id.in_([row.id for row in gone])))
    return sum(not row.looked_at for row in gone)
