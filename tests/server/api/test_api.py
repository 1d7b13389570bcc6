"""The API: shapes, sums, honesty about coverage, and errors that say what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from server.plans.service import confirm
from server.store import writing

API = "/api/v1"


@pytest.fixture
async def client(clinic: Any) -> AsyncIterator[Any]:
    client = await clinic.signed_in()
    yield client
    await client.aclose()


async def get(client: Any, path: str) -> Any:
    """What is there, of a list every part."""
    answer = await client.get(API + path)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    while "next" in answer.links:
        answer = await client.get(answer.links["next"]["url"])
        assert answer.status_code == 200, answer.text
        found += answer.json()
    return found


async def test_health_needs_nobody(clinic: Any) -> None:
    async with clinic.client() as client:
        answer = await client.get(f"{API}/health")
        assert answer.json() == {"status": "ok", "utc_ms": clinic.now_ms, "version": "0.1.0"}


async def test_patients_come_with_their_clip_and_local_date(client: Any) -> None:
    patients = await get(client, "/patients")
    assert [item["name"].split()[0] for item in patients] == ["Ada", "Ben", "Cleo", "Dana", "Emil"]
    ada = patients[0]
    assert (ada["zone"], ada["today"], ada["simulated"]) == ("Europe/Berlin", "2026-03-25", True)
    assert ada["clips"][0] | {"seen_ms": 0} == {
        "clip": "00000000000000c0", "link": "live", "online": True, "live": True, "battery_pct": 81,
        "firmware": "0.1.0", "journal_waiting": 0, "plan_version": 1, "calibration_version": 1, "seen_ms": 0,
        "simulated": True,
    }  # fmt: skip
    assert await get(client, "/patients/1") == ada


@pytest.mark.parametrize("day", ["2026-03-23", "2026-03-24", "2026-03-25", "2026-03-22", "2026-03-27"])
async def test_seconds_add_up_to_the_window_so_far(client: Any, day: str) -> None:
    summary = await get(client, f"/patients/1/days/{day}")
    assert sum(summary["seconds"].values()) == summary["elapsed_s"] <= summary["window_s"]
    assert len(summary["seconds"]) == 11
    off = sum(summary["seconds"][name] for name in ("paused", "lost", "not_worn"))
    assert summary["worn_s"] == summary["elapsed_s"] - off
    assert summary["so_far"] == (day >= "2026-03-25")
    assert (summary["figures"] is None) == (summary["shortfall"] is not None)


async def test_a_full_day_in_figures(client: Any) -> None:
    summary = await get(client, "/patients/1/days/2026-03-24")
    seconds = summary["seconds"]
    assert (seconds["slouched"], seconds["lost"], seconds["not_worn"], seconds["paused"]) == (3900, 780, 43 * 60, 600)
    assert summary["coverage"] == pytest.approx(summary["worn_s"] / 28_800)
    figures = summary["figures"]
    assert figures["slouched_share"] == pytest.approx(3900 / summary["worn_s"])
    assert figures["p10_deg"] < figures["p50_deg"] < figures["p90_deg"]
    assert (summary["episodes"], summary["reminders_due"], summary["reminders_given"]) == (7, 10, 7)
    assert summary["reminders_withheld"] == {"cap": 2, "snoozed": 1}


async def test_below_the_floor_there_are_no_figures_and_it_says_why(client: Any) -> None:
    summary = await get(client, "/patients/2/days/2026-03-25")
    assert summary["figures"] is None
    assert summary["shortfall"] == "worn for 23 % of the window, 60 % are needed"
    assert summary["coverage"] == pytest.approx(0.232, abs=0.001)
    assert not {"p10", "p50", "p90", "slouched_share"} & summary.keys()


async def test_episodes_and_reminders_agree_with_the_summary(client: Any) -> None:
    summary = await get(client, "/patients/1/days/2026-03-24")
    episodes = await get(client, "/patients/1/days/2026-03-24/episodes")
    reminders = await get(client, "/patients/1/days/2026-03-24/reminders")
    assert len(episodes) == summary["episodes"]
    assert sum(item["end_ms"] - item["start_ms"] for item in episodes) == 3_900_000
    assert [item["start_ms"] for item in episodes] == sorted(item["start_ms"] for item in episodes)
    assert sum(item["given"] for item in reminders) == summary["reminders_given"]
    assert len(reminders) == summary["reminders_due"]
    prompt = [item for item in reminders if item["response"] == "prompt"]
    assert {item["response_ms"] for item in prompt} == {4200}


async def test_identities_name_every_record_of_the_day_once(client: Any) -> None:
    found = await get(client, "/patients/1/days/2026-03-24/identities")
    keys = [(i["clip"], i["boot"], i["judge"], i["kind"], i["start_ms"]) for i in found]
    assert len(set(keys)) == len(keys)
    kinds = [item["kind"] for item in found]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"epoch": 480 - 13, "episode": 7, "reminder": 10}
    assert {item["rev"] for item in found if item["kind"] == "reminder"} == {2}
    start, end = 1_774_306_800_000, 1_774_306_800_000 + 86_400_000
    assert all(start <= item["utc_ms"] < end for item in found)
    assert await get(client, "/patients/1/days/2026-03-22/identities") == []


async def test_the_plan_changes_by_what_is_sent_and_is_pending_until_confirmed(clinic: Any, client: Any) -> None:
    body = {"plan": {"dwell_s": 45, "goals": {"worn_hours": 5}}, "reason": "more often for a week"}
    answer = await client.post(f"{API}/patients/5/plan", json=body)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["state"], made["author"], made["reason"]) == ("pending", "Mara Lindqvist", "more often for a week")
    assert (made["plan"]["version"], made["plan"]["dwell_s"], made["plan"]["angle_deg"]) == (2, 45, 12)
    assert made["plan"]["zone"] == "Europe/Berlin"
    assert made["plan"]["goals"] == {"shifts_per_hour": 12, "longest_still_min": 45, "worn_hours": 5}
    state = await get(client, "/patients/5/plan")
    assert state["waiting"]
    assert (state["newest"]["plan"]["version"], state["in_force"]["plan"]["version"]) == (2, 1)
    with writing(clinic.engine) as db:
        confirm(db, 5, 2, clinic.now_ms + 9000)
    state = await get(client, "/patients/5/plan")
    assert not state["waiting"]
    assert state["in_force"] == state["newest"]
    assert [version["state"] for version in state["history"]] == ["confirmed", "superseded"]


@pytest.mark.parametrize(
    ("plan", "field", "words"),
    [
        ({"dwell_s": 2}, "plan.dwell_s", "whole number from 3 to 600"),
        ({"dwell_s": "soon"}, "plan.dwell_s", "whole number from 3 to 600"),
        ({"angle_deg": 12, "recovery_deg": 12}, "plan", "recovery_deg must be below angle_deg"),
        ({"start": "17:00"}, "plan", "the window must start before it ends"),
        ({"dwell": 60}, "plan.dwell", "no such field; there are angle_deg"),
        ({"version": 9}, "plan.version", "no such field"),
        ({"zone": "Mars/Base"}, "plan.zone", "no such field"),
        ({"days": []}, "plan.days", "one or more of the numbers 0"),
        ({"days": [7]}, "plan.days.0", "one or more of the numbers 0"),
        ({"mode": "force"}, "plan.mode", "track"),
        ({"goals": {"worn_hours": 30}}, "plan.goals.worn_hours", "number from 0 to 24"),
        ({"recovery_s": None}, "plan.recovery_s", "number from 0.1 to 10"),
    ],
)
async def test_a_plan_that_cannot_be_used_is_told_by_field(client: Any, plan: Any, field: str, words: str) -> None:
    answer = await client.post(f"{API}/patients/5/plan", json={"plan": plan, "reason": "because"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    errors = {item["field"]: item["detail"] for item in answer.json()["errors"]}
    assert words in errors[field]
    assert len((await get(client, "/patients/5/plan"))["history"]) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"plan": {}}', b'{"plan": [], "reason": "because"}',
        b'{"plan": {}, "reason": "x"}', b'{"plan": {"recovery_s": NaN}, "reason": "because"}',
        b'{"plan": {}, "reason": "because", "extra": 1}', b'{"plan": {"seed": 1e400}, "reason": "because"}',
        b"[" * 30_000,
    ],
    ids=range(12),
)  # fmt: skip
async def test_bodies_that_cannot_be_read_change_nothing(client: Any, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await client.post(f"{API}/patients/5/plan", content=content, headers=headers)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert len((await get(client, "/patients/5/plan"))["history"]) == 1


@pytest.mark.parametrize("patient", ["0", "-1", "x", "1.5", "99999999999999999999", "%00", "1%20or%201"])
async def test_patient_numbers_are_numbers(client: Any, patient: str) -> None:
    answer = await client.get(f"{API}/patients/{patient}/days/2026-03-24")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "patient_id"


async def test_no_documents_with_scripts_from_elsewhere(client: Any) -> None:
    assert (await client.get("/docs")).status_code == 404
