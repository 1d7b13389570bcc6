"""Pictures of four weeks: figures end up in the marks that show them, and nothing is told by colour alone."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.messages import CATEGORIES
from server.language import speaking
from server.pages.charts import bundle as module
from server.pages.charts import palette, paper
from server.pages.charts.bundle import BundleError, address, bundle
from server.pages.charts.course import Means, Point, course
from server.pages.charts.distribution import Line, distribution
from server.pages.charts.vega import CONFIG, chart, figure, named
from server.pages.pictures import (
    baseline_words,
    cell_share,
    cell_state,
    courses,
    heat_rows,
    heat_spec,
    spread_rows,
    spread_spec,
)  # fmt: skip
from server.summaries.types import CODE, DaySummary, HourDetail
from tests.server.pages.pictured import FIRST, WORKED, hour, picture

OFF = {"paused", "lost", "not-worn"}


@given(st.lists(st.integers(0, 3600), min_size=11, max_size=11).filter(any))
def test_what_was_not_worn_is_never_shown_as_upright(seconds: list[int]) -> None:
    one = HourDetail(9, tuple(seconds))
    off = sum(seconds[CODE[name]] for name in ("paused", "lost", "not_worn"))
    state, share = cell_state(one), cell_share(one)
    assert (state in OFF) is (2 * off > sum(seconds))
    assert (share is None) is (state != "upright")
    if state in OFF:
        assert seconds[CODE[state.replace("-", "_")]] == max(seconds[CODE[n]] for n in ("paused", "lost", "not_worn"))
    if share is not None:
        assert share == pytest.approx(seconds[CODE["slouched"]] / one.worn_s)


def layers(spec: dict[str, Any]) -> list[list[dict[str, Any]]]:
    return [layer["data"]["values"] for layer in spec["layer"]]


def test_a_cell_is_filled_by_its_share_and_says_all_of_it() -> None:
    shown = picture()
    ground = heat_spec(shown.period, dict(shown.inside))["data"]["values"]
    monday = [cell for cell in ground if cell["day"] == 0]
    assert [cell["state"] for cell in monday] == ["upright", "not-worn", "lost", "paused", "uncalibrated"]
    assert monday[0]["words"] == "Mon 26 Oct, 09–10: worn 1 h 00 min, slouched 25 % of it"
    assert monday[1]["words"] == "Mon 26 Oct, 10–11: worn 10 min, not worn 50 min"
    assert [(cell["from"], cell["end"]) for cell in monday if "from" in cell] == [(9.735, 9.97)]
    assert {cell["day"] for cell in ground} == {day for day in range(28) if day % 7 < 5}


def test_the_table_says_what_the_picture_shows() -> None:
    shown = picture()
    hours, rows = heat_rows(shown.period, dict(shown.inside))
    assert hours == ["09", "10", "11", "12", "13"]
    assert rows[-1].name == "Mon 26 Oct"
    assert rows[-1].cells == ("25 %", "not worn", "lost", "paused", "uncalibrated")
    assert rows[0].cells == ("", "", "", "", "")  # a Sunday


def test_a_plan_that_began_is_marked_at_its_day() -> None:
    shown = picture()
    at = FIRST + timedelta(days=9)
    stored = {
        line.date: line.summary if line.date < at else replace_plan(line.summary)
        for line in (*shown.period.before.days, *shown.period.recent.days)
        if line.summary
    }
    *_, line, name = heat_spec(picture(stored).period, dict(shown.inside))["layer"]
    assert line["data"]["values"] == name["data"]["values"] == [{"day": 9, "name": "Plan 5"}]


def replace_plan(summary: DaySummary) -> DaySummary:
    return replace(summary, plan_version=5)


def test_the_distribution_rises_to_one_and_marks_its_points() -> None:
    line = Line("now", WORKED.angles, [(0.5, 3.0, "P50 3°")])
    spec = distribution(line, None, plan=(12, "plan’s angle 12°"), title="Inclination", share_title="Share")
    rule, _, steps, points = layers(spec)
    assert [(step["degrees"], step["share"]) for step in steps] == [(-2, 0.0303), (3, 0.6364), (8, 0.9091), (15, 1.0)]
    assert rule == [{"degrees": 12, "words": "plan’s angle 12°"}]
    assert points == [{"line": "recent", "degrees": 3.0, "share": 0.5, "words": "P50 3°"}]


def test_the_baseline_is_told_only_when_there_is_one() -> None:
    few, enough = picture(baseline=7), picture(baseline=14)
    assert "There is no baseline yet" in baseline_words(few)
    assert [row.baseline for row in spread_rows(few)] == ["–", "–", "–"]
    assert {step["line"] for step in layers(spread_spec(few, 12) or {})[2]} == {"recent"}
    assert baseline_words(enough).startswith("Baseline: the first 14 days that count, Sat 18 Jul to Fri 31 Jul.")
    _, p50, _ = spread_rows(enough)
    assert (p50.recent, p50.baseline, p50.verdict) == ("3°", "3°", "Within own noise")
    assert re.fullmatch(r"[±−+]\d\.\d° \([−+]\d\.\d° to \+\d\.\d°\)", p50.change)
    assert {step["line"] for step in layers(spread_spec(enough, 12) or {})[2]} == {"recent", "baseline"}


def test_the_band_is_the_interval_from_the_mean_before() -> None:
    points = [Point(0, 8.0, "a"), Point(30, 9.0, "b")]
    spec = course(points, Means(8.0, 9.0, 8.2, 9.9), {0: "26 Oct"}, days=56, split=28, unit="")
    _, band, _, before, recent, early, late = layers(spec)
    assert band == [{"place": 28, "end": 56, "value": 8.2, "high": 9.9}]
    assert (before[0]["value"], recent[0]["value"]) == (8.0, 9.0)
    assert [point["words"] for point in early] == ["a"]
    assert [point["words"] for point in late] == ["b"]
    without = course(points, Means(8.0, 9.0, None, None), {}, days=56, split=28, unit="")
    assert len(without["layer"]) == 6


def test_every_course_says_its_change_in_words() -> None:
    told = courses(picture().period)
    assert [one.name for one in told][:2] == ["Shifts an hour", "Longest still bout"]
    assert told[0].words.startswith("10.5 → 10.5 · Within own noise: ")


def test_a_specification_is_data_and_stays_so() -> None:
    spec = chart(90, data={"values": [{"words": "</script><!-- <b>&amp;"}]}, mark="point")
    markup = figure(spec, label='"><b>', class_="heat")
    inside = re.search(r"<script type=\"application/vnd.vegalite\+json\">(.*?)</script>", markup)
    assert inside is not None
    assert "<" not in inside[1]
    assert json.loads(inside[1]) == spec
    assert 'aria-label="&#34;&gt;&lt;b&gt;"' in markup
    assert unescape(named({3: "x'\""})) == "{\"3\": \"x'\\\"\"}['' + datum.value] || ''"


def all_specs() -> list[dict[str, Any]]:
    shown = picture(baseline=14)
    drawn = [json.loads(unescape(text)) for one in courses(shown.period) for text in data_of(str(one.figure))]
    return [CONFIG, heat_spec(shown.period, dict(shown.inside)), spread_spec(shown, 12) or {}, *drawn]


def data_of(markup: str) -> list[str]:
    return re.findall(r"vegalite\+json\">(.*?)</script>", markup)


def test_colours_are_the_style_sheets_own() -> None:
    text = json.dumps(all_specs())
    assert set(re.findall(r"var\(--([a-z-]+)\)", text)) <= set(paper.tokens())
    known = {f"p-{key}" for key in palette.KEYS}
    assert set(re.findall(r"url\(#([a-z-]+)\)", text)) <= known
    assert not re.findall(r"#[0-9a-f]{3,6}\b|rgb\(", text)
    assert paper.tokens()["ink"] == "#000"  # on paper, not on the screen


def test_paper_and_page_draw_the_same_specification() -> None:
    shown = picture()
    spec = heat_spec(shown.period, dict(shown.inside))
    svg, inline = paper.drawn(spec, 600), paper.inline(spec, 600)
    assert "var(" not in svg
    assert svg.count('id="p-') == 5
    assert "var(--upright)" in inline
    assert "style=" not in inline, "the content security policy forbids it"
    assert (
        inline.count("url(#p-lost)")
        == svg.count('fill="url(#p-lost)"')
        == sum(cell["state"] == "lost" for cell in spec["data"]["values"])
    )
    assert "2 Nov" in svg


def test_without_the_program_pages_keep_their_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for cached in (bundle, address):
        cached.cache_clear()
    monkeypatch.setattr(module, "folder", lambda: tmp_path)
    monkeypatch.setattr(module, "_PROGRAM", "raise SystemExit('no room')")
    with pytest.raises(BundleError, match="no room"):
        bundle()
    assert address() is None
    assert list(tmp_path.iterdir()) == []
    for cached in (bundle, address):
        cached.cache_clear()


def test_every_category_has_its_place() -> None:
    assert len(hour(9).seconds) == len(CATEGORIES)


def test_other_languages_have_their_own_decimals() -> None:
    with speaking("de"):
        told = courses(picture().period)
        spec = json.loads(unescape(data_of(str(told[0].figure))[0]))
        assert "'.', ','" in spec["layer"][0]["encoding"]["y"]["axis"]["labelExpr"]
        assert re.search(r"\d,\d°", spread_rows(picture(baseline=14))[1].change)
    assert len(told) == 6
