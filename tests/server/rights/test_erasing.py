"""Erasing: nothing of the patient is left, nobody else's is touched, and what comes late leaves nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import Engine, insert, select, update

from gateway import messages
from server.enrolment.adoption import adopt
from server.ingest.enrolment import assign_clip, enrol_gateway
from server.ingest.service import refuse
from server.mqtt.downlink import take_status, waiting
from server.people.organisations import create_organisation
from server.plans.service import create_plan
from server.rights import erasing, outstanding
from server.rights.holdings import TIME_OF, remaining, scopes
from server.rights.tombstones import Erased, TombstoneError, Worn
from server.store import UnknownPatientError, reading, writing
from server.store.tables import (
    assignment,
    clip_status,
    consent,
    enrolment,
    epoch_hour,
    erasure,
    erasure_order,
    gateway,
    ingest_count,
    metadata,
    patient,
    plan_delivery,
    quarantine,
    user_account,
)
from server.summaries.service import rebuild_stale
from tests.server.rights.homes import DAY, T0, Home, counts, everything_as_text, one_of_each, record


def fill(home: Home) -> None:
    """Something of the first patient in as many tables as ingest, plans and accounts reach."""
    clip, other = home.clips
    assert home.send(*one_of_each(clip), record("epoch", clip, 5, utc_ms=None)) == []
    assert home.send(*one_of_each(other), gateway=1) == []
    assert home.send(record("episode", clip, mean_deg=1.0), gateway=0) == ["conflict"]
    refuse(home.engine, home.gateways[0], "live", f'{{"clip":"{clip}"'.encode(), problem="half", now_ms=T0)
    rebuild_stale(home.engine, T0 + DAY)
    create_plan(home.engine, home.anna, {}, author_id=None, reason="Anna first came", now_ms=T0)
    create_plan(home.engine, home.bert, {}, author_id=None, reason="first", now_ms=T0)
    with writing(home.engine) as db:
        status = {"link": "live", "journal_waiting": 0, "seen_ms": T0}
        for name, worn in zip(home.gateways, home.clips, strict=True):
            db.execute(insert(clip_status).values(clip=worn, gateway=name, **status))
        db.execute(update(gateway).values(status_json="{}"))
        for worn, patient_id in zip(home.clips, (home.anna, home.bert), strict=True):
            times = {"first_ms": T0, "last_ms": T0, "times": 1}
            db.execute(insert(plan_delivery).values(clip=worn, patient_id=patient_id, version=1, **times))
        account = {"email": "anna@example.org", "name": "Anna Wexford", "role": "patient", "password_hash": "x"}
        db.execute(insert(user_account).values(**account, created_ms=0, patient_id=home.anna))
        db.execute(insert(consent).values(patient_id=home.anna, at_ms=1, kind="given", how="spoken"))


def test_all_of_it_goes_and_nothing_else(home: Home) -> None:
    clip, _ = home.clips
    fill(home)
    before = counts(home.engine)
    with reading(home.engine) as db:
        bert = remaining(db, home.bert, [Worn(clip=home.clips[1], start_ms=0)])
        anna = remaining(db, home.anna, [Worn(clip=clip, start_ms=0)])
    assert len(anna) > 12
    done = home.erase()
    after = counts(home.engine)
    assert {name: before[name] - after.get(name, 0) for name in before if before[name] != after.get(name, 0)} == anna
    assert done.gone == anna
    with reading(home.engine) as db:
        assert remaining(db, home.bert, [Worn(clip=home.clips[1], start_ms=0)]) == bert
        row = db.execute(select(erasure)).one()
    assert json.loads(row.gone_json) == anna
    assert (row.left_json, row.counted_ms) == ("{}", T0 + DAY + 1)
    assert "Wexford" not in everything_as_text(home.engine)
    assert clip not in everything_as_text(home.engine)
    assert home.tombstones.read() == [
        Erased(pseudonym="P-anna", at_ms=T0 + DAY, actor="U-1", worn=(Worn(clip=clip, start_ms=T0 - DAY),))
    ]


def test_every_table_that_knows_a_clip_is_covered() -> None:
    of_a_patient = {table.name for table in scopes(1)}
    with_clip = {table.name for table in metadata.tables.values() if "clip" in table.c}
    assert with_clip - of_a_patient == {*TIME_OF, "erased_wearing", "erasure_order"}, (
        "say in holdings whose rows it has"
    )


def test_what_is_found_again_is_told_and_not_complete(home: Home) -> None:
    with writing(home.engine) as db:
        done = erasing.erase(db, home.anna, at_ms=T0, actor="-", tombstones=None)
    values = f"({home.anna}, '2026-01-01', 1, 1, false, '')"
    statement = f"INSERT INTO daily (patient_id, date, algo, computed_ms, so_far, body_json) VALUES {values}"
    raw = home.engine.raw_connection()  # as if something had slipped in
    lax = "PRAGMA foreign_keys=OFF"
    if home.engine.dialect.name == "postgresql":
        lax = "ALTER TABLE daily DROP CONSTRAINT fk_daily_patient_id"
    for text in (lax, statement):
        raw.cursor().execute(text)
    raw.commit()
    raw.close()
    home.engine.dispose()
    assert erasing.count_again(home.engine, done, T0) == {"daily": 1}
    with writing(home.engine) as db:
        db.execute(update(gateway).values(revoked_ms=1))
        assert outstanding.complete(db, T0) == []
        row = db.execute(select(erasure)).one()
        assert (row.left_json, row.completed_ms) == ('{"daily": 1}', None)


def test_without_its_tombstone_nothing_is_erased(home: Home) -> None:
    home.tombstones.path.mkdir()
    before = counts(home.engine)
    with pytest.raises(TombstoneError):
        home.erase()
    assert counts(home.engine) == before
    with pytest.raises(UnknownPatientError), writing(home.engine) as db:
        erasing.erase(db, 999, at_ms=0, actor="-", tombstones=None)


@pytest.mark.parametrize("minute", [0, -60, 24 * 60 - 1, 24 * 60, 48 * 60, -3 * 24 * 60])
def test_what_comes_late_is_settled_and_leaves_nothing(home: Home, minute: int) -> None:
    clip, _ = home.clips
    home.erase()
    before = counts(home.engine)
    sent = [*one_of_each(clip, minute), record("epoch", clip, minute, utc_ms=None), record("epoch", clip, utc_ms=7)]
    sent.append({**record("epoch", clip, minute), "codes": "z"})
    reasons = home.send(*sent, now_ms=T0 + 3 * DAY)
    assert len(reasons) == len(sent)
    assert set(reasons[:-1]) == {"withdrawn"}
    refuse(home.engine, home.gateways[0], "live", f"{{{clip}".encode(), problem="half", now_ms=T0)
    after = counts(home.engine)
    after.pop("ingest_count")
    assert after == before
    assert clip not in everything_as_text(home.engine)


def test_nothing_is_kept_of_a_computer_that_was_theirs_alone(home: Home) -> None:
    home.erase()
    for sender in (home.gateways[0], home.gateways[1]):
        refuse(home.engine, sender, "live", b'{"cl', problem="half", now_ms=T0)
    with reading(home.engine) as db:
        assert db.scalars(select(quarantine.c.gateway)).all() == [home.gateways[1]]


def test_whose_computer_tells_of_the_clip_next_has_it_from_the_erasure_on(home: Home) -> None:
    home.erase()
    now_ms = T0 + DAY + 3_600_000
    with writing(home.engine) as db:
        assert adopt(db, home.gateways[1], [home.clips[0]], now_ms) == [home.clips[0]]
        found = db.execute(
            select(assignment.c.patient_id, assignment.c.start_ms).where(assignment.c.clip == home.clips[0])
        )
        assert [tuple(row) for row in found] == [(home.bert, T0 + DAY)]


def test_what_is_refused_is_counted(home: Home) -> None:
    home.erase()
    home.send(record("epoch", home.clips[0]))
    with reading(home.engine) as db:
        told = db.execute(select(ingest_count.c.gateway, ingest_count.c.reason, ingest_count.c.count)).all()
    assert [tuple(row) for row in told] == [(home.gateways[0], "withdrawn", 1)]


def test_whoever_wears_the_clip_next_loses_nothing(home: Home) -> None:
    clip, _ = home.clips
    home.send(record("epoch", clip))
    home.erase(at_ms=T0 + DAY)
    assign_clip(home.engine, clip, home.bert, start_ms=T0 + DAY, now_ms=0, gateway_id=home.gateways[1])
    day = 24 * 60
    assert home.send(record("epoch", clip, 1), record("epoch", clip, day), gateway=1) == ["withdrawn"]
    assert home.send(record("episode", clip, day), record("episode", clip, day, mean_deg=1.0), gateway=1) == [
        "conflict"
    ]
    with reading(home.engine) as db:
        assert db.scalars(select(epoch_hour.c.patient_id)).all() == [home.bert]
        assert [row.reason for row in db.execute(select(quarantine))] == ["conflict"]


def test_a_clip_that_was_handed_on_before_keeps_the_others_time(home: Home) -> None:
    clip, _ = home.clips
    home.send(record("epoch", clip, -60), record("episode", clip, -60))
    assign_clip(home.engine, clip, home.bert, start_ms=T0, now_ms=0, gateway_id=home.gateways[1])
    assert home.send(record("epoch", clip), record("episode", clip), gateway=1) == []
    assert home.send(record("episode", clip, mean_deg=1.0), gateway=1) == ["conflict"]
    done = home.erase()
    assert done.gone["episode"] == 1
    assert "quarantine" not in done.gone
    with reading(home.engine) as db:
        assert db.scalars(select(epoch_hour.c.patient_id)).all() == [home.bert]
    assert home.send(record("epoch", clip, -30), record("epoch", clip, 30), gateway=1) == ["withdrawn"]


def orders(engine: Engine) -> list[tuple[str, str]]:
    with reading(engine) as db:
        return [
            (item.gateway, item.message.clip)
            for item in waiting(db, T0 + DAY)
            if isinstance(item.message, messages.Command) and item.message.kind == "erase"
        ]


def reply(home: Home, result: str, *, gateway: int = 0, now_ms: int = T0 + DAY) -> bool:
    with writing(home.engine) as db:
        row = db.execute(select(erasure_order).where(erasure_order.c.gateway == home.gateways[gateway])).first()
        assert row is not None
        told = messages.Reply(schema="reply/1", id=row.command, clip=row.clip, result=result)  # type: ignore[arg-type]
        return outstanding.take_reply(db, home.gateways[gateway], told, now_ms)


def completed(engine: Engine) -> int | None:
    with reading(engine) as db:
        return db.scalar(select(erasure.c.completed_ms))


def status(clip: str) -> messages.Status:
    told = {"clip": clip, "link": "live", "journal_waiting": 0}
    return messages.Status.model_validate({"schema": "status/1", "online": True, "utc_ms": T0, "clips": [told]})


def test_it_is_complete_when_the_computer_has_said_so_and_then_the_computer_is_out(home: Home) -> None:
    home.send(record("epoch", home.clips[0]))
    done = home.erase()
    assert orders(home.engine) == [(home.gateways[0], home.clips[0])]
    with reading(home.engine) as db:
        (left,) = outstanding.outstanding(db, done.id)
    assert (left.gateway, left.clip, left.since_ms, left.sent_ms, left.told) == (
        home.gateways[0], home.clips[0], T0 + DAY, None, None,
    )  # fmt: skip
    assert completed(home.engine) is None
    with writing(home.engine) as db:
        command = db.scalar(select(erasure_order.c.command))
        assert outstanding.complete(db, T0 + DAY) == []
    assert reply(home, "unreachable")
    assert completed(home.engine) is None
    assert orders(home.engine) == []
    with reading(home.engine) as db:
        assert outstanding.outstanding(db, done.id)[0].told == "unreachable"
        again = outstanding.unanswered(db, home.gateways[0], T0 + DAY + outstanding.AGAIN_MS)
        assert [order.id for _, order in again] != [command]
        assert len(again) == 1
    assert reply(home, "done", now_ms=T0 + DAY + 9)
    assert completed(home.engine) == T0 + DAY + 9
    with reading(home.engine) as db:
        assert outstanding.outstanding(db, done.id) == []
        assert db.scalar(select(gateway.c.revoked_ms).where(gateway.c.id == home.gateways[0])) == T0 + DAY + 9
        assert db.scalar(select(gateway.c.revoked_ms).where(gateway.c.id == home.gateways[1])) is None
    assert home.send(record("epoch", home.clips[0])) == ["withdrawn"]


def test_only_the_computer_that_was_asked_answers(home: Home) -> None:
    home.erase()
    with writing(home.engine) as db:
        command = db.scalar(select(erasure_order.c.command)) or ""
        told = messages.Reply(schema="reply/1", id=command, clip=home.clips[0], result="done")
        assert not outstanding.take_reply(db, home.gateways[1], told, T0)
        told = messages.Reply(schema="reply/1", id=command, clip=home.clips[1], result="done")
        assert not outstanding.take_reply(db, home.gateways[0], told, T0)
    assert completed(home.engine) is None


def test_a_revoked_computer_is_not_waited_for(home: Home) -> None:
    done = home.erase()
    with writing(home.engine) as db:
        db.execute(update(gateway).where(gateway.c.id == home.gateways[0]).values(revoked_ms=T0))
        assert outstanding.outstanding(db, done.id) == []
        assert outstanding.complete(db, T0 + DAY) == ["P-anna"]
        assert outstanding.complete(db, T0 + DAY) == []
    assert orders(home.engine) == []


def test_a_computer_of_several_is_not_told_to_erase_what_is_somebody_elses_now(home: Home) -> None:
    ward = "3" * 16
    enrol_gateway(home.engine, ward, name="ward", now_ms=0)
    assign_clip(home.engine, "c" * 16, home.anna, start_ms=T0 - DAY, now_ms=0, gateway_id=ward)
    done = home.erase()
    assert orders(home.engine) == [
        (home.gateways[0], "a" * 16), (home.gateways[0], "c" * 16), (ward, "a" * 16), (ward, "c" * 16),
    ]  # fmt: skip
    assign_clip(home.engine, "c" * 16, home.bert, start_ms=T0 + DAY, now_ms=0, gateway_id=ward)
    assert (ward, "c" * 16) not in orders(home.engine)
    with reading(home.engine) as db:
        held = [one.gateway for one in outstanding.outstanding(db, done.id) if one.held_back]
        assert db.scalar(select(enrolment.c.gateway).where(enrolment.c.gateway == ward)) is None
    assert held == [ward]


def give_up(home: Home, done: erasing.Erasing, computer: str) -> bool:
    with writing(home.engine) as db:
        return outstanding.give_up(db, done.id, computer, T0 + 2 * DAY)


def test_a_computer_of_a_ward_that_never_comes_back_is_given_up(home: Home) -> None:
    """While nobody wears a clip there that the erased patient wore, and nobody of another clinic depends on it."""
    ward, stranger, erased_clip = "3" * 16, "4" * 16, "c" * 16
    for name in (ward, stranger):
        enrol_gateway(home.engine, name, name="ward", now_ms=0)
    assign_clip(home.engine, erased_clip, home.anna, start_ms=T0 - DAY, now_ms=0, gateway_id=ward)
    assign_clip(home.engine, "e" * 16, home.bert, start_ms=T0 - DAY, now_ms=0, gateway_id=ward)  # uses it, too
    done = home.erase()
    assert not give_up(home, done, stranger), "the erasure does not wait for it"
    assert not give_up(home, replace(done, id=done.id + 1), home.gateways[0]), "that one does not, either"
    assert give_up(home, done, home.gateways[0])
    assert completed(home.engine) is None
    assign_clip(home.engine, erased_clip, home.bert, start_ms=T0 + DAY, now_ms=0, gateway_id=ward)
    assert not give_up(home, done, ward)
    other = create_organisation(home.engine, "Another clinic", 0)
    with writing(home.engine) as db:
        assert {one.can_give_up for one in outstanding.outstanding(db, done.id)} == {False}, "also by its other clip"
        db.execute(update(assignment).where(assignment.c.clip == erased_clip).values(end_ms=T0 + DAY + 1))
        db.execute(update(patient).where(patient.c.id == home.bert).values(organisation_id=other))
    assert not give_up(home, done, ward)
    with writing(home.engine) as db:
        db.execute(update(patient).where(patient.c.id == home.bert).values(organisation_id=1))
        assert {one.can_give_up for one in outstanding.outstanding(db, done.id)} == {True}
    assert give_up(home, done, ward)
    assert completed(home.engine) == T0 + 2 * DAY
    with reading(home.engine) as db:
        assert db.scalar(select(gateway.c.revoked_ms).where(gateway.c.id == ward)) == T0 + 2 * DAY
        assert db.scalar(select(gateway.c.revoked_ms).where(gateway.c.id == home.gateways[1])) is None


def test_it_is_sent_with_each_status_until_it_is_answered(home: Home) -> None:
    home.erase()
    for _ in range(2):
        with writing(home.engine) as db:
            out, known = take_status(db, home.gateways[0], status(home.clips[0]), T0 + DAY)
            outstanding.mark_sent(db, [o.message.id for o in out if isinstance(o.message, messages.Command)], T0)
        assert known
        assert [(item.gateway, getattr(item.message, "kind", "")) for item in out] == [(home.gateways[0], "erase")]
    assert orders(home.engine) == []
