"""Patients kept apart: what is stored belongs to whoever wore the clip then, by every path that it may take."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update

from gateway import messages
from server.ingest.enrolment import EnrolmentError, assign_clip, enrol_gateway, enrol_patient
from server.ingest.service import settle, settle_all
from server.store import epoch_blob, reading, writing
from server.store.tables import (
    assignment,
    clip_event,
    episode,
    epoch_hour,
    gateway,
    quarantine,
    reminder,
    stale_day,
    unplaced_epoch,
)
from server.summaries.calendar import local_date
from tests.server.ingest.conftest import T0, make_batch, make_record

STEP = 25 * 60_000
"""Edges lie in several hours, and some of them in one."""
_TOWNS = count(1)
KINDS = ("epoch", "episode", "reminder", "boot")


@dataclass
class Layer:
    """From `start` on `patient` wears the clip, and `gateway` (None: any) may tell of it, until somebody else does."""

    start: int
    patient: int
    gateway: str | None
    end: float = float("inf")


@dataclass
class Model:
    """What ought to be: said once more, without a table or a query."""

    clips: list[str]
    gateways: list[str]
    layers: dict[str, list[Layer]] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)

    def may_assign(self, clip: str, patient: int, start: int) -> bool:
        return all(one.patient == patient or one.start < start for one in self.layers.get(clip, []))

    def assign(self, clip: str, patient: int, start: int, gateway_id: str | None) -> None:
        for one in self.layers.get(clip, []):
            if one.patient != patient:
                one.end = min(one.end, start)
        self.layers.setdefault(clip, []).append(Layer(start, patient, gateway_id))

    def wearers(self, clip: str, t: int) -> list[Layer]:
        return [one for one in self.layers.get(clip, []) if one.start <= t < one.end]

    def verdict(self, gateway_id: str, clip: str, t: int | None) -> int | str:
        """Whose it is, or why it is rejected."""
        if gateway_id in self.revoked:
            return "revoked"
        if t is None:
            told = self.layers.get(clip, [])
            layers = told if len({one.patient for one in told}) == 1 else []
        else:
            layers = self.wearers(clip, t)
        mine = [one.patient for one in layers if one.gateway in (None, gateway_id)]
        return mine[0] if mine and gateway_id in self.gateways else "not_assigned"


def stored(engine: Engine, clips: list[str]) -> dict[tuple[str, int], list[tuple[int, int | None]]]:
    """(clip, start_ms) of every stored record: (patient, utc_ms), once for each place where it is stored."""
    found: dict[tuple[str, int], list[tuple[int, int | None]]] = {}
    with reading(engine) as db:
        for patient, clip, _, blob in db.execute(select(epoch_hour).where(epoch_hour.c.clip.in_(clips))):
            for row in epoch_blob.rows_of(epoch_blob.decode(blob)):
                found.setdefault((clip, epoch_blob.start_of(row)), []).append((patient, epoch_blob.utc_ms(row)))
        for loose in db.execute(select(unplaced_epoch).where(unplaced_epoch.c.clip.in_(clips))):
            found.setdefault((loose.clip, loose.start_ms), []).append((loose.patient_id, None))
        for table in (episode, reminder, clip_event):
            for event in db.execute(select(table).where(table.c.clip.in_(clips))):
                found.setdefault((event.clip, event.start_ms), []).append((event.patient_id, event.utc_ms))
    return found


def rejected(engine: Engine, clips: list[str]) -> dict[tuple[str, int], str]:
    """(clip, start_ms) of every record in quarantine: why."""
    with reading(engine) as db:
        rows = db.execute(select(quarantine.c.payload, quarantine.c.reason)).all()
    told = ((json.loads(row.payload), row.reason) for row in rows)
    return {(record["clip"], record["start_ms"]): reason for record, reason in told if record["clip"] in clips}


def by_the_table(engine: Engine, clip: str, t: int) -> set[int]:
    """Whom the assignment table names."""
    c = assignment.c
    now = c.start_ms <= t, (c.end_ms.is_(None)) | (c.end_ms > t)
    with reading(engine) as db:
        return set(db.scalars(select(c.patient_id).where(c.clip == clip, *now)))


TIMES = st.tuples(st.integers(0, 3), st.sampled_from([-1, 0, 0, 0, 1, 600_000])).map(lambda x: T0 + x[0] * STEP + x[1])
CLIP = st.sampled_from([0, 0, 0, 1])
ASSIGN = st.tuples(
    st.just("assign"), CLIP, st.integers(0, 2), st.sampled_from([None, None, None, 0, 1, 2]), st.integers(0, 3)
)
RECORD = st.tuples(CLIP, st.sampled_from(["epoch", *KINDS]), st.none() | TIMES | TIMES | TIMES)
SEND = st.tuples(st.just("send"), st.sampled_from([0, 0, 1, 2, 3]), st.lists(RECORD, min_size=2, max_size=6))
REVOKE = st.tuples(st.just("revoke"), st.integers(0, 2))
STORY = st.lists(ASSIGN | ASSIGN | SEND | SEND | SEND | REVOKE, min_size=5, max_size=14)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(story=STORY)
@example(
    story=[
        ("send", 0, [(0, kind, T0 + 2 * STEP + late) for kind in KINDS for late in (-1, 0, 1)]),
        ("assign", 0, 1, None, 1),
        ("assign", 0, 2, None, 2),
        ("send", 0, [(0, kind, T0 + edge * STEP + late) for kind in KINDS for edge in (1, 2) for late in (-1, 0, 1)]),
    ]
)
def test_every_record_is_whose_the_assignments_name_and_nothing_is_lost(engine: Engine, story: list[Any]) -> None:
    """Three patients, two clips, three gateways and one that nobody enrolled; clips change hands also for the past;
    records come late, at the very edges, and without a time."""
    town = next(_TOWNS)
    patients = [enrol_patient(engine, name="X", zone=zone, now_ms=0) for zone in ("UTC", "Asia/Kolkata", "UTC")]
    model = Model([f"{town:08x}{n:08x}" for n in range(2)], [f"{town:08x}{n + 9:08x}" for n in range(3)])
    for gateway_id in model.gateways:
        enrol_gateway(engine, gateway_id, name="home", now_ms=0)
    senders = [*model.gateways, f"{town:08x}{99:08x}"]
    sent: dict[tuple[str, int], int | str] = {}
    unplaced: dict[tuple[str, int], int] = {}
    numbers = count(1)
    for action, *what in [("assign", 0, 0, None, 0), ("assign", 1, 0, 0, 0), *story]:
        if action == "assign":
            clip, patient, start = model.clips[what[0]], patients[what[1]], T0 + what[3] * STEP
            only = None if what[2] is None else model.gateways[what[2]]
            allowed = model.may_assign(clip, patient, start)
            try:
                assign_clip(engine, clip, patient, start_ms=start, now_ms=start, gateway_id=only)
            except EnrolmentError:
                assert not allowed
            else:
                assert allowed
                model.assign(clip, patient, start, only)
        elif action == "revoke":
            model.revoked.add(model.gateways[what[0]])
            with writing(engine) as db:
                db.execute(update(gateway).where(gateway.c.id == model.gateways[what[0]]).values(revoked_ms=1))
        else:
            sender, told = senders[what[0]], []
            expected: list[int | str] = []
            for which, kind, t in what[1]:
                clip, minute = model.clips[which], next(numbers)
                told.append(make_record(kind, minute, clip=clip, utc_ms=t))
                verdict = model.verdict(sender, clip, t)
                expected.append(verdict)
                sent[clip, minute * 60_000] = verdict
                if t is None and isinstance(verdict, int):
                    unplaced[clip, minute * 60_000] = verdict
            ack = settle(engine, sender, make_batch(*told), T0 + 6 * STEP)
            reasons = {row.n: row.reason for row in ack.rejected}
            assert reasons == {n: why for n, why in enumerate(expected, start=1) if isinstance(why, str)}
    kept = stored(engine, model.clips)
    refused = rejected(engine, model.clips)
    assert kept.keys() | refused.keys() == sent.keys(), "everything is somewhere"
    assert {key: why for key, why in sent.items() if isinstance(why, str)} == refused
    assert not kept.keys() & refused.keys()
    days = set()
    for key, places in kept.items():
        ((patient, t),) = places  # in one place only
        if t is None:
            assert patient == unplaced[key]
            continue
        assert {patient} == by_the_table(engine, key[0], t) == {one.patient for one in model.wearers(key[0], t)}
        days.add((patient, local_date("Asia/Kolkata" if patient == patients[1] else "UTC", t).isoformat()))
    with reading(engine) as db:
        stale = set(map(tuple, db.execute(select(stale_day.c.patient_id, stale_day.c.date))))
    assert days <= stale


def test_a_clip_that_was_somebody_elses_all_along_takes_its_records_along(clinic: Any) -> None:
    engine, home, clip = clinic.engine, clinic.gateways[0], clinic.clips[0]
    told = [make_record(kind, minute) for kind in ("epoch", "episode", "reminder", "boot") for minute in (9, 10, 70)]
    assert not settle(engine, home, make_batch(*told), T0).rejected
    with writing(engine) as db:
        db.execute(stale_day.delete())
    assign_clip(engine, clip, clinic.bert, start_ms=T0 + 10 * 60_000, now_ms=T0 + 10**7, gateway_id=home)
    for (_, start_ms), places in stored(engine, [clip]).items():
        assert {patient for patient, _ in places} == {clinic.anna if start_ms < 600_000 else clinic.bert}
        assert len(places) == len(KINDS)
    with reading(engine) as db:
        assert set(db.scalars(select(stale_day.c.patient_id))) == {clinic.anna, clinic.bert}
    again = [make_record(kind, minute) for kind in KINDS for minute in (9, 10, 70)]
    before = stored(engine, [clip])
    assert not settle(engine, home, make_batch(*again), T0).rejected
    assert stored(engine, [clip]) == before, "a redelivery finds them with their new owner"


def test_a_period_that_has_ended_is_cut_too(clinic: Any) -> None:
    engine, home, clip = clinic.engine, clinic.gateways[0], clinic.clips[0]
    cleo = enrol_patient(engine, name="Cleo", zone="UTC", now_ms=0)
    with writing(engine) as db:
        db.execute(update(assignment).where(assignment.c.clip == clip).values(end_ms=T0 + 1000))
    assign_clip(engine, clip, cleo, start_ms=T0 + 500, now_ms=T0, gateway_id=home)
    assert [by_the_table(engine, clip, T0 + t) for t in (499, 500, 999, 1000)] == [{clinic.anna}] + [{cleo}] * 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rev", [1, 2])
def test_what_has_no_time_is_of_a_time_before_it_came(clinic: Any, kind: str, rev: int) -> None:
    """The next wearer's computer cannot place it in their time, which began later; the one before's can place it in
    theirs."""
    engine, clip, (home, office) = clinic.engine, clinic.clips[0], clinic.gateways
    began = T0 + STEP
    assert not settle(engine, home, make_batch(make_record(kind, 5, utc_ms=None)), began - 1).rejected
    before = stored(engine, [clip])
    assert before == {(clip, 300_000): [(clinic.anna, None)]}
    assign_clip(engine, clip, clinic.bert, start_ms=began, now_ms=began, gateway_id=office)
    placed = make_record(kind, 5, utc_ms=began + 60_000, rev=rev)
    assert not settle(engine, office, make_batch(placed), began + STEP).rejected
    assert stored(engine, [clip]) == before
    assert not settle(engine, home, make_batch({**placed, "utc_ms": began - 300_000}), began + STEP).rejected
    assert stored(engine, [clip]) == {(clip, 300_000): [(clinic.anna, began - 300_000)]}


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_no_time_goes_to_who_turns_out_to_have_worn_the_clip_when_it_came(clinic: Any, kind: str) -> None:
    engine, clip, (home, office) = clinic.engine, clinic.clips[0], clinic.gateways
    assert not settle(engine, home, make_batch(make_record(kind, 5, utc_ms=None)), T0 + 2 * STEP).rejected
    assign_clip(engine, clip, clinic.bert, start_ms=T0 + STEP, now_ms=T0 + 3 * STEP, gateway_id=office)
    placed = make_record(kind, 5, utc_ms=T0 + STEP + 1)
    assert not settle(engine, office, make_batch(placed), T0 + 4 * STEP).rejected
    assert stored(engine, [clip]) == {(clip, 300_000): [(clinic.bert, T0 + STEP + 1)]}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rev", [1, 2])
def test_nobody_takes_away_what_was_told_of_who_wore_the_clip_before(clinic: Any, kind: str, rev: int) -> None:
    """The next wearer's computer knows the clip, and may name any of its records; those of before stay where they
    are, also when it tells them as of its own patient's time, or with more certainty."""
    engine, clip, (home, office) = clinic.engine, clinic.clips[0], clinic.gateways
    assert not settle(engine, home, make_batch(make_record(kind, 5)), T0).rejected
    assign_clip(engine, clip, clinic.bert, start_ms=T0 + STEP, now_ms=T0, gateway_id=office)
    later = {"utc_ms": T0 + 2 * STEP, "utc_error_ms": 0, "rev": rev}
    other: dict[str, dict[str, Any]] = {
        "epoch": {"shifts": 9},
        "episode": {"mean_deg": 1.0},
        "reminder": {"angle_deg": 1.0},
        "boot": {"value": 9},
    }
    before = stored(engine, [clip])
    for changes, reasons in ((later, []), ({**later, **other[kind]}, ["conflict"])):
        ack = settle(engine, office, make_batch(make_record(kind, 5, **changes)), T0 + 3 * STEP)
        assert [row.reason for row in ack.rejected] == reasons
    assert stored(engine, [clip]) == before
    assert {patient for ((patient, _),) in before.values()} == {clinic.anna}


