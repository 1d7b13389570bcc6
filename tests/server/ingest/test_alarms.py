"""What somebody should look at is raised, counted, shown to whom it concerns, acknowledged, and bounded."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, select, text, update

from gateway import messages
from server.ingest import alarms, inspecting, quarantine
from server.ingest.alarms import Alarm, Kind, raise_alarm
from server.ingest.clocks import AHEAD_MS, BEHIND_MS, watch_clock
from server.ingest.enrolment import assign_clip, enrol_gateway, enrol_patient
from server.ingest.service import refuse, settle, settle_all
from server.store import reading, writing
from server.store.tables import alarm, assignment, gateway, ingest_count
from server.store.tables import quarantine as kept
from tests.server.ingest.conftest import T0, make_batch, make_record
from tests.server.ingest.test_settle import everything

Batch = Callable[..., messages.Records]


def raised(engine: Engine) -> list[tuple[str, str, str, int]]:
    with reading(engine) as db:
        return sorted((one.kind, one.gateway, one.clip, one.count) for one in alarms.alarms(db))


def first(engine: Engine) -> Alarm:
    with reading(engine) as db:
        return alarms.alarms(db)[0]


def test_a_conflict_is_raised_once_for_what_is_kept_once(clinic: Any) -> None:
    home, clip = clinic.gateways[0], clinic.clips[0]
    settle(clinic.engine, home, make_batch(make_record("episode")), T0)
    for now_ms in (T0 + 1, T0 + 2):  # a redelivery is no news
        settle(clinic.engine, home, make_batch(make_record("episode", peak_deg=30.0)), now_ms)
    assert raised(clinic.engine) == [("conflict", home, clip, 1)]
    settle(clinic.engine, home, make_batch(make_record("episode", peak_deg=31.0)), T0 + 3)
    assert raised(clinic.engine) == [("conflict", home, clip, 2)]
    one = first(clinic.engine)
    assert (one.first_ms, one.last_ms, one.acknowledged_ms) == (T0 + 1, T0 + 3, None)


def test_who_writes_for_others_is_raised_without_taking_invented_clips_for_subjects(clinic: Any) -> None:
    home, clip = clinic.gateways[1], clinic.clips[0]
    records = [make_record("episode", n, clip=f"{n:016x}") for n in range(1, 4)]
    settle(clinic.engine, home, make_batch(make_record("epoch"), *records), T0)
    assert raised(clinic.engine) == [("not_assigned", home, "", 3), ("not_assigned", home, clip, 1)]
    with writing(clinic.engine) as db:
        db.execute(update(gateway).where(gateway.c.id == home).values(revoked_ms=1))
    settle(clinic.engine, home, make_batch(make_record("epoch", 9)), T0)
    assert ("revoked", home, clip, 1) in raised(clinic.engine)


def test_what_a_clip_brings_along_from_before_is_refused_without_an_alarm(clinic: Any) -> None:
    early = make_record("boot", 0, utc_ms=T0 - 86_400_001)
    ack = settle(clinic.engine, clinic.gateways[0], make_batch(early, make_record("boot", 1)), T0)
    assert [(row.n, row.reason) for row in ack.rejected] == [(1, "not_assigned")]
    assert raised(clinic.engine) == []
    with reading(clinic.engine) as db:
        assert [one.reason for one in inspecting.entries(db)] == ["not_assigned"], "it is kept and counted all the same"


def test_inventing_gateways_makes_one_alarm(clinic: Any) -> None:
    for number in range(5):
        settle(clinic.engine, f"{number:016x}", make_batch(make_record("epoch", number)), T0)
    assert raised(clinic.engine) == [("unknown_gateway", "", "", 5)]


def test_what_is_dropped_unseen_is_raised_and_what_was_acknowledged_goes_first(
    clinic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "KEPT_PER_GATEWAY", 3)
    home, engine = clinic.gateways[0], clinic.engine
    for number in range(3):
        refuse(engine, home, "records", b"%d" % number, problem="no JSON", now_ms=T0)
    with writing(engine) as db:
        newest = inspecting.entries(db)[0]
        assert inspecting.acknowledge(db, newest.id, by="U-1", note=" seen\nit ", now_ms=T0 + 1)
    refuse(engine, home, "records", b"3", problem="no JSON", now_ms=T0)
    assert raised(engine) == []
    with reading(engine) as db:
        assert sorted(db.scalars(select(kept.c.payload))) == ["0", "1", "3"]
    refuse(engine, home, "records", b"4", problem="no JSON", now_ms=T0)
    assert raised(engine) == [("overflow", home, "", 1)]
    with reading(engine) as db:
        assert sorted(db.scalars(select(kept.c.payload))) == ["1", "3", "4"]


def test_what_fails_for_a_reason_of_ours_is_told_apart(clinic: Any) -> None:
    refuse(clinic.engine, clinic.gateways[0], "records", b"{}", problem="ValueError", now_ms=T0, ours=True)
    assert raised(clinic.engine) == [("failed", clinic.gateways[0], "", 1)]
    with reading(clinic.engine) as db:
        (entry,) = inspecting.entries(db)
        assert (entry.reason, entry.detail, entry.bytes, entry.received_ms) == ("failed", "ValueError", 2, T0)


@pytest.mark.parametrize(
    ("off_ms", "words"),
    [
        (0, None),
        (AHEAD_MS, None),
        (AHEAD_MS + 1, "2 min ahead"),
        (-BEHIND_MS, None),
        (-BEHIND_MS - 1, "15 min behind"),
        (-7 * 3_600_000, "7 h behind"),
        (90 * 86_400_000, "90 days ahead"),
    ],
)
def test_a_clock_that_is_off(clinic: Any, off_ms: int, words: str | None) -> None:
    with writing(clinic.engine) as db:
        watch_clock(db, clinic.gateways[0], T0 + off_ms, T0)
    with reading(clinic.engine) as db:
        assert [one.detail for one in alarms.alarms(db)] == ([] if words is None else [words])


def test_an_acknowledged_alarm_stays_and_the_next_time_is_another(clinic: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, home = clinic.engine, clinic.gateways[0]
    with writing(engine) as db:
        raise_alarm(db, Kind.CLOCK, 5, gateway=home, detail="1 h ahead", by=3)
        raise_alarm(db, Kind.CLOCK, 6, gateway=home, detail="2 h\x00 ahead")
    one = first(engine)
    assert (one.count, one.first_ms, one.last_ms, one.detail) == (4, 5, 6, "2 h\\0 ahead")
    with writing(engine) as db:
        assert alarms.acknowledge(db, one.id, by="U-3", note="set\x00 right", now_ms=7)
        assert not alarms.acknowledge(db, one.id, by="U-4", note="", now_ms=8)
        assert not alarms.acknowledge(db, one.id + 1, by="U-4", note="", now_ms=8)
        assert alarms.open_count(db) == 0
        raise_alarm(db, Kind.CLOCK, 9, gateway=home)
        assert alarms.open_by_kind(db) == {kind: int(kind is Kind.CLOCK) for kind in Kind}
    with reading(engine) as db:
        told = [(row.count, row.acknowledged_by, row.note) for row in alarms.alarms(db)]
    assert told == [(1, None, None), (4, "U-3", "set right")]
    monkeypatch.setattr(alarms, "KEPT", 2)
    for now_ms in range(10, 15):
        with writing(engine) as db:
            raise_alarm(db, Kind.CLOCK, now_ms, gateway=home)
            assert alarms.acknowledge(db, alarms.alarms(db)[0].id, by="U-3", note="", now_ms=now_ms)
    with reading(engine) as db:
        assert sorted(one.last_ms for one in alarms.alarms(db)) == [13, 14]


def test_counts_begin_anew_when_one_of_them_was_acknowledged(clinic: Any) -> None:
    engine, home = clinic.engine, clinic.gateways[0]
    for number in range(4):
        settle(engine, home, make_batch({"kind": "?", "n": number}), T0)
    with writing(engine) as db:
        entry = inspecting.entries(db)[0]
        assert inspecting.acknowledge(db, entry.id, by="-", note="", now_ms=T0 + 5)
        (tally,) = inspecting.tallies(db)
        assert (tally.reason, tally.count, tally.since, tally.noted_ms) == ("malformed", 4, 0, T0 + 5)
    settle(engine, home, make_batch({"kind": "?", "n": 9}), T0)
    with writing(engine) as db:
        (tally,) = inspecting.tallies(db)
        assert (tally.count, tally.since) == (5, 1)
        assert [one.acknowledged_by for one in inspecting.entries(db)] == [None] * 4 + ["-"]
        assert inspecting.payload_of(db, entry.id) == '{"kind": "?", "n": 3}'
        assert inspecting.forget(db, [entry.id, 987]) == 1
        assert inspecting.payload_of(db, entry.id) is None
        assert not inspecting.acknowledge(db, entry.id, by="-", note="", now_ms=1)
        assert inspecting.tallies(db)[0].count == 5


def test_an_organisation_is_told_of_its_own_gateways_alone(engine: Engine) -> None:
    from server.people.organisations import create_organisation

    other = create_organisation(engine, "Other", 0)
    ours = enrol_patient(engine, name="A", zone="UTC", now_ms=0)
    theirs = enrol_patient(engine, name="B", zone="UTC", now_ms=0, organisation_id=other)
    names = {"ours": "1" * 16, "theirs": "2" * 16, "both": "3" * 16, "nobodys": "4" * 16}
    for gateway_id in names.values():
        enrol_gateway(engine, gateway_id, name="x", now_ms=0)
    for clip, patient_id, name in (
        ("a", ours, "ours"),
        ("b", theirs, "theirs"),
        ("c", ours, "both"),
        ("d", theirs, "both"),
    ):
        assign_clip(engine, clip * 16, patient_id, start_ms=0, now_ms=0, gateway_id=names[name])
    for gateway_id in (*names.values(), ""):
        refuse(engine, gateway_id, "records", b"x", problem="x", now_ms=T0, ours=True)
    with writing(engine) as db:
        for organisation_id, name in ((1, "ours"), (other, "theirs")):
            scope = inspecting.gateways_of(organisation_id)
            assert [one.gateway for one in alarms.alarms(db, scope)] == [names[name]]
            assert [one.gateway for one in inspecting.entries(db, scope)] == [names[name]]
            assert [one.gateway for one in inspecting.tallies(db, scope)] == [names[name]]
            assert alarms.open_count(db, scope) == 1
        everybody = {one.gateway: one.id for one in inspecting.entries(db)}
        scope = inspecting.gateways_of(other)
        for name in ("ours", "both", "nobodys"):
            assert inspecting.payload_of(db, everybody[names[name]], scope) is None
            assert not inspecting.acknowledge(db, everybody[names[name]], by="U-1", note="", now_ms=1, scope=scope)
        numbers = {row.gateway: row.id for row in db.execute(select(alarm))}
        assert not alarms.acknowledge(db, numbers[names["ours"]], by="U-1", note="", now_ms=1, gateways=scope)
        assert alarms.acknowledge(db, numbers[names["theirs"]], by="U-1", note="", now_ms=1, gateways=scope)


def test_workers_that_take_in_and_refuse_at_once_agree_and_never_wait_for_each_other_in_a_circle(clinic: Any) -> None:
    """Four threads, two gateways, in every order: the same rows, counts and alarms as one after the other."""
    engine = clinic.engine
    told: list[tuple[str, messages.Records]] = []
    for number in range(12):
        for which in (0, 1):
            records = [
                make_record("epoch", number, clip=clinic.clips[which]),
                make_record("episode", number, clip=clinic.clips[which]),
                make_record("episode", number, clip=clinic.clips[1 - which]),  # not this gateway's
                {"kind": "?", "number": number},
            ]
            told.append((clinic.gateways[which], make_batch(*records)))
    start = Barrier(4)

    def work(seed: int) -> None:
        mine = random.Random(seed).sample(told, len(told))
        start.wait()
        for at in range(0, len(mine), 6):
            settle_all(engine, mine[at : at + 6], T0)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [None] * 4
    assert {name: len(rows) for name, rows in everything(engine).items()} == {
        "epoch_hour": 2, "unplaced_epoch": 0, "episode": 24, "reminder": 0, "clip_event": 0, "unreadable": 0,
        "stale": 2,
    }  # fmt: skip
    c = ingest_count.c
    with reading(engine) as db:
        counts = {(row.gateway, row.reason): row[2] for row in db.execute(select(c.gateway, c.reason, c["count"]))}
    assert counts == {(name, reason): 12 for name in clinic.gateways for reason in ("malformed", "not_assigned")}
    assert raised(engine) == [("not_assigned", clinic.gateways[which], clinic.clips[1 - which], 12) for which in (0, 1)]


def test_what_is_assigned_while_a_batch_waits_counts(clinic: Any) -> None:
    """A batch that comes while its clip changes hands is settled by what the change says, not by what was before."""
    engine, home, clip = clinic.engine, clinic.gateways[0], clinic.clips[0]
    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as db:
            db.execute(update(assignment).where(assignment.c.clip == clip).values(end_ms=T0))
            db.execute(assignment.insert().values(clip=clip, gateway=home, patient_id=clinic.bert, start_ms=T0))
            waiting = pool.submit(settle, engine, home, make_batch(make_record("episode", 5)), T0)
            if engine.dialect.name == "postgresql":
                wait_for_a_lock(engine)
        assert waiting.result().rejected == ()
    with reading(engine) as db:
        owner = db.scalars(text("SELECT patient_id FROM episode")).all()
    assert owner == [clinic.bert]


def wait_for_a_lock(engine: Engine) -> None:
    """Until another connection waits for a row of this database."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(100_000):
        with reading(engine) as db:
            if db.scalar(query):
                return
    pytest.fail("nobody waits")
