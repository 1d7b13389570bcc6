"""Weeks, four weeks, marks and zones for programs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from server.store.engine import reading
from server.store.tables import audit_entry
from server.summaries.service import rebuild_stale

API = "/api/v1/patients/1"


@pytest.fixture
async def client(clinic: Any) -> AsyncIterator[Any]:
    while rebuild_stale(clinic.engine, clinic.now_ms):
        pass
    client = await clinic.signed_in()
    yield client
    await client.aclose()


async def get(client: Any, path: str) -> Any:
    answer = await client.get(API + path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_week_says_which_days_count_and_why_others_do_not(client: Any) -> None:
    week = await get(client, "/weeks/2026-03-25")
    recent, before = week["recent"], week["before"]
    assert (recent["first"], recent["last"], before["first"], before["last"]) == (
        "2026-03-23", "2026-03-29", "2026-02-23", "2026-03-22"
    )  # fmt: skip
    assert [day["left_out"] for day in recent["days"]] == [None, None, "not_over", *["not_come"] * 4]
    assert (recent["days_counted"], before["days_counted"]) == (2, 0)
    day = await get(client, "/days/2026-03-24")
    assert recent["days"][1]["figures"] == day["figures"]
    assert recent["worn_s"] == sum(one["worn_s"] for one in recent["days"][:2])
    assert recent["coverage"] == pytest.approx(recent["worn_s"] / (2 * 28_800))
    assert [change["verdict"] for change in week["changes"]] == ["too_few_days"] * 7
    first = week["changes"][0]
    assert (first["measure"], first["unit"], first["change"], first["recent_days"]) == (
        "shifts_per_hour", "an hour", None, 2
    )  # fmt: skip
    assert "95 %" in week["method"]
    assert week["being_made"] == 0
    assert await get(client, "/weeks/2026-03-29") == week


async def test_four_weeks_end_yesterday_or_where_it_is_asked(client: Any) -> None:
    found = await get(client, "/trends")
    assert (found["recent"]["first"], found["recent"]["last"]) == ("2026-02-25", "2026-03-24")
    assert len(found["recent"]["days"]) == len(found["before"]["days"]) == 28
    assert (await get(client, "/trends?to=2026-03-10"))["recent"]["last"] == "2026-03-10"
    refused = await client.get(f"{API}/trends?to=yesterday")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "to")


async def test_what_has_not_changed_need_not_be_sent_again(client: Any) -> None:
    first = await client.get(f"{API}/trends")
    again = await client.get(f"{API}/trends", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_marked_day_is_left_out_and_can_count_again(clinic: Any, client: Any) -> None:
    path = f"{API}/days/2026-03-24/marks"
    for body, status in (
        ({"representative": False, "reason": ""}, 409),
        ({"representative": True}, 409),
        ({"representative": "no", "reason": "ill"}, 422),
        ({"representative": False, "reason": "x" * 201}, 422),
        ({"representative": False, "reason": "at home, ill"}, 201),
    ):
        answer = await client.post(path, json=body)
        assert answer.status_code == status, answer.text
    assert answer.json()["author"] == "Mara Lindqvist"
    day = (await get(client, "/weeks/2026-03-24"))["recent"]["days"][1]
    assert (day["left_out"], day["reason"], day["figures"] is None) == ("not_representative", "at home, ill", False)
    assert (await get(client, "/weeks/2026-03-24"))["recent"]["days_counted"] == 1
    assert (await client.post(path, json={"representative": True})).status_code == 201
    assert (await get(client, "/weeks/2026-03-24"))["recent"]["days_counted"] == 2
    assert [one["representative"] for one in await get(client, "/days/2026-03-24/marks")] == [True, False]
    future = await client.post(f"{API}/days/2026-03-28/marks", json={"representative": False, "reason": "leave"})
    assert (future.status_code, future.json()["title"]) == (409, "The day was not marked")
    with reading(clinic.engine) as db:
        entries = db.execute(select(audit_entry).where(audit_entry.c.act == "mark day")).mappings().all()
    assert [entry["outcome"] for entry in entries] == ["failed", "failed", "done", "done", "failed"]
    assert entries[2]["detail"] == "2026-03-24 left out"
    assert not [entry for entry in entries if "ill" in str(dict(entry)).replace("failed", "")]


async def test_a_patient_travels(clinic: Any, client: Any) -> None:
    noon = clinic.now_ms - 3_600_000
    answer = await client.post(f"{API}/zones", json={"zone": "Asia/Tokyo", "start_ms": noon})
    assert answer.status_code == 201, answer.text
    assert [one["zone"] for one in answer.json()] == ["Asia/Tokyo", "Europe/Berlin"]
    assert (await client.get(API)).json()["zone"] == "Asia/Tokyo"
    day = await get(client, "/days/2026-03-25")
    assert [zone for _, zone in day["zones"]] == ["Europe/Berlin", "Asia/Tokyo"]
    assert (day["day_end_ms"] - day["day_start_ms"]) // 3_600_000 == 16
    assert (day["plan_zone"], day["zone"]) == ("Europe/Berlin", "Asia/Tokyo")
    for body, status in (
        ({"zone": "Mars/Olympus", "start_ms": noon}, 422),
        ({"zone": "Asia/Tokyo", "start_ms": noon}, 409),
        ({"zone": "Asia/Seoul", "start_ms": clinic.now_ms + 120_000}, 409),
        ({"zone": "Asia/Seoul", "start_ms": 0}, 422),
    ):
        assert (await client.post(f"{API}/zones", json=body)).status_code == status
    start = answer.json()[0]["start_ms"]
    assert (await client.delete(f"{API}/zones/{start}")).status_code == 204
    assert (await client.delete(f"{API}/zones/{start}")).status_code == 409
    assert [one["zone"] for one in await get(client, "/zones")] == ["Europe/Berlin"]


async def test_the_new_figures_stand_with_the_others(client: Any) -> None:
    day = await get(client, "/days/2026-03-24")
    figures = day["figures"]
    assert (day["plan_angle_deg"], day["windows"]) == (12, [[day["window_start_ms"], day["window_end_ms"]]])
    # The script has seven stretches of moving; the shorter ones amid upright are no breaks.
    assert day["breaks"] == 7
    assert figures["breaks_per_hour"] == pytest.approx(7 * 3600 / day["worn_s"])
    assert figures["spread_deg"] == pytest.approx(figures["p90_deg"] - figures["p10_deg"], abs=0.06)
    assert 300 < figures["longest_still_s"] < 3600
    assert day["day_start_ms"] < figures["longest_still_start_ms"] < day["day_end_ms"]
    below = await client.get("/api/v1/patients/2/days/2026-03-25")
    assert below.json()["figures"] is None
    assert "longest_still_s" not in below.json()
