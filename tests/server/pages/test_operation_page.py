"""The administrator's page of what was refused and what to look at."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import insert, select

from server.access.accounts import create_account
from server.access.acts import Role
from server.enrolment.service import offer_code, redeem
from server.ingest.alarms import Kind, raise_alarm
from server.ingest.service import refuse, settle
from server.pages.operation_words import ALARMS, KINDS, REASONS
from server.store import reading, writing
from server.store.tables import assignment, audit_entry
from tests.server.conftest import GATEWAY, PASSWORD, quick_passwords
from tests.server.ingest.conftest import make_batch, make_record


@pytest.fixture
def gateway_id(clinic: Any) -> str:
    create_account(
        clinic.engine,
        quick_passwords(),
        email="vera@example.org",
        name="Vera",
        password=PASSWORD,
        now_ms=clinic.now_ms - 1000,
        role=Role.ADMINISTRATOR,
    )
    code = offer_code(clinic.engine, 1, author_id=clinic.people["mara"], now_ms=clinic.now_ms).code
    return redeem(clinic.engine, code, now_ms=clinic.now_ms).gateway


async def test_what_was_refused_is_shown_counted_and_acknowledged(clinic: Any, gateway_id: str) -> None:
    client = await clinic.signed_in("vera")
    page = (await client.get("/operation")).text
    assert "Nothing. What comes in is taken in." in page
    assert "Nothing was ever refused." in page
    assert 'class="count"' not in page
    refuse(
        clinic.engine, gateway_id, "records", b"<b>1.25</b> degrees", problem="no JSON", now_ms=clinic.now_ms - 60_000
    )
    with writing(clinic.engine) as db:
        raise_alarm(db, Kind.CLOCK, clinic.now_ms - 60_000, gateway=gateway_id, detail="3 h ahead", by=2)
    page = (await client.get("/operation")).text
    assert "A computer’s clock is off" in page
    assert "2 times" in page
    assert "3 h ahead" in page
    assert "A message of records: could not be read" in page
    assert gateway_id in page
    assert "1.25" not in page
    assert '<span aria-hidden="true">1</span><span class="away">, 1 thing to look at</span>' in page
    assert 'class="count"' in (await client.get("/people")).text
    shown = await client.post("/operation/refused/1/content")
    assert "&lt;b&gt;1.25&lt;/b&gt; degrees" in shown.text
    for path in ("/operation/refused/1", "/operation/alarms/1"):
        answer = await client.post(path, data={"note": "an old\nprogram"})
        assert answer.status_code == 303
    assert (await client.post("/operation/alarms/1", data={"note": ""})).status_code == 404
    page = (await client.get("/operation")).text
    assert page.count("an old program") == 2
    assert 'class="count"' not in page
    assert re.search(r"could not be read</td><td class=\"number\">1</td><td class=\"number\">0</td>", page)
    await client.aclose()
    c = audit_entry.c
    with reading(clinic.engine) as db:
        told = db.execute(
            select(c.act, c.outcome, c.detail).where(c.act.like("%refused%") | c.act.like("manage op%"))
        ).all()
    assert [tuple(row) for row in told] == [
        ("see refused content", "done", "entry 1"),
        ("manage operation", "done", "entry 1"),
        ("manage operation", "done", "alarm 1"),
        ("manage operation", "failed", "alarm 1"),
    ]


async def test_strangers_and_therapists_see_nothing_of_it(clinic: Any, gateway_id: str) -> None:
    settle(clinic.engine, "9" * 16, make_batch(make_record("episode", 3)), clinic.now_ms)
    client, mara = await clinic.signed_in("vera"), await clinic.signed_in("mara")
    page = (await client.get("/operation")).text
    assert "Nothing was ever refused." in page
    for path in ("/operation/refused/1", "/operation/refused/1/content", "/operation/alarms/1"):
        assert (await client.post(path, data={"note": ""})).status_code == 404
        assert (await mara.post(path, data={"note": ""})).status_code == 403
    assert (await mara.get("/operation")).status_code == 403
    assert (await client.get("/api/v1/alarms")).json() == []
    await client.aclose()
    await mara.aclose()


async def test_programs_are_told_the_same(clinic: Any, gateway_id: str) -> None:
    with writing(clinic.engine) as db:  # the clip is somebody else's
        db.execute(insert(assignment).values(clip="a" * 16, gateway=GATEWAY, patient_id=2, start_ms=0))
    settle(clinic.engine, gateway_id, make_batch(make_record("episode", 3), {"kind": "?"}), clinic.now_ms)
    client = await clinic.signed_in("vera")
    (alarm,) = (await client.get("/api/v1/alarms")).json()
    refused = (await client.get("/api/v1/refused")).json()
    counts = (await client.get("/api/v1/refused/counts")).json()
    assert (alarm["kind"], alarm["gateway"], alarm["count"]) == ("not_assigned", gateway_id, 1)
    assert [(one["reason"], one["kind"]) for one in refused] == [("not_assigned", "episode"), ("malformed", "row")]
    assert [(one["reason"], one["count"], one["since"]) for one in counts] == [
        ("malformed", 1, 1),
        ("not_assigned", 1, 1),
    ]
    assert "angle" not in str(refused)
    assert (await client.post("/api/v1/refused/1/acknowledgement", json={"note": "seen"})).status_code == 204
    assert (await client.post(f"/api/v1/alarms/{alarm['id']}/acknowledgement", json={})).status_code == 204
    assert (await client.get("/api/v1/refused")).json()[0]["note"] == "seen"
    assert (await client.get("/api/v1/alarms")).json()[0]["acknowledged_ms"] == clinic.now_ms
    await client.aclose()


def test_everything_has_words_that_do_not_frighten() -> None:
    assert ALARMS.keys() == set(Kind)
    words = " ".join([*REASONS.values(), *KINDS.values(), *(part for pair in ALARMS.values() for part in pair)]).lower()
    for word in ("error", "fatal", "bad", "wrong", "attack", "danger", "alarm", "violation", "failed"):
        assert word not in words, word
