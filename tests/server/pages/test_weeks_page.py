"""Weeks, four weeks, marks and zones as people see them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest

from server.pages.day import window_words, zone_words
from server.pages.period import change_words, changes, left_out_words, side_words, span_words, value_words
from server.summaries.measures import MEASURES
from server.summaries.service import rebuild_stale
from tests.server.conftest import ZONE
from tests.server.summaries.test_periods import MONDAY, days, mark, period, summary

SHIFTS, STILL, _BREAKS, SHARE, MEDIAN, *_REST = MEASURES


def text_of(page: str) -> str:
    return re.sub(
        r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<(script|svg).*?</\1>", " ", page, flags=re.DOTALL)))
    )


@pytest.fixture
async def client(clinic: Any) -> AsyncIterator[Any]:
    while rebuild_stale(clinic.engine, clinic.now_ms):
        pass
    client = await clinic.signed_in()
    yield client
    await client.aclose()


async def text(client: Any, path: str, status: int = 200) -> str:
    answer = await client.get(path)
    assert answer.status_code == status, answer.text
    return text_of(answer.text)


@pytest.mark.parametrize(
    ("measure", "value", "words"),
    [
        (SHIFTS, 3.14, "+3.1"), (SHIFTS, -0.04, "±0.0"), (STILL, -6.2, "−6 min"), (SHARE, 0.012, "+1 point"),
        (SHARE, -0.048, "−5 points"), (MEDIAN, 1.26, "+1.3°"),
    ],
)  # fmt: skip
def test_a_change_is_told_with_its_sign_and_unit(measure: Any, value: float, words: str) -> None:
    assert change_words(measure, value) == words


def test_a_change_is_told_with_size_interval_and_days() -> None:
    shown = period(days(MONDAY - timedelta(days=28), 28) | days(MONDAY, 5, shifts=40))
    shifts, still, *_, rate = changes(shown)
    assert (shifts.verdict, shifts.changed, shifts.why) == ("Changed beyond own noise", True, "")
    assert shifts.size == "+4.9"
    assert re.fullmatch(r"\+4\.\d to \+5\.\d", shifts.interval)
    assert (still.verdict, still.size, still.changed) == ("Within own noise", "±0 min", False)
    assert (rate.verdict, rate.size, rate.interval) == ("Too few days", "", "")
    assert rate.why == "0 of at least 3 here, 0 of at least 8 before"
    assert side_words(shown.recent) == "5 of 7 days, 100 % coverage"
    assert left_out_words(shown.recent) == "2 no window"


def test_slouched_is_not_compared_over_a_change_of_the_angle() -> None:
    stored = days(MONDAY - timedelta(days=28), 35)
    older = days(date(2026, 10, 26), 28)
    shown = period(stored | {day: replace(one, plan_angle_deg=10) for day, one in older.items()})
    row = next(row for row in changes(shown) if row.name.startswith("Slouched"))
    assert (row.verdict, row.size, row.changed) == ("Not compared", "", False)
    assert row.why == "the plan’s angle was 10° before and is 12° here"


def test_a_marked_day_is_said_to_be_left_out() -> None:
    shown = period(days(MONDAY, 5), {MONDAY: mark(MONDAY)})
    assert left_out_words(shown.recent) == "1 not representative, 2 no window"


def test_spans_of_dates() -> None:
    assert span_words(MONDAY, date(2026, 11, 29)) == "23–29 November 2026"
    assert span_words(date(2026, 11, 30), date(2026, 12, 6)) == "30 November – 6 December 2026"
    assert span_words(date(2026, 12, 28), date(2027, 1, 3)) == "28 December 2026 – 3 January 2027"
    assert value_words(STILL, 14.6) == "15 min"
    assert value_words(SHARE, None) == "–"


def test_a_day_of_travel_says_so() -> None:
    day = summary(MONDAY)
    assert zone_words(day) == ""
    at = day.day_start_ms + 11 * 3_600_000
    gone = replace(
        day, zone="Asia/Tokyo", zones=((day.day_start_ms, "Europe/Berlin"), (at, "Asia/Tokyo")), plan_zone="UTC"
    )
    assert "at 12:00 from Europe/Berlin to Asia/Tokyo, where it was 20:00" in zone_words(gone)
    assert window_words(gone, ZONE).endswith("by the plan’s clock in UTC")


async def test_the_week_page_says_what_counts_and_what_does_not(client: Any) -> None:
    page = await text(client, "/patients/1/weeks/2026-03-25")
    assert "Week 13 · 23–29 March 2026" in page
    assert "Left out: 4 still to come, 1 not over yet" in page
    assert page.count("Too few days") == 7
    assert "2 of at least 3 here, 0 of at least 8 before" in page
    assert "95 % interval" in page
    assert (await client.get("/patients/1/weeks")).headers["location"] == "/patients/1/weeks/2026-03-25"
    four = await text(client, "/patients/1/trends")
    assert "25 February – 24 March 2026" in four
    assert "28 January – 24 February 2026" in four


async def test_a_day_is_left_out_with_a_reason_and_counts_again(client: Any) -> None:
    path = "/patients/1/days/2026-03-24"
    refused = await client.post(f"{path}/mark", data={"representative": "no", "reason": " "})
    assert refused.status_code == 422
    assert "Say why the day is not representative" in text_of(refused.text)
    done = await client.post(f"{path}/mark", data={"representative": "no", "reason": "<b>fair</b> & fun"})
    assert (done.status_code, done.headers["location"]) == (303, f"{path}#mark")
    page = (await client.get(path)).text
    assert "&lt;b&gt;fair&lt;/b&gt; &amp; fun" in page
    assert "left out of weeks and trends" in page
    week = await text(client, "/patients/1/weeks/2026-03-24")
    assert "Left out: not representative (<b>fair</b> & fun)" in unescape(week) or "not representative" in week
    await client.post(f"{path}/mark", data={"representative": "yes"})
    assert "left out of weeks and trends:" not in text_of((await client.get(path)).text)


async def test_the_day_page_shows_the_new_figures_with_their_coverage(client: Any) -> None:
    page = await text(client, "/patients/1/days/2026-03-24")
    assert re.search(r"Longest still bout (≥ )?\d+ min no shift or break from \d\d:\d\d to \d\d:\d\d, at 86 %", page)
    assert re.search(r"Breaks 7 of 15 s and more of moving; 1\.0 an hour, at 86 % coverage", page)
    below = await text(client, "/patients/2/days/2026-03-25")
    assert "Longest still bout not shown too little worn time" in below


async def test_a_patient_who_travels_is_moved_and_moved_back(clinic: Any, client: Any) -> None:
    path = "/patients/1/zone"
    for data, words in (
        ({"zone": "Mars/Olympus", "date": "2026-03-25", "time": "12:00"}, "unknown time zone"),
        ({"zone": "Asia/Tokyo", "date": "", "time": "12:00"}, "Give the date and the time of arrival"),
        ({"zone": "Asia/Tokyo", "date": "2026-03-26", "time": "12:00"}, "once it has happened"),
    ):
        answer = await client.post(path, data=data)
        assert answer.status_code == 422
        assert words in text_of(answer.text)
    moved = await client.post(path, data={"zone": "Asia/Tokyo", "date": "2026-03-25", "time": "19:00"})
    assert moved.status_code == 303
    page = await text(client, path)
    assert "Asia/Tokyo since Wed 25 Mar 2026, 19:00, entered by Mara Lindqvist" in page
    assert "The plan goes by the clock of Europe/Berlin" in page
    day = await text(client, "/patients/1/days/2026-03-25")
    assert "Travelled at 11:00 from Europe/Berlin to Asia/Tokyo, where it was 19:00. This day had 16 h 00 min" in day
    assert "Window 17:00–00:00, by the plan’s clock in Europe/Berlin, 7 h 00 min" in day
    sent = await client.post("/api/v1/patients/1/plan", json={"plan": {"dwell_s": 99}, "reason": "in Tokyo"})
    assert sent.json()["plan"]["zone"] == "Asia/Tokyo"
    assert "The plan goes by" not in await text(client, path)
    start = (await client.get("/api/v1/patients/1/zones")).json()[0]["start_ms"]
    assert (await client.post(f"{path}/{start}/take-back")).status_code == 303
    assert (await client.post(f"{path}/{start}/take-back")).status_code == 422
    assert "Asia/Tokyo since" not in await text(client, path)
