"""Charts: numbers end up where they belong, nothing is lost, nothing is injected."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.pages.charts import lanes, palette, strip, trace
from server.pages.charts.axis import TimeAxis, axis_row
from server.pages.charts.spread import spread
from server.pages.charts.svg import element, number
from server.summaries.calendar import local_day

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3_600_000


def widths(markup: str) -> list[float]:
    return [float(width) for width in re.findall(r'<rect[^>]* width="([0-9.]+)%"', markup)]


@pytest.mark.parametrize(
    ("zone", "day", "labels"),
    [
        ("Europe/Berlin", date(2026, 3, 25), "00 02 04 06 08 10 12 14 16 18 20 22 24"),
        ("Europe/Berlin", date(2026, 3, 29), "00 04 06 08 10 12 14 16 18 20 22 24"),
        ("Europe/Berlin", date(2026, 10, 25), "00 02 02 04 06 08 10 12 14 16 18 20 22 24"),
        ("Asia/Kolkata", date(2026, 3, 25), "00 02 04 06 08 10 12 14 16 18 20 22 24"),
        ("Australia/Lord_Howe", date(2026, 4, 5), "00 02 04 06 08 10 12 14 16 18 20 22 24"),
    ],
)
def test_labels_are_local_hours_on_every_day(zone: str, day: date, labels: str) -> None:
    start, end = local_day(zone, day)
    ticks = TimeAxis(start, end, ZoneInfo(zone)).ticks()
    assert " ".join(tick.label for tick in ticks) == labels


def test_a_window_has_a_label_an_hour() -> None:
    start = 1_774_425_600_000  # 2026-03-25 09:00 in Berlin
    row = axis_row(TimeAxis(start, start + 8 * HOUR, BERLIN))
    assert re.findall(r">([0-9]{2})<", row) == [f"{hour:02d}" for hour in range(9, 18)]


@given(
    st.lists(st.tuples(st.integers(1, 4000), st.integers(0, 10)), min_size=1, max_size=40),
    st.integers(1, 300),
)
def test_coarse_spans_cover_the_same_time_without_gap(parts: list[tuple[int, int]], most: int) -> None:
    spans, at = [], 1_000_000
    for seconds, code in parts:
        spans.append(strip.Span(at, at + seconds * 1000, code))
        at += seconds * 1000
    rough = strip.coarse(spans, most)
    assert len(rough) <= most
    assert (rough[0].start_ms, rough[-1].end_ms) == (spans[0].start_ms, spans[-1].end_ms)
    assert all(a.end_ms == b.start_ms and a.code != b.code for a, b in pairwise(rough))
    assert {span.code for span in rough} <= {code for _, code in parts}


def test_a_fine_strip_keeps_every_second() -> None:
    spans = [strip.Span(0, 3000, 10), strip.Span(3000, 4000, 9), strip.Span(4000, 9000, 1)]
    assert strip.coarse(spans) == spans


def test_a_column_shows_its_commonest_code_and_a_tie_the_one_that_takes_precedence() -> None:
    spans = [strip.Span(0, 2000, 10), strip.Span(2000, 3000, 9), strip.Span(3000, 4000, 9), strip.Span(4000, 6000, 1)]
    assert [span.code for span in strip.coarse(spans, 1)] == [1]
    assert [span.code for span in strip.coarse(spans[:2], 1)] == [10]
    assert strip.coarse([]) == []


@given(st.dictionaries(st.integers(0, 11), st.integers(0, 30_000)))
def test_the_coverage_bar_is_always_full(seconds: dict[int, int]) -> None:
    bar = str(strip.coverage_bar(seconds, height=10, label="x"))
    assert sum(widths(bar)) == pytest.approx(100 if sum(seconds.values()) else 0, abs=0.1)


def test_every_category_has_its_own_dress() -> None:
    dresses = {str(palette.block(code, "0", "1%")) for code in range(12)}
    assert len(dresses) == 12
    for code in (*palette.NOT_WORN, 3, palette.TO_COME):
        assert f"url(#p-{palette.KEYS[code]})" in palette.block(code, "0", "1%")
        assert f'id="p-{palette.KEYS[code]}"' in palette.patterns()
    assert sorted(palette.SHOWN) == list(range(12))


def test_the_trace_breaks_where_there_are_no_angles() -> None:
    axis = TimeAxis(0, 600_000, BERLIN)
    minutes = [0, 1, 2, 5, 6]
    parts = [trace.Column(m * 60_000, (m + 1) * 60_000, -1.0, 2.0, 5.0) for m in minutes]
    scale = trace.scale_of(parts, 12.0)
    assert (scale.low, scale.high) == (-10, 30)
    drawn = str(trace.trace(parts, axis, scale, plan_angle=12.0, shaded=[(0, 60_000)], height=100, label="x"))
    assert drawn.count('class="median"') == 2
    assert drawn.count('class="band"') == 2
    assert drawn.count('class="episode-band"') == 1
    assert 'class="plan-angle" x1="0" x2="100%" y1="45%" y2="45%"' in drawn


@given(st.floats(-180, 180), st.floats(-180, 180), st.floats(-180, 180), st.floats(5, 60))
def test_the_scale_holds_every_angle(a: float, b: float, c: float, plan: float) -> None:
    low, middle, high = sorted((a, b, c))
    scale = trace.scale_of([trace.Column(0, 60_000, low, middle, high)], plan)
    assert scale.low <= low or (scale.low == -40 and scale.beyond_low)
    assert scale.high >= high or (scale.high == 70 and scale.beyond_high)
    assert scale.low <= -10 < 30 <= scale.high
    assert scale.high >= plan
    assert 2 <= len(scale.ticks()) <= 19
    assert 0 <= scale.down(high) <= scale.down(low) <= 1


def test_the_edge_says_when_angles_lie_beyond_it() -> None:
    lying = trace.scale_of([trace.Column(0, 60_000, -63.0, -60.0, 20.0)], 10.0)
    assert [lying.words(degrees) for degrees in lying.ticks()][:2] == ["≤ −40°", "−30°"]
    assert "≤" not in trace.scale_of([trace.Column(0, 60_000, -40.0, 0.0, 20.0)], 10.0).words(-40)


def test_signs_tell_responses_apart_without_colour() -> None:
    drawn = [str(lanes.legend_sign(sign)) for sign in lanes.SIGNS]
    assert len(set(drawn)) == len(drawn)
    row = lanes.signs([lanes.Mark(30_000, "prompt", "a <b>")], TimeAxis(0, 60_000, BERLIN), height=20, label="1")
    assert 'x="50%"' in row
    assert "a &lt;b&gt;" in row


def test_text_and_attributes_are_escaped() -> None:
    made = str(element("text", "<script>&", class_='a"b', x=1.5, y=None))
    assert made == '<text class="a&#34;b" x="1.5">&lt;script&gt;&amp;</text>'


def test_the_spread_lies_on_its_scale() -> None:
    drawn = str(spread(0.0, 5.0, 20.0, 12.0, label="x"))
    assert 'class="range" x="25%"' in drawn
    assert 'width="50%"' in drawn


@given(st.floats(-1e6, 1e6))
def test_coordinates_are_short_and_true(value: float) -> None:
    assert float(number(value)) == pytest.approx(value, abs=0.0051)
    assert "e" not in number(value)
