"""The day page: it adds up, it is honest about what is missing, and every picture has its table."""

from __future__ import annotations

import itertools
import re
from datetime import date
from types import SimpleNamespace
from typing import Any, cast, get_args
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from gateway import messages
from server.access.clips import LINKS
from server.ingest.service import settle
from server.pages import timeline, vocabulary
from server.pages.charts.axis import TimeAxis
from server.pages.render import ENVIRONMENT
from server.store import writing
from server.store.tables import patient
from server.summaries.types import DayView, Stripe

ADA, BEN, CLEO, DANA = 1, 2, 3, 4


async def get(clinic: Any, path: str) -> str:
    client = await clinic.signed_in()
    answer = await client.get(path)
    await client.aclose()
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def seconds(clock: str) -> int:
    hours, minutes, rest = (int(part) for part in clock.split(":"))
    return hours * 3600 + minutes * 60 + rest


@pytest.mark.parametrize(
    "path", ["/patients/1/days/2026-03-24", "/patients/1/days/2026-03-25", "/patients/2/days/2026-03-25"]
)
async def test_time_by_category_adds_up_to_the_window(clinic: Any, path: str) -> None:
    page = await get(clinic, path)
    table = page[page.index('id="time-title"') : page.index("</tfoot>")]
    *parts, whole = re.findall(r">(\d+:\d\d:\d\d)<", table)
    assert len(parts) >= 5
    assert sum(map(seconds, parts)) == seconds(whole) == 8 * 3600


async def test_the_coverage_bar_is_full_and_says_so_in_words(clinic: Any) -> None:
    page = await get(clinic, "/patients/1/days/2026-03-25")
    bar = re.search(r'<svg class="chart coverage".*?</svg>', page, re.DOTALL)
    assert bar
    widths = [float(width) for width in re.findall(r' width="([0-9.]+)%" height="100%"', bar[0])]
    assert sum(widths) == pytest.approx(100, abs=0.2)
    assert 'aria-label="The window adds up: Upright' in bar[0]
    assert "Still to come 2 h 14 min" in bar[0]


async def test_a_live_day_says_so_far_and_leads_back_only(clinic: Any) -> None:
    page = await get(clinic, "/patients/1/days/2026-03-25")
    text = text_of(page)
    assert "so far, until 14:46" in text
    assert "Worn 4 h 40 min of 5 h 46 min so far (81 %)" in text
    assert 'href="/patients/1/days/2026-03-24"' in page
    assert "/patients/1/days/2026-03-26" not in page
    assert "live.js" in page


async def test_a_finished_day_does_not(clinic: Any) -> None:
    page = await get(clinic, "/patients/1/days/2026-03-24")
    assert "so far" not in text_of(page)
    assert "Still to come" not in page
    assert 'href="/patients/1/days/2026-03-25"' in page
    assert "live.js" not in page


async def test_figures_carry_their_coverage(clinic: Any) -> None:
    text = text_of(await get(clinic, "/patients/1/days/2026-03-24"))
    assert "16 % 1 h 05 min of worn time, at 86 % coverage" in text
    assert re.search(r"P10 · a tenth of the time below \S+° 86 %", text)
    assert re.search(r"P90 · a tenth of the time above \d+° 86 %", text)


async def test_below_the_floor_figures_are_not_shown_and_it_says_why(clinic: Any) -> None:
    page = await get(clinic, "/patients/2/days/2026-03-25")
    text = text_of(page)
    assert page.count('<dd class="none">not shown</dd>') == 5
    assert "Shares and angles are not shown for this day: worn for 23 % of the window, 60 % are needed" in text
    assert "P90 ·" not in text
    assert 'class="chart spread"' not in page
    assert "Worn 1 h 20 min of 5 h 45 min so far (23 %)" in text


