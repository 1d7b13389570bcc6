"""Repeating what tombstones tell on a database that does not know of it, as after a backup was restored.

The server does this before it serves, and whenever a backup is restored. Again it changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, select

from server.audit.trail import SYSTEM, Entry, append
from server.rights.erasing import count_again, erase, note
from server.rights.outstanding import complete
from server.rights.tombstones import Erased, Said, Tombstone
from server.store import reading, writing
from server.store.tables import consent, patient


@dataclass(frozen=True)
class Repeated:
    """What had to be done again: patients who were erased, and statements about consent that were noted."""

    erased: int = 0
    said: int = 0


def apply(engine: Engine, tombstones: Sequence[Tombstone], now_ms: int) -> Repeated:
    """Erase and note whatever of these the database does not know yet, a transaction each, written into the trail.
    Serve only when it has returned."""
    erased = sum(_erase(engine, stone, now_ms) for stone in tombstones if isinstance(stone, Erased))
    with writing(engine) as db:
        said = sum(_say(db, stone, now_ms) for stone in tombstones if isinstance(stone, Said))
        complete(db, now_ms)
    return Repeated(erased, said)


def _erase(engine: Engine, stone: Erased, now_ms: int) -> bool:
    with reading(engine) as db:
        patient_id = _patient(db, stone.pseudonym)
    if patient_id is None:
        with writing(engine) as db:
            note(db, stone.pseudonym, stone.worn, at_ms=stone.at_ms, actor=stone.actor, organisation_id=None)
        return False
    with writing(engine) as db:
        done = erase(db, patient_id, at_ms=stone.at_ms, actor=stone.actor, tombstones=None, told=stone.worn)
        append(db, [_entry("erase everything", stone.pseudonym, f"again, {done.rows} rows")], now_ms)
    count_again(engine, done, now_ms)
    return True


def _say(db: Connection, stone: Said, now_ms: int) -> bool:
    patient_id = _patient(db, stone.pseudonym)
    if patient_id is None:
        return False
    c = consent.c
    known = select(c.id).where(c.patient_id == patient_id, c.at_ms == stone.at_ms, c.kind == stone.kind)
    if db.execute(known).first() is not None:
        return False
    db.execute(insert(consent).values(patient_id=patient_id, at_ms=stone.at_ms, kind=stone.kind, how="restored"))
    append(db, [_entry("record consent", stone.pseudonym, f"again: {stone.kind}")], now_ms)
    return True


def _patient(db: Connection, pseudonym: str) -> int | None:
    found: int | None = db.scalar(select(patient.c.id).where(patient.c.pseudonym == pseudonym))
    return found


def _entry(act: str, pseudonym: str, detail: str) -> Entry:
    return Entry(SYSTEM, "", "", "tombstones", "", act, pseudonym, "done", detail)
