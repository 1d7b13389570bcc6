"""Settling: exactly once in effect, exact acknowledgements, patients kept apart, nothing lost."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import OperationalError

from gateway import messages
from server.audit.trail import Entry, append
from server.ingest import quarantine as quarantining
from server.ingest import service
from server.ingest.enrolment import assign_clip
from server.ingest.service import refuse, settle, settle_all
from server.store import epoch_blob, reading, writing
from server.store.tables import (
    clip_event,
    episode,
    epoch_hour,
    gateway,
    ingest_count,
    patient,
    quarantine,
    reminder,
    stale_day,
    unplaced_epoch,
    unreadable,
)
from tests.plugins.databases import commits

Make = Callable[..., dict[str, Any]]
Batch = Callable[..., messages.Records]
HOUR = 3_600_000


def everything(engine: Engine) -> dict[str, Any]:
    """What is stored, apart from when and how it came."""
    tables = (epoch_hour, unplaced_epoch, episode, reminder, clip_event, unreadable)
    with reading(engine) as connection:
        out: dict[str, Any] = {}
        for table in tables:
            columns = [column for column in table.c if column.name not in ("id", "received_ms", "gateway")]
            out[table.name] = sorted(map(tuple, connection.execute(select(*columns))), key=repr)
        out["stale"] = sorted(map(tuple, connection.execute(select(stale_day.c.patient_id, stale_day.c.date))))
    return out


def epochs(engine: Engine, patient_id: int) -> list[bytes]:
    with reading(engine) as connection:
        blobs = connection.scalars(
            select(epoch_hour.c.blob).where(epoch_hour.c.patient_id == patient_id).order_by(epoch_hour.c.hour)
        )
        return [row for blob in blobs for row in epoch_blob.rows_of(epoch_blob.decode(blob))]


def one_of_each(make: Make) -> list[dict[str, Any]]:
    return [
        make("epoch", 0),
        make("epoch", 1, judge="clip"),
        make("epoch", 59),
        make("epoch", 60),
        make("epoch", 7, utc_ms=None),
        make("episode", 3),
        make("episode", 3, judge="clip"),
        make("reminder", 4),
        make("boot", 0),
        make("paused", 0),
        make("low_battery", 9, utc_ms=None),
        make("unreadable", 5),
    ]


def test_the_acknowledgement_names_exactly_the_rows_of_the_message(clinic: Any, make: Make, batch: Batch) -> None:
    message = batch(*one_of_each(make), first=40)
    ack = settle(clinic.engine, clinic.gateways[0], message, clinic.t0)
    assert ack == messages.Ack(schema="ack/1", spool=message.spool, first=40, last=51)
    stored = everything(clinic.engine)
    counts = {name: len(rows) for name, rows in stored.items()}
    assert counts == {
        "epoch_hour": 2,
        "unplaced_epoch": 1,
        "episode": 2,
        "reminder": 1,
        "clip_event": 3,
        "unreadable": 1,
        "stale": 1,
    }
    assert [epoch_blob.start_of(row) // 60_000 for row in epochs(clinic.engine, clinic.anna)] == [0, 1, 59, 60]
    with reading(clinic.engine) as connection:
        seen = connection.scalar(select(gateway.c.seen_ms).where(gateway.c.id == clinic.gateways[0]))
    assert seen == clinic.t0


def test_a_redelivery_changes_nothing(clinic: Any, make: Make, batch: Batch) -> None:
    message = batch(*one_of_each(make))
    first = settle(clinic.engine, clinic.gateways[0], message, clinic.t0)
    stored = everything(clinic.engine)
    with writing(clinic.engine) as connection:
        connection.execute(stale_day.delete())
    assert settle(clinic.engine, clinic.gateways[0], message, clinic.t0 + 5) == first
    assert everything(clinic.engine) == {**stored, "stale": []}
    with reading(clinic.engine) as connection:
        assert dict(map(tuple, connection.execute(select(ingest_count.c.reason, ingest_count.c.count)))) == {
            "unreadable": 1
        }


@pytest.mark.parametrize("seed", range(6))
def test_any_order_repetition_and_split_ends_the_same(clinic: Any, make: Make, batch: Batch, seed: int) -> None:
    told = one_of_each(make)
    told += [
        make("epoch", 0, rev=2, codes="2" * 60),
        make("epoch", 59, rev=3, utc_ms=clinic.t0 + HOUR + 5, codes="9" * 60),  # moved into the next hour
        make("epoch", 7, utc_ms=clinic.t0 + 7 * 60_000),  # could be placed after all
        make("reminder", 4, rev=2, response="prompt", response_ms=4_000),
        make("episode", 3, rev=2, duration_ms=70_000),
        make("low_battery", 9),
        make("boot", 0, utc_ms=clinic.t0 + 3, utc_error_ms=5),  # placed again, with more certainty
    ]
    settle(clinic.engine, clinic.gateways[0], batch(*told), clinic.t0)
    expected = everything(clinic.engine)
    with writing(clinic.engine) as connection:
        for table in (epoch_hour, unplaced_epoch, episode, reminder, clip_event, unreadable, stale_day):
            connection.execute(table.delete())

    chance = random.Random(seed)
    deliveries = told * 2
    chance.shuffle(deliveries)
    while deliveries:
        size = chance.randint(1, 8)
        ack = settle(clinic.engine, clinic.gateways[0], batch(*deliveries[:size]), clinic.t0)
        assert not ack.rejected
        del deliveries[:size]
    assert everything(clinic.engine) == expected
    assert [epoch_blob.start_of(row) // 60_000 for row in epochs(clinic.engine, clinic.anna)] == [0, 1, 7, 60, 59]


@pytest.mark.parametrize(
    ("kind", "change"), [("epoch", {"codes": "9" * 60}), ("episode", {"peak_deg": 23.0}), ("boot", {"value": 8})]
)
def test_other_content_under_the_same_rev_is_quarantined_and_the_first_stays(
    clinic: Any, make: Make, batch: Batch, kind: str, change: dict[str, Any]
) -> None:
    settle(clinic.engine, clinic.gateways[0], batch(make(kind)), clinic.t0)
    stored = everything(clinic.engine)
    for _ in range(2):  # kept and counted once, however often it comes
        ack = settle(clinic.engine, clinic.gateways[0], batch(make("boot", 1), make(kind, **change)), clinic.t0)
        assert ack.rejected == (messages.Rejected(n=2, reason="conflict"),)
    with reading(clinic.engine) as connection:
        kept = connection.execute(select(quarantine)).mappings().one()
        assert (kept["reason"], kept["kind"], kept["gateway"]) == ("conflict", kind, clinic.gateways[0])
        assert str(next(iter(change.values()))) in kept["payload"]
        assert connection.scalar(select(ingest_count.c.count)) == 1
    assert {name: rows for name, rows in everything(clinic.engine).items() if name != "clip_event"} == {
        name: rows for name, rows in stored.items() if name != "clip_event"
    }


def test_a_lower_rev_changes_nothing(clinic: Any, make: Make, batch: Batch) -> None:
    settle(clinic.engine, clinic.gateways[0], batch(make("epoch", rev=3), make("reminder", rev=2)), clinic.t0)
    stored = everything(clinic.engine)
    message = batch(make("epoch", rev=2, codes="0" * 60), make("reminder", rev=1, angle_deg=1.0))
    assert settle(clinic.engine, clinic.gateways[0], message, clinic.t0).rejected == ()
    assert everything(clinic.engine) == stored


def test_two_in_one_message_are_told_in_order(clinic: Any, make: Make, batch: Batch) -> None:
    message = batch(make("epoch"), make("epoch", rev=2, codes="9" * 60), make("epoch", rev=2))
    ack = settle(clinic.engine, clinic.gateways[0], message, clinic.t0)
    assert [(row.n, row.reason) for row in ack.rejected] == [(3, "conflict")]
    assert [epoch_blob.rev(row) for row in epochs(clinic.engine, clinic.anna)] == [2]


@pytest.mark.parametrize("kind", ["episode", "reminder", "boot"])
def test_two_events_in_one_message_are_told_in_order(clinic: Any, make: Make, batch: Batch, kind: str) -> None:
    records = [make(kind, rev=1), make(kind, rev=1), make(kind, rev=1, calibration=9), make(kind, rev=0, calibration=8)]
    ack = settle(clinic.engine, clinic.gateways[0], batch(*records), clinic.t0)
    assert [(row.n, row.reason) for row in ack.rejected] == [(3, "conflict")]


def test_a_gateway_writes_only_for_clips_assigned_to_it(clinic: Any, make: Make, batch: Batch) -> None:
    other = settle(clinic.engine, clinic.gateways[1], batch(make("epoch"), make("unreadable", 1)), clinic.t0)
    assert [row.reason for row in other.rejected] == ["not_assigned", "not_assigned"]
    stranger = settle(clinic.engine, "9" * 16, batch(make("epoch")), clinic.t0)
    assert [row.reason for row in stranger.rejected] == ["not_assigned"]
    with writing(clinic.engine) as connection:
        connection.execute(update(gateway).where(gateway.c.id == clinic.gateways[0]).values(revoked_ms=clinic.t0))
    revoked = settle(clinic.engine, clinic.gateways[0], batch(make("epoch")), clinic.t0)
    assert [row.reason for row in revoked.rejected] == ["revoked"]
    assert not any(rows for rows in everything(clinic.engine).values())
    with reading(clinic.engine) as connection:
        assert set(connection.scalars(select(quarantine.c.gateway))) == {clinic.gateways[0], clinic.gateways[1], ""}


def test_a_clip_that_changes_hands_writes_for_whoever_wore_it_then(clinic: Any, make: Make, batch: Batch) -> None:
    change = clinic.t0 + 10 * 60_000
    assign_clip(
        clinic.engine, clinic.clips[0], clinic.bert, start_ms=change, now_ms=change, gateway_id=clinic.gateways[0]
    )
    message = batch(make("epoch", 9), make("epoch", 10), make("episode", 9), make("episode", 10))
    assert not settle(clinic.engine, clinic.gateways[0], message, change).rejected
    assert [epoch_blob.start_of(row) // 60_000 for row in epochs(clinic.engine, clinic.anna)] == [9]
    assert [epoch_blob.start_of(row) // 60_000 for row in epochs(clinic.engine, clinic.bert)] == [10]
    with reading(clinic.engine) as connection:
        owners = connection.execute(select(episode.c.patient_id).order_by(episode.c.start_ms)).scalars().all()
    assert owners == [clinic.anna, clinic.bert]
    unplaced = settle(clinic.engine, clinic.gateways[0], batch(make("boot", 3, utc_ms=None)), change)
    assert [row.reason for row in unplaced.rejected] == ["not_assigned"]  # it could be either's


def test_unreadable_rows_are_rejected_by_themselves(clinic: Any, make: Make, batch: Batch) -> None:
    message = batch(make("epoch"), {"kind": "epoch"}, {"kind": "?"}, {}, make("epoch", 1, codes="z"), make("epoch", 2))
    ack = settle(clinic.engine, clinic.gateways[0], message, clinic.t0)
    assert [row.n for row in ack.rejected] == [2, 3, 4, 5]
    assert all(row.reason.startswith("malformed: ") for row in ack.rejected)
    assert len(epochs(clinic.engine, clinic.anna)) == 2


@pytest.mark.parametrize("utc_ms", [0, 900_000_000_000, 4_102_444_800_000, 2**53 - 1])
def test_a_time_that_no_clock_tells_is_rejected(clinic: Any, make: Make, batch: Batch, utc_ms: int) -> None:
    ack = settle(clinic.engine, clinic.gateways[0], batch(make("epoch", utc_ms=utc_ms)), clinic.t0)
    assert [row.reason for row in ack.rejected] == ["implausible_time"]


def test_local_days_are_marked_in_the_patients_own_zone(clinic: Any, make: Make, batch: Batch) -> None:
    midnight = clinic.t0 // 86_400_000 * 86_400_000
    late = midnight - 30_000  # 23:59:30 UTC: the 2nd day in Kolkata, one second before and after UTC midnight alike
    settle(clinic.engine, clinic.gateways[0], batch(make("epoch", utc_ms=midnight - 2 * HOUR - 30_000)), clinic.t0)
    settle(clinic.engine, clinic.gateways[1], batch(make("epoch", clip=clinic.clips[1], utc_ms=late)), clinic.t0)
    with reading(clinic.engine) as connection:
        marked = connection.execute(select(stale_day.c.patient_id, stale_day.c.date).order_by(stale_day.c.date)).all()
        zones = dict(map(tuple, connection.execute(select(patient.c.id, patient.c.zone))))
    assert zones[clinic.anna] == "Europe/Berlin"
    # Summer time: midnight in Berlin is 22:00 UTC, and the minute reaches over it; in Kolkata it is 05:29.
    by_patient: dict[int, list[str]] = {}
    for patient_id, day in marked:
        by_patient.setdefault(patient_id, []).append(day)
    assert len(by_patient[clinic.anna]) == 2
    assert len(by_patient[clinic.bert]) == 1
    assert by_patient[clinic.anna][1] == by_patient[clinic.bert][0]


def test_several_messages_settle_in_one_transaction(clinic: Any, make: Make, batch: Batch) -> None:
    acks = settle_all(
        clinic.engine,
        [
            (clinic.gateways[0], batch(make("epoch"), first=3)),
            (clinic.gateways[1], batch(make("epoch", clip=clinic.clips[1]), first=9)),
            (clinic.gateways[0], batch(make("epoch", rev=2), first=4)),
        ],
        clinic.t0,
    )
    assert [(ack.first, ack.last, ack.rejected) for ack in acks] == [(3, 3, ()), (9, 9, ()), (4, 4, ())]
    assert [epoch_blob.rev(row) for row in epochs(clinic.engine, clinic.anna)] == [2]


def test_a_crash_before_the_commit_leaves_nothing_and_the_redelivery_everything(
    clinic: Any, make: Make, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("commit", None, Exception("the disk is full"))

    message = batch(*one_of_each(make))
    before = everything(clinic.engine)
    with monkeypatch.context() as patched:
        patched.setattr(service, "mark_spans", fail)
        with pytest.raises(OperationalError):
            settle(clinic.engine, clinic.gateways[0], message, clinic.t0)
    assert everything(clinic.engine) == before
    assert settle(clinic.engine, clinic.gateways[0], message, clinic.t0).rejected == ()
    assert len(epochs(clinic.engine, clinic.anna)) == 4


def test_what_is_refused_is_kept_within_bounds(
    clinic: Any, make: Make, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantining, "KEPT_PER_GATEWAY", 5)
    refuse(clinic.engine, clinic.gateways[1], "records", b"\x00\xff not json", problem="no JSON", now_ms=1)
    for number in range(9):
        settle(clinic.engine, clinic.gateways[0], batch({"kind": "?", "number": number}), clinic.t0)
    with reading(clinic.engine) as connection:
        kept = connection.execute(select(quarantine.c.gateway, quarantine.c.payload).order_by(quarantine.c.id)).all()
        counted = dict(map(tuple, connection.execute(select(ingest_count.c.gateway, ingest_count.c.count))))
    assert counted == {clinic.gateways[0]: 9, clinic.gateways[1]: 1}
    assert [row.payload[-2] for row in kept if row.gateway == clinic.gateways[0]] == list("45678")
    assert [row.gateway for row in kept].count(clinic.gateways[1]) == 1


def test_a_day_at_once_is_one_row_an_hour(clinic: Any, make: Make, batch: Batch) -> None:
    message = batch(*[make("epoch", minute) for minute in range(1440)])
    settle(clinic.engine, clinic.gateways[0], message, clinic.t0)
    with reading(clinic.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(epoch_hour)) == 24


def test_a_minute_placed_hours_away_by_a_corrected_clock_moves(clinic: Any, make: Make, batch: Batch) -> None:
    wrong = clinic.t0 - 5 * HOUR
    settle(clinic.engine, clinic.gateways[0], batch(make("epoch", 1, utc_ms=wrong, utc_error_ms=None)), clinic.t0)
    settle(clinic.engine, clinic.gateways[0], batch(make("epoch", 1)), clinic.t0)
    assert [epoch_blob.utc_ms(row) for row in epochs(clinic.engine, clinic.anna)] == [clinic.t0 + 60_000]
    settle(clinic.engine, clinic.gateways[0], batch(make("epoch", 1, utc_ms=wrong, utc_error_ms=None)), clinic.t0)
    assert [epoch_blob.utc_ms(row) for row in epochs(clinic.engine, clinic.anna)] == [clinic.t0 + 60_000]


def test_workers_that_settle_the_same_rows_at_once_agree(clinic: Any, make: Make, batch: Batch) -> None:
    told = [*one_of_each(make), make("epoch", 0, rev=2, codes="2" * 60), *[make("epoch", n) for n in range(70, 90)]]
    settle(clinic.engine, clinic.gateways[0], batch(*told), clinic.t0)
    expected = everything(clinic.engine)
    with writing(clinic.engine) as connection:
        for table in (epoch_hour, unplaced_epoch, episode, reminder, clip_event, unreadable, stale_day):
            connection.execute(table.delete())

    def deliver(seed: int) -> list[messages.Rejected]:
        chance = random.Random(seed)
        mine = chance.sample(told, len(told))
        acks = [
            settle(clinic.engine, clinic.gateways[0], batch(*mine[i : i + 5]), clinic.t0)
            for i in range(0, len(mine), 5)
        ]
        return [row for ack in acks for row in ack.rejected]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(deliver, range(4))) == [[]] * 4
    assert everything(clinic.engine) == expected


def test_nothing_is_acknowledged_before_it_is_on_the_disk(clinic: Any, make: Make, batch: Batch) -> None:
    """Also after entries that need not wait for it went through the same connections."""
    engine = clinic.engine
    with writing(engine, durable=False) as db:
        append(db, [Entry("U-7", "therapist", "care", "page", "", "see_day", "P-1", "allowed")], 1)
    seen = commits(engine)
    assert settle(engine, clinic.gateways[0], batch(*one_of_each(make)), clinic.t0).rejected == ()
    refuse(engine, clinic.gateways[0], "records", b"{", problem="half", now_ms=clinic.t0)
    assert seen == [True, True]