async def test_unworn_and_lost_are_drawn_unlike_each_other_and_unlike_upright(clinic: Any) -> None:
    page = await get(clinic, "/patients/1/days/2026-03-24")
    strip = re.search(r'<svg class="chart strip".*?</svg>', page, re.DOTALL)
    assert strip
    for key, words in (
        ("lost", "Lost 13:37–13:50"),
        ("not-worn", "Not worn 12:00–12:32"),
        ("paused", "Paused 14:14–14:24"),
    ):
        assert re.search(rf'<rect class="c-{key}" fill="url\(#p-{key}\)"[^>]*><title>{words}', strip[0]), words
    assert re.search(r'<rect class="c-upright" x=', strip[0])
    assert all(f'id="p-{key}"' in page for key in ("lost", "not-worn", "paused", "uncalibrated"))


async def test_every_picture_has_a_name_and_a_table(clinic: Any) -> None:
    page = await get(clinic, "/patients/1/days/2026-03-24")
    charts = re.findall(r'<svg class="chart ([a-z]+)"([^>]*)>', page)
    assert {name for name, _ in charts} >= {"coverage", "strip", "trace", "lane", "axis", "spread"}
    for name, attributes in charts:
        assert "aria-label=" in attributes or 'aria-hidden="true"' in attributes, name
    hours = page[page.index("hour by hour, as a table") : page.index("</details>")]
    assert re.findall(r">(\d\d:00–\d\d:00)<", hours) == [f"{h:02d}:00–{h + 1:02d}:00" for h in range(9, 17)]
    row = text_of(hours[hours.index("12:00–13:00") :])
    assert row.startswith("12:00–13:00 28 min")


async def test_episodes_and_reminders_are_on_the_axis_and_in_the_tables(clinic: Any) -> None:
    page = await get(clinic, "/patients/1/days/2026-03-24")
    line = page[page.index('id="timeline"') : page.index('id="look"')]
    assert line.count('class="episode"') == line.count('class="episode-band"') == 7
    assert line.count('class="sign ') == 10
    episodes = page[page.index('id="episodes-title"') : page.index('id="reminders-title"')]
    assert episodes.count('<th scope="row">') == 7
    assert "09:35:00" in episodes
    assert "came back upright" in episodes
    reminders = page[page.index('id="reminders-title"') :]
    assert reminders.count('<th scope="row">') == 10
    for words in ("changed after 4 s", "changed after 31 s", "no change before the next", "Withheld: snoozed"):
        assert words in reminders
    assert "Withheld: hourly cap reached" in reminders


def test_the_whole_day_frames_its_window_and_tells_of_the_rest() -> None:
    hour = 3_600_000
    summary = SimpleNamespace(windows=((9 * hour, 17 * hour),), day_start_ms=0, day_end_ms=24 * hour)
    view = cast("DayView", SimpleNamespace(summary=summary, stripes=(Stripe(9 * hour, 17 * hour, "upright"),)))
    rest = (Stripe(19 * hour, 20 * hour, "slouched"), Stripe(20 * hour, 22 * hour, "not_worn"))
    shown = timeline.whole_day(view, rest, ZoneInfo("UTC"))
    drawn = str(shown["day_strip"])
    assert 'class="window" x="37.5%" y="1" width="33.33%"' in drawn
    assert 'class="c-slouched" x="79.17%"' in drawn
    assert "c-lost" not in drawn, "nothing was to be recorded there"
    assert shown["rest_words"] == "Outside the window the clip was worn for 1 h 00 min; no figure counts it."


def test_a_moment_is_told_by_the_commonest_state_of_its_minute() -> None:
    zone = ZoneInfo("UTC")
    states = [("upright", 70), ("slouched", 10), ("upright", 35), ("slouched", 25), ("moving", 20)]
    edges = list(itertools.accumulate((1000 * length for _, length in states), initial=0))
    stripes = tuple(
        Stripe(start, end, category)
        for (category, _), (start, end) in zip(states, itertools.pairwise(edges), strict=True)
    )
    view = SimpleNamespace(stripes=stripes, trace=())
    told = timeline.moments(cast("DayView", view), TimeAxis(0, 240_000, zone))
    assert told["states"] == ["Upright", "Upright", "Slouched", None]


