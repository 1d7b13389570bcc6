"""Drafts, templates and drift on the plan's pages and in the API."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gateway import messages
from server.mqtt.downlink import note_sending, take_status
from server.pages import plan_form
from server.plans.templates import CATALOGUE
from server.store import writing
from tests.server.conftest import CLIPS, GATEWAY
from tests.server.pages.test_plan_page import _grouped, sent


def form(plan: messages.Plan, **changes: str) -> dict[str, list[str]]:
    return _grouped([*sent(plan_form.draft_of(plan), **changes), ("based_on", changes.get("based_on", "1"))])


def value(page: str, name: str) -> str:
    found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', page)
    assert found, name
    return found[1]


async def test_a_draft_is_kept_as_it_was_typed_until_it_is_sent(clinic: Any) -> None:
    client = await clinic.signed_in()
    begun = form(messages.Plan(version=1), do="draft", dwell_s="two", angle_deg="14", reason="", start="9:30")
    answer = await client.post("/patients/5/plan", data=begun)
    assert (answer.status_code, answer.headers["location"]) == (303, "/patients/5/plan")
    page = (await client.get("/patients/5/plan")).text
    assert [value(page, name) for name in ("dwell_s", "angle_deg", "start")] == ["two", "14", "09:30"]
    assert "This is your draft of 25 Mar 2026, 14:47. It has not been sent." in page
    assert "2 fields need another look" in page
    assert len((await client.get("/api/v1/patients/5/plan")).json()["history"]) == 1
    refused = await client.post("/api/v1/patients/5/plan/draft/send")
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["plan.dwell_s", "reason"]
    answer = await client.post("/patients/5/plan", data=form(messages.Plan(version=1), do="send", angle_deg="14"))
    assert answer.headers["location"] == "/patients/5"
    page = (await client.get("/patients/5/plan")).text
    assert "your draft" not in page
    assert value(page, "angle_deg") == "14"
    await client.aclose()


async def test_a_draft_is_its_authors_alone_and_says_when_it_was_overtaken(clinic: Any) -> None:
    from server.access.accounts import begin_care

    begin_care(clinic.engine, clinic.people["otto"], 5, clinic.now_ms - 1)
    mara, otto = await clinic.signed_in("mara"), await clinic.signed_in("otto")
    body = {"plan": {"angle_deg": 21}, "reason": "a calmer start"}
    saved = await mara.put("/api/v1/patients/5/plan/draft", json=body)
    assert (saved.status_code, saved.json()["based_on"], saved.json()["problems"]) == (200, 1, [])
    assert saved.json()["plan"]["dwell_s"] == 90, "what does not change is as in the newest version"
    assert (await otto.get("/api/v1/patients/5/plan/draft")).status_code == 404
    assert "your draft" not in (await otto.get("/patients/5/plan")).text
    assert (
        await otto.post("/api/v1/patients/5/plan", json={"plan": {"dwell_s": 66}, "reason": "mine"})
    ).status_code == 201
    page = (await mara.get("/patients/5/plan")).text
    assert "The plan was changed since you began it" in page
    assert value(page, "angle_deg") == "21"
    assert (await mara.post("/api/v1/patients/5/plan/draft/send")).status_code == 409
    assert (await mara.post("/patients/5/plan/draft/drop")).headers["location"] == "/patients/5/plan"
    assert (await mara.delete("/api/v1/patients/5/plan/draft")).status_code == 404
    assert (await mara.post("/api/v1/patients/5/plan/draft/send")).status_code == 404
    await mara.put("/api/v1/patients/5/plan/draft", json=body)
    made = await mara.post("/api/v1/patients/5/plan/draft/send")
    assert (made.status_code, made.json()["plan"]["version"], made.json()["plan"]["dwell_s"]) == (201, 3, 66)
    await mara.aclose()
    await otto.aclose()


async def test_a_template_fills_the_form_and_changes_nothing(clinic: Any) -> None:
    client = await clinic.signed_in()
    page = (await client.get("/patients/5/plan/templates")).text
    for template in CATALOGUE:
        assert template.name in page
        assert f"/patients/5/plan?template={template.key}" in page
    assert "Given 100 → 67 percent; Silent days 1 in 5" in page
    page = (await client.get("/patients/5/plan?template=gentle-start")).text
    assert "Begun with “Gentle start”." in page
    assert [value(page, name) for name in ("dwell_s", "angle_deg", "cap_per_hour")] == ["180", "15", "2"]
    assert len((await client.get("/api/v1/patients/5/plan")).json()["history"]) == 1
    assert (await client.get("/patients/5/plan?template=none")).status_code == 404
    await client.aclose()


async def test_an_organisation_saves_and_removes_its_own_template(clinic: Any) -> None:
    client, colleague = await clinic.signed_in("mara"), await clinic.signed_in("otto")
    wanted = {"do": "template", "template_name": "Our start", "template_purpose": "As we begin", "reason": ""}
    answer = await client.post("/patients/5/plan", data=form(messages.Plan(version=1, angle_deg=17), **wanted))
    assert answer.headers["location"] == "/patients/5/plan/templates"
    answer = await client.post("/patients/5/plan", data=form(messages.Plan(version=1), **wanted))
    assert answer.status_code == 422
    assert answer.text.count("There is a template of this name; choose another.") == 2
    assert 'id="template_name-error"' in answer.text
    page = (await colleague.get("/patients/6/plan/templates")).text
    key = re.search(r"template=(own-\d+)", page)
    assert key
    assert value((await colleague.get(f"/patients/6/plan?template={key[1]}")).text, "angle_deg") == "17"
    listed = (await client.get("/api/v1/plan-templates")).json()
    assert [(one["name"], one["own"]) for one in listed[:2]] == [("Our start", True), ("Track only", False)]
    assert (await client.post("/api/v1/plan-templates", json={"name": "X", "plan": {"dwell_s": 2}})).status_code == 422
    assert (await colleague.post(f"/patients/6/plan/templates/{key[1]}/remove")).status_code == 303
    assert "Our start" not in (await client.get("/patients/5/plan/templates")).text
    assert (await client.delete("/api/v1/plan-templates/desk")).status_code == 404
    await client.aclose()
    await colleague.aclose()


async def test_drift_is_told_in_words_once_it_is_more_than_on_its_way(clinic: Any) -> None:
    def tell(version: int, calibration: int, ago_ms: int, link: Any = "live") -> None:
        told = messages.ClipStatus(clip=CLIPS[4], link=link, plan_version=version, calibration_version=calibration)
        status = messages.Status(schema="status/1", online=True, utc_ms=1, clips=(told,))
        with writing(clinic.engine) as db:
            outgoing, _ = take_status(db, GATEWAY, status, clinic.now_ms - ago_ms)
            note_sending(db, outgoing, clinic.now_ms - ago_ms)

    client = await clinic.signed_in()
    page = (await client.get("/patients/5/plan")).text
    assert "What the clip has" in page
    assert "instead of version" not in page
    tell(0, 2, 3_600_000)
    tell(0, 3, 120_000)
    page = (await client.get("/patients/5/plan")).text
    assert (
        "Clip …00c4 has no plan yet instead of version 1, since 25 Mar, 13:47. Computer …00aa told so 2 min ago. "
        "Version 1 was sent to it 2 times, last 2 min ago; it is sent again until the clip has it."
    ) in page
    assert "a clip has another version" in page
    assert "3, since 25 Mar, 14:45 (before that 2; angles are relative to the new one from then on)" in page
    (drift,) = (await client.get("/api/v1/patients/5/plan")).json()["drift"]
    assert (drift["clip"], drift["reported"], drift["sent"]) == (CLIPS[4], 0, 2)
    tell(1, 3, 1000)
    page = (await client.get("/patients/5/plan")).text
    assert "instead of version" not in page
    await client.aclose()


@pytest.mark.parametrize("path", ["/patients/5/plan", "/patients/5/plan/templates"])
async def test_no_page_frightens(clinic: Any, path: str) -> None:
    client = await clinic.signed_in()
    page = (await client.get(path)).text.lower()
    await client.aclose()
    for word in ("bad", "wrong", "damage", "correct posture", "danger"):
        assert not re.search(rf"\b{word}\b", page), word
