"""Tombstones on a database that does not know of them: a backup from before, or a crash before the commit."""

from __future__ import annotations

import json
from contextlib import suppress

from sqlalchemy import insert, select, update

from server.audit.verifying import records, verify
from server.rights import erasing
from server.rights.restoring import Repeated, apply
from server.rights.tombstones import Erased, Said, Worn
from server.store import reading, writing
from server.store.tables import consent, epoch_hour, erasure, gateway, patient
from tests.server.rights.homes import DAY, T0, Home, counts, everything_as_text, record


def test_a_backup_from_before_the_erasure_loses_the_patient_again(home: Home) -> None:
    clip, _ = home.clips
    home.send(record("epoch", clip), record("epoch", clip, -30))
    stone = Erased(
        pseudonym="P-anna", at_ms=T0 + DAY, actor="U-1", worn=(Worn(clip="d" * 16, start_ms=T0, end_ms=T0 + DAY),)
    )
    assert apply(home.engine, [stone], T0 + 2 * DAY) == Repeated(erased=1)
    assert "Wexford" not in everything_as_text(home.engine)
    assert home.send(record("epoch", clip), record("epoch", "d" * 16, 1)) == ["withdrawn", "withdrawn"]
    with reading(home.engine) as db:
        row = db.execute(select(erasure)).one()
        assert (row.at_ms, row.actor, row.left_json) == (T0 + DAY, "U-1", "{}")
        assert json.loads(row.gone_json)["epoch_hour"] == 2
        (entry,) = records(db)
        assert (entry.actor, entry.act, entry.patient, entry.via) == ("-", "erase everything", "P-anna", "tombstones")
        assert verify(db).fault is None
    assert apply(home.engine, [stone], T0 + 3 * DAY) == Repeated()
    assert not home.tombstones.path.exists()


def test_a_backup_that_never_knew_the_patient_still_refuses_what_comes_late(home: Home) -> None:
    stone = Erased(pseudonym="P-gone", at_ms=T0, worn=(Worn(clip="d" * 16, start_ms=T0 - DAY),))
    for _ in range(2):
        assert apply(home.engine, [stone], T0 + DAY) == Repeated()
    assert home.send(record("epoch", "d" * 16, -5)) == ["withdrawn"]
    with reading(home.engine) as db:
        assert db.scalar(select(erasure.c.gone_json)) == "{}"


def test_a_crash_between_tombstone_and_commit_is_made_good(home: Home) -> None:
    home.send(record("epoch", home.clips[0]))
    before = counts(home.engine)
    with suppress(KeyboardInterrupt), writing(home.engine) as db:
        erasing.erase(db, home.anna, at_ms=T0 + DAY, actor="U-1", tombstones=home.tombstones)
        raise KeyboardInterrupt
    assert counts(home.engine) == before
    assert apply(home.engine, home.tombstones.read(), T0 + 2 * DAY) == Repeated(erased=1)
    with reading(home.engine) as db:
        assert db.scalar(select(patient.c.id).where(patient.c.id == home.anna)) is None
        assert db.scalars(select(epoch_hour.c.patient_id)).all() == []


def test_nobody_is_waited_for_who_is_revoked_in_the_backup(home: Home) -> None:
    with writing(home.engine) as db:
        db.execute(update(gateway).values(revoked_ms=1))
    apply(home.engine, [Erased(pseudonym="P-anna", at_ms=T0)], T0 + DAY)
    with reading(home.engine) as db:
        assert db.scalar(select(erasure.c.completed_ms)) == T0 + DAY


def test_a_withdrawal_is_not_lost_with_a_backup(home: Home) -> None:
    with writing(home.engine) as db:
        db.execute(insert(consent).values(patient_id=home.anna, at_ms=1, kind="given", how="spoken"))
    stones = [Said(pseudonym="P-anna", at_ms=1, kind="given"), Said(pseudonym="P-anna", at_ms=T0, kind="withdrawn")]
    assert apply(home.engine, stones, T0) == Repeated(said=1)
    assert apply(home.engine, stones, T0) == Repeated()
    assert apply(home.engine, [Said(pseudonym="P-nobody", at_ms=1, kind="withdrawn")], T0) == Repeated()
    clip, _ = home.clips
    assert home.send(record("epoch", clip, -5), now_ms=T0 + 1) == ["withdrawn"]
    apply(home.engine, [*stones, Said(pseudonym="P-anna", at_ms=T0 + DAY, kind="given")], T0 + DAY)
    day = 24 * 60
    assert home.send(record("epoch", clip, -5), record("epoch", clip, 5), record("epoch", clip, day)) == ["withdrawn"]