@pytest.mark.parametrize(("count", "collapsed"), [(12, False), (13, True)])
def test_a_long_list_is_folded(count: int, *, collapsed: bool) -> None:
    text = '{% from "macros.html" import long_list %}{% call long_list(n, "episodes") %}<table></table>{% endcall %}'
    made = ENVIRONMENT.from_string(text).render(n=count)
    assert "<table></table>" in made
    assert (f"<summary>All {count} episodes, one by one</summary>" in made) == collapsed


def test_every_word_of_the_contract_has_words_for_people() -> None:
    reminder, episode = messages.Reminder.model_fields, messages.Episode.model_fields
    assert set(vocabulary.REASONS) == set(get_args(reminder["reason"].annotation))
    assert set(vocabulary.RESPONSES) == set(get_args(reminder["response"].annotation))
    assert set(vocabulary.END_REASONS) == set(get_args(episode["end_reason"].annotation))
    assert set(vocabulary.EVENTS) == set(get_args(messages.EventKind))
    assert set(LINKS) == set(get_args(messages.ClipStatus.model_fields["link"].annotation))


async def test_what_the_clip_told_besides_is_listed(clinic: Any) -> None:
    base = {"clip": "00000000000000c0", "boot": "0" * 15 + "f", "judge": "clip", "rev": 0, "plan": 1, "calibration": 1}
    at = clinic.now_ms - 3_600_000
    told = [
        {**base, "kind": kind, "start_ms": 60_000 * nth, "utc_ms": at + 60_000 * nth, "value": value}
        for nth, (kind, value) in enumerate([("snoozed", 30), ("low_battery", 19), ("plan_applied", 2), ("paused", 1)])
    ]
    rows = tuple(messages.Row(n=n, record=record) for n, record in enumerate(told))
    batch = messages.Records(schema="records/1", spool="e" * 32, first=0, last=3, rows=rows)
    assert settle(clinic.engine, "00000000000000aa", batch, clinic.now_ms).rejected == ()
    text = text_of(await get(clinic, "/patients/1/days/2026-03-25"))
    for words in (
        "Reminders snoozed for 30 minutes",
        "Battery at 19 %",
        "The clip took over plan 2",
        "Paused for 1 minute",
    ):
        assert words in text


async def test_a_clip_that_moved_is_asked_for_until_it_is_calibrated(clinic: Any) -> None:
    base = {"clip": "00000000000000c0", "boot": "0" * 15 + "e", "rev": 1, "plan": 1, "calibration": 1}
    at = clinic.now_ms - 3_600_000

    def tell(spool: str, *told: tuple[str, str, int]) -> None:
        rows = tuple(
            messages.Row(n=n, record={**base, "judge": j, "kind": kind, "start_ms": t, "utc_ms": at + t, "value": 113})
            for n, (kind, j, t) in enumerate(told)
        )
        batch = messages.Records(schema="records/1", spool=spool * 32, first=0, last=len(rows) - 1, rows=rows)
        assert settle(clinic.engine, "00000000000000aa", batch, clinic.now_ms).rejected == ()

    path = "/patients/1/days/2026-03-25"
    ask, waiting = (
        "Ask: does the clip still sit where it was put on?",
        "Postures are not judged until it is calibrated again",
    )
    assert ask not in text_of(await get(clinic, path))
    tell("a", ("slip_suspected", "gateway", 0))
    assert ask in text_of(await get(clinic, path))
    tell("b", ("slipped", "gateway", 60_000))
    page = text_of(await get(clinic, path))
    assert re.search(
        r"The clip seems to have moved at \d\d:\d\d\. Postures are not judged until it is calibrated again: ", page
    )
    assert "by about 11°" in page
    assert ask not in page
    tell("c", ("calibrated", "clip", 120_000))
    page = text_of(await get(clinic, path))
    assert waiting not in page
    assert "The clip seems to have moved, by about 11°" in page