def test_a_computer_that_tells_of_both_may_place_a_record_anew(clinic: Any) -> None:
    engine, clip, home = clinic.engine, clinic.clips[0], clinic.gateways[0]
    told = [make_record(kind, 5) for kind in KINDS]
    assert not settle(engine, home, make_batch(*told), T0).rejected
    assign_clip(engine, clip, clinic.bert, start_ms=T0 + STEP, now_ms=T0, gateway_id=home)
    later = {"utc_ms": T0 + STEP, "utc_error_ms": 0, "rev": 2}
    assert not settle(engine, home, make_batch(*(make_record(kind, 5, **later) for kind in KINDS)), T0).rejected
    assert list(stored(engine, [clip]).values()) == [[(clinic.bert, T0 + STEP)] * len(KINDS)]


def test_several_gateways_in_one_transaction_are_told_apart(clinic: Any) -> None:
    """What one may write, the other may not, also when both are settled at once."""
    own = [make_record("episode", 1, clip=clip) for clip in clinic.clips]
    acks = settle_all(
        clinic.engine,
        [
            (clinic.gateways[0], make_batch(own[1], own[0])),
            (clinic.gateways[1], make_batch(own[0], own[1])),
        ],
        T0,
    )
    assert [[(row.n, row.reason) for row in ack.rejected] for ack in acks] == [[(1, "not_assigned")]] * 2
    assert isinstance(acks[0], messages.Ack)
    kept = stored(clinic.engine, list(clinic.clips))
    assert [places for _, places in sorted(kept.items())] == [
        [(clinic.anna, T0 + 60_000)],
        [(clinic.bert, T0 + 60_000)],
    ]
