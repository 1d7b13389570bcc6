"""A page left open is written into the trail when it is opened, and again every quarter of an hour."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from server.access.lately import AGAIN_MS, Lately
from server.audit.trail import Entry
from server.store.engine import reading
from server.store.tables import audit_entry
from tests.server.access.conftest import Town
from tests.server.access.decisions import Who

BY_ITSELF = {"x-refresh": "1"}


def told(town: Town) -> list[tuple[Any, ...]]:
    c = audit_entry.c
    with reading(town.clinic.engine) as db:
        return [tuple(row) for row in db.execute(select(c.act, c.patient, c.outcome).order_by(c.number))]


async def test_an_open_page_is_not_told_of_again_and_again(town: Town) -> None:
    client = town.visitor(Who.CARER)
    page = "/patients/1/days/2026-03-25"
    await client.get(page)
    opened = told(town)
    assert {act for act, *_ in opened} >= {"see day", "see plan", "see computers"}
    assert len(opened) == len(set(opened))
    await client.get(page, headers=BY_ITSELF)
    assert told(town) == opened
    await client.get(page)
    assert told(town) == [*opened, *opened]
    town.clinic.now_ms += AGAIN_MS - 1
    await client.get(page, headers=BY_ITSELF)
    assert told(town) == [*opened, *opened]
    town.clinic.now_ms += 1
    await client.get(page, headers=BY_ITSELF)
    assert told(town) == [*opened, *opened, *opened]
    await client.aclose()


async def test_nobody_hides_behind_it(town: Town) -> None:
    """Whoever says that a page asks by itself is written down all the same when it was not open."""
    client = town.visitor(Who.CARER)
    await client.get("/patients/1/plan/state", headers=BY_ITSELF)
    await client.get("/patients/2/plan/state", headers=BY_ITSELF)
    await client.get("/patients/6/plan/state", headers=BY_ITSELF)
    await client.get("/patients/6/plan/state", headers=BY_ITSELF)
    written = await client.post("/patients/1/computers/code", headers=BY_ITSELF)
    assert written.status_code == 200
    assert [row for row in told(town) if row[0] in ("see plan", "connect computer")] == [
        ("see plan", "P-0001", "allowed"),
        ("see plan", "P-0002", "allowed"),
        ("see plan", "P-0006", "refused"),
        ("see plan", "P-0006", "refused"),
        ("connect computer", "P-0001", "done"),
    ]
    await client.aclose()


async def test_a_page_is_one_transaction_of_the_trail(town: Town) -> None:
    client = town.visitor(Who.EMERGENCY)
    await client.get("/patients/1/days/2026-03-25")
    c = audit_entry.c
    with reading(town.clinic.engine) as db:
        rows = db.execute(select(c.basis, c.act).order_by(c.number)).all()
    assert [tuple(row) for row in rows][:3] == [("emergency", act) for act in ("see day", "see plan", "see computers")]
    await client.aclose()


def _entry(patient: int) -> Entry:
    return Entry("U-1", "therapist", "care", "page", "", "see day", f"P-{patient}", "allowed")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2 * AGAIN_MS))))
def test_no_look_goes_untold_for_longer(looks: list[tuple[int, int]]) -> None:
    lately, now_ms, last = Lately(), 0, dict[int, int]()
    for patient, later_ms in looks:
        now_ms += later_ms
        if lately.is_news(_entry(patient), now_ms):
            lately.told(_entry(patient), now_ms)
            last[patient] = now_ms
        assert now_ms - last[patient] < AGAIN_MS


def test_what_is_remembered_is_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr("server.access.lately.KEPT", 2)
    lately = Lately()
    for patient in range(3):
        lately.told(_entry(patient), 0)
    assert [lately.is_news(_entry(patient), 1) for patient in range(3)] == [True, False, False]
