"""The preview of a plan on its page and in the API: beside the form, in words, and nothing is changed by it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from gateway import messages
from server.access.scopes import Scope
from server.pages.plan_preview import minutes_an_hour, number, span
from server.store import reading
from server.store.tables import audit_entry
from tests.server.api.conftest import program_at, token_for
from tests.server.conftest import CLIPS, TODAY, WORKDAY
from tests.server.pages.browsing import Visit
from tests.server.pages.test_plan_drafts import form, value

PLAN = messages.Plan(version=1, angle_deg=12, dwell_s=90)
PREVIEW = "/api/v1/patients/1/plan/preview"


def panel_of(page: str) -> str:
    found = re.search(r'<section class="card" id="preview".*?</section>', page, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split()) if found else ""


async def test_the_panel_stands_beside_the_form_as_it_was_typed(clinic: Any) -> None:
    client = await clinic.signed_in()
    sent = form(PLAN, do="preview", based_on="1", angle_deg="9", reason="")
    answer = await client.post("/patients/1/plan", data=sent)
    panel = panel_of(answer.text)
    assert answer.status_code == 200
    assert "Over 2 of the last 7 days: worn for" in panel
    assert re.search(r"Reminders a day \d+( to \d+)? given then: [\d.]+ ", panel)
    assert re.search(r"Slouched, of an hour worn \d+ min by the plan of then: \d+ min", panel)
    assert "Wed 25 Mar so far" in panel
    assert re.search(r"the plan that was in force gives [\d.]+ reminders a day more or fewer than were recorded", panel)
    assert "Nobody knows what the patient would have done." in panel
    assert "Simulated data" in panel
    assert value(answer.text, "angle_deg") == "9"
    assert value(answer.text, "based_on") == "1", "so that sending says that version 2 was written meanwhile"
    assert "This is your draft" not in answer.text
    state = (await client.get("/api/v1/patients/1/plan")).json()
    assert len(state["history"]) == 2
    assert (await client.get("/api/v1/patients/1/plan/draft")).status_code == 404
    await client.aclose()


async def test_it_is_written_down_that_measurements_were_seen(clinic: Any) -> None:
    client = await clinic.signed_in()
    await client.post("/patients/1/plan", data=form(PLAN, do="preview"))
    await client.aclose()
    with reading(clinic.engine) as db:
        told = db.execute(select(audit_entry.c.act, audit_entry.c.outcome)).all()
    assert ("see day", "allowed") in told
    assert ("see plan", "allowed") in told
    assert not [act for act, _ in told if act == "change plan"]


async def test_a_plan_that_cannot_be_used_has_no_preview(clinic: Any) -> None:
    client = await clinic.signed_in()
    for changes in ({"angle_deg": "99"}, {"recovery_deg": "12"}):
        answer = await client.post("/patients/1/plan", data=form(PLAN, do="preview", **changes))
        assert answer.status_code == 422
        assert "There is no preview of this yet" in answer.text
        assert panel_of(answer.text) == ""
    await client.aclose()


async def test_too_few_days_is_said_and_no_figure_shown(clinic: Any) -> None:
    client = await clinic.signed_in()
    panel = panel_of((await client.post("/patients/3/plan", data=form(PLAN, do="preview"))).text)
    today = panel_of((await client.post("/patients/5/plan", data=form(PLAN, do="preview"))).text)
    await client.aclose()
    assert "Too few days: none of the last 7 counts." in panel
    assert "Too few days" in today
    assert "Wed 25 Mar so far" in today
    for words in (panel, today):
        assert "Reminders a day" not in words
        assert "was in force" not in words


async def test_who_may_not_change_the_plan_is_told_so(clinic: Any) -> None:
    client = await clinic.signed_in("otto")
    assert (await client.post("/patients/1/plan", data=form(PLAN, do="preview"))).status_code == 404
    await client.aclose()


async def test_programs_are_told_the_same(clinic: Any) -> None:
    client = await clinic.signed_in()
    body = {"plan": {"angle_deg": 9}, "reason": "just looking"}
    answer = await client.post(PREVIEW, json=body)
    found = answer.json()
    assert answer.status_code == 200
    assert [(day["date"], day["counts"]) for day in found["days"]] == [
        ("2026-03-23", True),
        ("2026-03-24", True),
        ("2026-03-25", False),
    ]
    assert found["given_a_day"][0] <= found["given_a_day"][1]
    assert found["slouched_share"] > found["slouched_then_share"] > 0
    refused = await client.post(PREVIEW, json={"plan": {"angle_deg": 99}, "reason": "just looking"})
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["plan.angle_deg"]
    await client.aclose()
    for scopes, status in (
        ([Scope.READ_PLANS], 403),
        ([Scope.READ_MEASURES], 403),
        ([Scope.READ_PLANS, Scope.READ_MEASURES], 200),
    ):
        made = token_for(clinic.engine, clinic.people["mara"], clinic.now_ms, scopes)
        program = program_at(clinic, made.secret)
        assert (await program.post(PREVIEW, json=body)).status_code == status
        await program.aclose()


@pytest.mark.parametrize(
    ("figure", "words"), [(0, "0"), (0.44, "0.4"), (3, "3"), (9.94, "9.9"), (9.96, "10"), (12.5, "12")]
)
def test_mean_numbers(figure: float, words: str) -> None:
    assert number(figure) == words


def test_spans_and_minutes() -> None:
    assert (span("3", "7"), span("3", "3")) == ("3 to 7", "3")
    shares = (None, 0, 0.001, 0.0084, 0.2)
    assert [minutes_an_hour(share) for share in shares] == ["–", "0 min", "<1 min", "1 min", "12 min"]


def test_fill_in_and_preview_in_the_browser(chromium: Any, address: str, clinic: Any) -> None:
    clinic.measure(CLIPS[0], TODAY - timedelta(days=5), WORKDAY, seed=77)
    visit = Visit(chromium, address, width=390)
    visit.sign_in()
    page = visit.open("/patients/1/plan")
    page.get_by_label("Angle", exact=True).fill("40")
    page.get_by_role("button", name="Preview").click()
    panel = page.locator("#preview")
    panel.wait_for()
    assert "Over 3 of the last 7 days" in panel.inner_text()
    assert panel.bounding_box()["y"] < 900, "the page has gone to it"
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.get_by_label("Angle", exact=True).input_value() == "40"
    page.get_by_label("Angle", exact=True).fill("9")
    page.get_by_role("button", name="Preview").click()
    page.wait_for_function("document.getElementById('angle_deg').defaultValue === '9'")
    assert page.locator("#preview tbody tr").count() == 4
    visit.close()