async def test_an_episode_that_was_taken_back_is_not_shown(clinic: Any) -> None:
    base = {"clip": "00000000000000c0", "boot": "0" * 15 + "d", "judge": "gateway", "plan": 1, "calibration": 1}
    at = {"start_ms": 0, "utc_ms": clinic.now_ms - 3_600_000, "peak_deg": 23.4, "mean_deg": 22.2}
    shown = []
    for rev, length_ms in enumerate((61_000, 0), start=1):
        record = {**base, **at, "kind": "episode", "rev": rev, "duration_ms": length_ms, "end_reason": "not_worn"}
        batch = messages.Records(
            schema="records/1", spool=f"{rev}" * 32, first=0, last=0, rows=(messages.Row(n=0, record=record),)
        )
        assert settle(clinic.engine, "00000000000000aa", batch, clinic.now_ms).rejected == ()
        shown.append("1 min 01 s" in text_of(await get(clinic, "/patients/1/days/2026-03-25")))
    assert shown == [True, False]


async def test_simulated_data_are_labelled(clinic: Any) -> None:
    assert "Simulated data" in await get(clinic, "/patients/1/days/2026-03-24")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/patients/4/days/2026-03-25", "The plan has no window on this day."),
        ("/patients/1/days/2026-03-22", "The plan has no window on this day."),
        ("/patients/1/days/2026-03-20", "Nothing has been recorded on this day."),
        ("/patients/1/days/2026-03-27", "This day has not come yet."),
        ("/patients/1/days/2099-12-31", "This day has not come yet."),
        ("/patients/1/days/2000-01-01", "No plan was set for this day."),
    ],
)
async def test_days_without_data_say_so(clinic: Any, path: str, words: str) -> None:
    assert words in text_of(await get(clinic, path))


async def test_days_when_the_clocks_change_are_shown(clinic: Any) -> None:
    clinic.now_ms += 8 * 86_400_000
    for day in ("2026-03-29", "2025-10-26"):
        assert "Ada Keller" in await get(clinic, f"/patients/1/days/{day}")


async def test_plan_and_clip_are_in_the_header(clinic: Any) -> None:
    text = text_of(await get(clinic, "/patients/1/days/2026-03-24"))
    assert "Version 2 pending Version 1 still in force" in text
    assert "12° forward Dwell 90 s" in text
    assert "Battery 81 % Gateway last heard just now Plan on the clip 1" in text
    assert "14 % charge soon" in text_of(await get(clinic, "/patients/2/days/2026-03-25"))
    clinic.now_ms += 10 * 60_000
    assert "Gateway offline" in await get(clinic, "/patients/1/days/2026-03-24")


@pytest.mark.parametrize(
    "day",
    ["0", "today", "2026-3-5", "20260305", "2026-02-30", "2026-03-25T00:00", "1774396800", "٢٠٢٦-03-25", "9999-12-31"],
)
async def test_dates_have_one_form_only(clinic: Any, day: str) -> None:
    client = await clinic.signed_in()
    for prefix in ("", "/api/v1"):
        answer = await client.get(f"{prefix}/patients/1/days/{day}")
        assert answer.status_code == 422
        assert "year-month-day, such as 2026-03-29" in answer.text
    await client.aclose()


async def test_names_cannot_write_markup(clinic: Any) -> None:
    with writing(clinic.engine) as db:
        db.execute(update(patient).where(patient.c.id == 1).values(name="<script>alert(1)</script> & Söhne"))
    for path in ("/patients", "/patients/1/days/2026-03-24", "/patients/1/plan"):
        page = await get(clinic, path)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Söhne" in page


async def test_a_patient_leads_to_the_present_day_of_their_zone(clinic: Any) -> None:
    client = await clinic.signed_in()
    assert (await client.get("/patients/1")).headers["location"] == "/patients/1/days/2026-03-25"
    with writing(clinic.engine) as db:
        db.execute(update(patient).where(patient.c.id == 1).values(zone="Pacific/Kiritimati"))
    assert (await client.get("/patients/1")).headers["location"] == f"/patients/1/days/{date(2026, 3, 26)}"
    await client.aclose()
