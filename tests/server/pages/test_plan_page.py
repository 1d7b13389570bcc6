"""The plan form: limits, errors that say what to do, pending until the clip confirms."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData

from gateway import messages
from server.pages import plan_form, plan_words
from server.plans.service import confirm
from server.store import writing

HALF_HOURS = [f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in (0, 30)] + ["24:00"]


def sent(draft: plan_form.Draft, **changes: str) -> list[tuple[str, Any]]:
    """What a browser sends of a form."""
    pairs = [(name, value) for name, value in {**draft.values, "reason": "calmer now", **changes}.items()]
    pairs += [("days", str(day)) for day in draft.days]
    return pairs + [(name, "on") for name, on in draft.switches.items() if on]


@given(st.data())
def test_a_shown_plan_sent_unchanged_is_the_same_plan(data: Any) -> None:
    angle = data.draw(st.integers(5, 60))
    times = sorted(data.draw(st.lists(st.sampled_from(HALF_HOURS), min_size=4, max_size=4, unique=True)))
    start, quiet_start, quiet_end, end = times
    quiet = data.draw(st.booleans())
    plan = messages.Plan(
        version=7,
        mode=data.draw(st.sampled_from(["train", "track"])),
        angle_deg=angle,
        dwell_s=data.draw(st.integers(3, 600)),
        recovery_deg=data.draw(st.integers(1, min(30, angle - 1))),
        recovery_s=data.draw(st.integers(1, 100)) / 10,
        repeat_s=data.draw(st.integers(3, 3600)),
        cap_per_hour=data.draw(st.integers(0, 30)),
        fraction_pct=data.draw(st.integers(0, 100)),
        back_off=data.draw(st.booleans()),
        positive_pulse=data.draw(st.booleans()),
        days=tuple(sorted(data.draw(st.sets(st.integers(0, 6), min_size=1)))),
        start=start,
        end=end,
        quiet_start=quiet_start if quiet else None,
        quiet_end=quiet_end if quiet else None,
        trigger=data.draw(st.sampled_from(["dwell", "dose"])),
        probe_every=data.draw(st.sampled_from([0, 2, 3, 4, 5])),
        goals=messages.Goals(
            shifts_per_hour=data.draw(st.integers(0, 120)),
            longest_still_min=data.draw(st.integers(5, 240)),
            worn_hours=data.draw(st.integers(0, 48)) / 2,
        ),
    )
    draft, fields = plan_form.read_form(FormData(sent(plan_form.draft_of(plan))))
    assert draft.errors == {}
    assert messages.Plan.model_validate({**fields, "version": 7, "seed": plan.seed}) == plan
    assert plan_words.differences(plan, plan) == "Nothing"


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("angle_deg", "4", "Enter a whole number from 5 to 60 degrees forward."),
        ("angle_deg", "61", "Enter a whole number from 5 to 60 degrees forward."),
        ("angle_deg", "12.5", "Enter a whole number from 5 to 60 degrees forward."),
        ("dwell_s", "", "Enter a whole number from 3 to 600 seconds."),
        ("dwell_s", "two minutes", "Enter a whole number from 3 to 600 seconds."),
        ("dwell_s", "nan", "Enter a whole number from 3 to 600 seconds."),
        ("dwell_s", "1e999", "Enter a whole number from 3 to 600 seconds."),
        ("recovery_s", "0", "Enter a number from 0.1 to 10 seconds."),
        ("cap_per_hour", "-1", "Enter a whole number from 0 to 30 reminders an hour."),
        ("goals.worn_hours", "25", "Enter a number from 0 to 24 hours a day."),
        ("recovery_deg", "10", "Recovery must be smaller than the angle."),
        ("start", "9am", "Enter a time of day as hours and minutes, such as 09:30."),
        ("end", "25:00", "Enter a time of day as hours and minutes, such as 09:30."),
        ("end", "08:00", "The window must end later than it starts."),
        ("quiet_start", "12:00", "Enter both times of the quiet hours, or none."),
        ("quiet_end", "noon", "Enter a time of day as hours and minutes, such as 09:30."),
        ("quiet_end", "12:345", "Enter a time of day as hours and minutes, such as 09:30."),
        ("trigger", "guess", "Choose time or dose."),
        ("probe_every", "7", "Choose one of the list."),
        ("mode", "guess", "Choose train or track."),
        ("days", "", "Choose at least one day."),
        ("reason", " ", "Say in 3 to 500 characters why the plan changes."),
        ("reason", "x" * 501, "Say in 3 to 500 characters why the plan changes."),
    ],
)
async def test_what_cannot_be_used_is_told_beside_its_field(clinic: Any, field: str, text: str, words: str) -> None:
    draft = plan_form.draft_of(messages.Plan(version=1))
    form = [pair for pair in sent(draft) if pair[0] != field] + ([(field, text)] if text else [])
    client = await clinic.signed_in()
    answer = await client.post("/patients/5/plan", data=_grouped([*form, ("based_on", "1")]))
    page = answer.text
    history = (await client.get("/api/v1/patients/5/plan")).json()["history"]
    await client.aclose()
    assert answer.status_code == 422
    assert len(history) == 1
    assert page.count(words) == 2, "once above the form, once beside the field"
    assert f'href="#{field}"' in page
    assert f'id="{field}-error"' in page
    if field not in ("mode", "days", "trigger", "probe_every") and text.strip() and len(text) < 100:
        assert f'value="{text}"' in page or field == "reason", "what was typed is still there"


def _grouped(pairs: list[tuple[str, Any]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


@pytest.mark.parametrize(
    ("start", "end", "field", "words"),
    [
        ("22:00", "06:00", "quiet_end", "Quiet hours must end later than they start, on the same day."),
        ("12:00", "11:30", "quiet_end", "Quiet hours must end later than they start, on the same day."),
        ("", "12:00", "quiet_start", "Enter both times of the quiet hours, or none."),
        ("08:00", "10:00", "quiet_start", "Quiet hours must lie within the window."),
        ("16:30", "17:30", "quiet_start", "Quiet hours must lie within the window."),
    ],
)
async def test_quiet_hours_that_cannot_be(clinic: Any, start: str, end: str, field: str, words: str) -> None:
    client = await clinic.signed_in()
    form = sent(plan_form.draft_of(messages.Plan(version=1)), quiet_start=start, quiet_end=end)
    answer = await client.post("/patients/5/plan", data=_grouped([*form, ("based_on", "1")]))
    await client.aclose()
    assert answer.status_code == 422
    assert answer.text.count(words) == 2
    assert f'id="{field}-error"' in answer.text


def test_times_are_read_as_people_write_them_and_told_of_with_everything_else() -> None:
    form = sent(plan_form.draft_of(messages.Plan(version=1)), start=" 8:00", quiet_start="9:30 ", quiet_end="10:00")
    draft, fields = plan_form.read_form(FormData(form))
    assert draft.errors == {}
    assert (fields["start"], fields["quiet_start"], fields["quiet_end"]) == ("08:00", "09:30", "10:00")
    draft, _ = plan_form.read_form(FormData(sent(draft, start="", quiet_start="noon", dwell_s="2")))
    assert set(draft.errors) == {"start", "quiet_start", "dwell_s"}


async def test_what_the_form_does_not_show_stays_as_it_is(clinic: Any) -> None:
    client = await clinic.signed_in()
    before = (await client.get("/api/v1/patients/5/plan")).json()["newest"]["plan"]
    draft = plan_form.draft_of(messages.Plan(version=1))
    form = sent(draft, trigger="dose", quiet_start="12:00", quiet_end="13:00", probe_every="5")
    await client.post("/patients/5/plan", data=_grouped([*form, ("based_on", "1")]))
    after = (await client.get("/api/v1/patients/5/plan")).json()["newest"]["plan"]
    page = (await client.get("/patients/5/plan")).text
    await client.aclose()
    assert after["seed"] == before["seed"]
    assert (after["trigger"], after["quiet_start"], after["probe_every"]) == ("dose", "12:00", 5)
    assert "Due by time → dose; Quiet 12:00–13:00; Silent days 1 in 5" in page


async def test_a_change_is_pending_until_the_clip_confirms_it(clinic: Any) -> None:
    client = await clinic.signed_in()
    draft = plan_form.draft_of(messages.Plan(version=1, angle_deg=12, dwell_s=90))
    form = _grouped([*sent(draft, dwell_s="75"), ("based_on", "1")])
    answer = await client.post("/patients/5/plan", data=form)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/patients/5"
    state = await client.get("/patients/5/plan/state")
    assert state.headers["x-plan-waiting"] == "yes"
    assert "Version 2 pending" in state.text
    assert "Version 1 still in force" in state.text
    page = (await client.get("/patients/5/plan")).text
    assert "Dwell 90 → 75" in page
    assert "calmer now" in page
    assert 'data-poll="/patients/5/plan/state"' in page
    with writing(clinic.engine) as db:
        confirm(db, 5, 2, clinic.now_ms + 5000)
    state = await client.get("/patients/5/plan/state")
    assert state.headers["x-plan-waiting"] == "no"
    assert "Version 2 in force" in state.text
    assert "pending" not in state.text
    await client.aclose()


async def test_a_form_from_before_somebody_else_changed_the_plan_is_not_taken(clinic: Any) -> None:
    client = await clinic.signed_in()
    form = sent(plan_form.draft_of(messages.Plan(version=1)))
    for based_on in ("0", "", "7", "x"):
        answer = await client.post("/patients/5/plan", data=_grouped([*form, ("based_on", based_on)]))
        assert answer.status_code == 422
        assert "The plan was changed meanwhile." in answer.text
    await client.aclose()


async def test_the_first_plan_starts_from_the_defaults(clinic: Any) -> None:
    clinic.add_patient("Gus Amari", "mara", clip="00000000000000d1")
    client = await clinic.signed_in()
    page = (await client.get(f"/patients/{clinic.patients['Gus Amari']}/plan")).text
    assert "No plan yet" in page
    assert re.search(r'id="dwell_s" name="dwell_s" value="60" min="3" max="600"', page)
    day = (await client.get(f"/patients/{clinic.patients['Gus Amari']}/days/2026-03-25")).text
    assert "Write the first plan" in day
    await client.aclose()


def test_limits_are_those_of_the_contract() -> None:
    limits = {f.name: (f.low, f.high) for f in (*plan_form.WHEN, *plan_form.REMINDERS, *plan_form.GOALS)}
    assert limits["angle_deg"] == (5, 60)
    assert limits["recovery_s"] == (0.1, 10)
    assert limits["goals.longest_still_min"] == (5, 240)


def test_days_in_short() -> None:
    assert plan_words.day_words((0, 1, 2, 3, 4)) == "Mon–Fri"
    assert plan_words.day_words((0, 2)) == "Mon, Wed"
    assert plan_words.day_words((5, 6)) == "Sat, Sun"
