"""Retention: exactly what is due goes, whole local days at a time, and the trail says what."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from server.audit.trail import head
from server.audit.verifying import records, verify
from server.ingest.service import refuse
from server.rights import retention
from server.rights.nightly import Nightly
from server.rights.retention import RetentionRules, clean, next_night
from server.store import epoch_blob, reading, writing
from server.store.tables import (
    command,
    consent,
    daily,
    enrolment,
    episode,
    epoch_hour,
    patient,
    patient_zone,
    plan,
    quarantine,
)
from server.summaries.service import rebuild_stale
from tests.server.rights.homes import DAY, T0, Home, counts, record

RULES = RetentionRules(measurements=30, commands=20, refused=10, links=5)


def ms(text: str, zone: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def test_what_is_due_goes_in_whole_local_days(home: Home) -> None:
    clip, other = home.clips
    minutes = range(-20 * 60, 48 * 60, 20)
    for kind in ("epoch", "episode", "reminder", "paused"):
        assert home.send(*(record(kind, clip, minute) for minute in minutes)) == []
    assert home.send(record("episode", clip, 9000, utc_ms=None), now_ms=T0) == []
    assert (
        home.send(*(record("epoch", other, minute, utc_ms=T0 + minute * 60_000) for minute in minutes), gateway=1) == []
    )
    while rebuild_stale(home.engine, T0 + 3 * DAY):
        pass
    now = T0 + 30 * DAY + 5 * 3_600_000
    cut = {"Europe/Berlin": "", "Asia/Kolkata": ""}
    for zone in cut:
        cut[zone] = datetime.fromtimestamp((now - 30 * DAY) / 1000, ZoneInfo(zone)).date().isoformat()
    assert clean(home.engine, RULES, now) > 0
    with reading(home.engine) as db:
        for patient_id, zone in ((home.anna, "Europe/Berlin"), (home.bert, "Asia/Kolkata")):
            times = [
                int(row["utc_ms"])
                for blob in db.scalars(select(epoch_hour.c.blob).where(epoch_hour.c.patient_id == patient_id))
                for row in epoch_blob.decode(blob)
            ]
            begin = ms(cut[zone], zone)
            assert {at for at in times if at >= begin} == {
                T0 + minute * 60_000 for minute in minutes if T0 + minute * 60_000 >= begin
            }
            assert min(times) > begin - 3_600_000
            days = db.scalars(select(daily.c.date).where(daily.c.patient_id == patient_id)).all()
            assert min(days) == cut[zone]
        left = db.scalars(select(episode.c.utc_ms)).all()
        assert None not in left
        assert min(at for at in left if at is not None) >= ms(cut["Europe/Berlin"], "Europe/Berlin")
        told = list(records(db))
        assert verify(db).fault is None
    assert {(one.actor, one.act, one.via, one.outcome) for one in told} == {
        ("-", "delete what is due", "retention", "done")
    }
    assert clean(home.engine, RULES, now) == 0


def test_days_are_cut_where_the_patient_lived_then(home: Home) -> None:
    """They have moved since: by the zone they live in now the day of then would begin in the middle of a day."""
    clip, _ = home.clips
    moved, cut = T0 + 10 * DAY, ms("2026-09-22", "Europe/Berlin")
    with writing(home.engine) as db:
        for start, zone in ((0, "Europe/Berlin"), (moved, "Pacific/Auckland")):
            db.execute(insert(patient_zone).values(patient_id=home.anna, start_ms=start, zone=zone, created_ms=moved))
        db.execute(update(patient).where(patient.c.id == home.anna).values(zone="Pacific/Auckland"))
    assert home.send(*(record("episode", clip, minute) for minute in range(-1440, 2880, 60))) == []
    while rebuild_stale(home.engine, moved):
        pass
    clean(home.engine, RULES, cut + 30 * DAY + 13 * 3_600_000)
    with reading(home.engine) as db:
        left = sorted(at for at in db.scalars(select(episode.c.utc_ms)) if at is not None)
        assert min(db.scalars(select(daily.c.date))) == "2026-09-22"
    assert cut <= left[0] < cut + 3_600_000


def test_the_trail_says_exactly_what_went(home: Home) -> None:
    clip, _ = home.clips
    home.send(*(record(kind, clip, minute) for kind in ("epoch", "episode", "reminder") for minute in range(5)))
    before = counts(home.engine)
    gone = clean(home.engine, RULES, T0 + 40 * DAY)
    after = counts(home.engine)
    told: dict[str, int] = {}
    with reading(home.engine) as db:
        for entry in records(db):
            for part in entry.detail.split(", "):
                name, count = part.split(" ")
                told[name] = told.get(name, 0) + int(count)
    assert told == {name: before[name] - after.get(name, 0) for name in before if before[name] != after.get(name, 0)}
    assert gone == sum(told.values())


def test_it_goes_in_bounded_batches_and_can_be_stopped(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 7)
    clip, _ = home.clips
    home.send(*(record("episode", clip, minute) for minute in range(20)))
    calls = iter([False, False, True])
    assert clean(home.engine, RULES, T0 + 40 * DAY, lambda: next(calls, True)) == 15
    with reading(home.engine) as db:
        assert [entry.detail for entry in records(db)] == ["episode 7, stale_day 1", "episode 7"]
    assert clean(home.engine, RULES, T0 + 40 * DAY) == 6


def test_each_kind_has_its_own_time(home: Home) -> None:
    with writing(home.engine) as db:
        for number, age in enumerate((4, 6, 19, 21)):
            at = T0 - age * DAY
            db.execute(insert(command).values(id=str(number), clip="a" * 16, patient_id=home.anna, kind="pause",
                                              created_ms=at, expires_ms=at))  # fmt: skip
            db.execute(insert(enrolment).values(code_hash=str(number), patient_id=home.anna, created_ms=at,
                                                expires_ms=at))  # fmt: skip
        db.execute(insert(consent).values(patient_id=home.anna, at_ms=1, kind="given", how="spoken"))
        db.execute(insert(plan).values(patient_id=home.anna, version=1, body_json="{}", reason="x", created_ms=1))
    for age in (9, 11):
        refuse(home.engine, "", "live", str(age).encode(), problem="half", now_ms=T0 - age * DAY)
    clean(home.engine, RULES, T0)
    with reading(home.engine) as db:
        assert db.scalars(select(command.c.id).order_by(command.c.id)).all() == ["0", "1", "2"]
        assert set(db.scalars(select(enrolment.c.code_hash))) == {"0", *(name * 4 for name in home.gateways)}
        assert db.scalars(select(quarantine.c.payload)).all() == ["9"]
        assert db.scalar(select(func.count()).select_from(consent)) == 1
        assert db.scalar(select(func.count()).select_from(plan)) == 1


def test_by_default_six_years_are_kept(home: Home) -> None:
    home.send(record("episode", home.clips[0]))
    assert clean(home.engine, RetentionRules(), T0 + 6 * 365 * DAY) == 0
    assert clean(home.engine, RetentionRules(), T0 + 2194 * DAY) > 0


@given(st.integers(0, 4_000_000_000_000))
def test_the_next_night_is_two_o_clock_and_within_a_day(now_ms: int) -> None:
    night = next_night(now_ms)
    assert now_ms < night <= now_ms + DAY
    assert datetime.fromtimestamp(night / 1000, UTC).strftime("%H:%M:%S") == "02:00:00"


def test_each_night_the_log_says_where_the_audit_ends(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """So that a trail that was made anew afterwards does not fit."""
    caplog.set_level(logging.INFO)
    home.send(record("episode", home.clips[0]))
    Nightly(home.engine, lambda: T0 + 40 * DAY, RULES).step()
    with reading(home.engine) as db:
        newest = head(db)
    assert newest.number > 0
    assert f"ends at entry {newest.number}, whose hash is {newest.hash}" in caplog.text


def test_it_cleans_when_it_starts_and_each_night(home: Home) -> None:
    now = [T0 + 40 * DAY]
    nightly = Nightly(home.engine, lambda: now[0], RULES)
    home.send(record("episode", home.clips[0]))
    assert nightly.step() > 0
    home.send(record("episode", home.clips[0]))
    assert nightly.step() == 0
    now[0] = next_night(now[0]) - 1
    assert nightly.step() == 0
    now[0] += 1
    assert nightly.step() > 0
    nightly.start()
    nightly.stop()
