"""Which records the store holds: identity and revision, to compare with what a clip or gateway says it sent."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, literal, select

from server.store import epoch_blob
from server.store.tables import clip_event, episode, epoch_hour, reminder


@dataclass(frozen=True)
class Identity:
    """A record's identity (clip, boot, judge, kind, start_ms), its revision, and what it was judged with."""

    clip: str
    boot: str
    judge: str
    kind: str
    start_ms: int
    rev: int
    utc_ms: int
    plan: int
    calibration: int


def identities_of(db: Connection, patient_id: int, start_ms: int, end_ms: int) -> list[Identity]:
    """All records of a patient that begin in [start_ms, end_ms), UTC ms, in order of time."""
    found = [*_epochs(db, patient_id, start_ms, end_ms), *_events(db, patient_id, start_ms, end_ms)]
    return sorted(found, key=lambda item: (item.utc_ms, item.kind, item.clip, item.boot, item.judge, item.start_ms))


def _epochs(db: Connection, patient_id: int, start_ms: int, end_ms: int) -> list[Identity]:
    hours = epoch_hour.c
    query = select(hours.clip, hours.blob).where(
        hours.patient_id == patient_id,
        hours.hour >= start_ms // epoch_blob.HOUR_MS,
        hours.hour <= end_ms // epoch_blob.HOUR_MS,
    )
    return [
        Identity(
            clip,
            f"{int(row['boot']):016x}",
            "gateway" if row["judge"] == epoch_blob.JUDGE_GATEWAY else "clip",
            "epoch",
            int(row["start_ms"]),
            int(row["rev"]),
            int(row["utc_ms"]),
            int(row["plan"]),
            int(row["calibration"]),
        )
        for clip, blob in db.execute(query)
        for row in epoch_blob.decode(blob)
        if start_ms <= row["utc_ms"] < end_ms
    ]


def _events(db: Connection, patient_id: int, start_ms: int, end_ms: int) -> list[Identity]:
    found: list[Identity] = []
    for table, kind in ((episode, literal("episode")), (reminder, literal("reminder")), (clip_event, None)):
        c = table.c
        query = select(
            c.clip,
            c.boot,
            c.judge,
            c.kind if kind is None else kind,
            c.start_ms,
            c.rev,
            c.utc_ms,
            c.plan,
            c.calibration,
        ).where(c.patient_id == patient_id, c.utc_ms >= start_ms, c.utc_ms < end_ms)
        found += [Identity(*row) for row in db.execute(query)]
    return found
