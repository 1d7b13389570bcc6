"""The report: one page, one content for page and file, in order for screen readers, nothing taken for markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import typst

from gateway import messages
from server.language import speaking
from server.pages.pictures import heat_spec
from server.reports import typeset
from server.reports.content import LIMITS, Report, Span, build_report
from server.reports.typeset import compiler, pdf, words
from tests.server.pages.pictured import picture

NOW_MS = 1_795_500_000_000


def report(shown: Any = None, span: Span = Span.MONTH, **more: Any) -> Report:
    made = build_report(
        shown or picture(baseline=14),
        span,
        name="Ada Keller",
        pseudonym="P-0001",
        plan=messages.Plan(version=3, angle_deg=14, dwell_s=60, start="09:00", end="17:00"),
        made_by="Mara Lindqvist",
        organisation="Practice by the river",
        now_ms=NOW_MS,
        zone=ZoneInfo("Europe/Berlin"),
    )
    return replace(made, **more)


def pages(shown: Report) -> int:
    made = compiler(shown).compile(format="svg")
    return len(made) if isinstance(made, list) else 1


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(("span", "days"), [(Span.WEEK, 7), (Span.MONTH, 28)])
def test_it_is_one_page_that_a_reader_can_follow(span: Span, days: int, language: str) -> None:
    with speaking(language):
        shown = report(picture(length=days), span, name="Maximiliane Theodora von und zu Hohenfels-Wittgenau")
        made = pdf(shown, NOW_MS)  # the typesetter refuses what is not PDF/UA-1
        assert pages(shown) == 1
    assert made.startswith(b"%PDF-1.")
    assert b"<pdfuaid:part>1</pdfuaid:part>" in made
    assert f"<dc:language><rdf:Bag><rdf:li>{language}" in re.sub(r"\s+(?=<)", "", made.decode("latin-1"))


def test_even_at_its_longest_it_is_one_page() -> None:
    rows = tuple(
        replace(
            row, verdict="Changed beyond own noise", changed=True, size="+100 points", interval="−100 to +100 points"
        )
        for row in report().rows
    )
    long = "; ".join(f"{row.name} {row.before} → {row.recent}" for row in rows)
    plan = tuple((f"A name {number}", "09:00–12:00, Mon, Wed, Fri") for number in range(8))
    assert pages(report(rows=rows, summary=("18 of 28 days were worn enough.", long), plan=plan)) == 1


def test_a_picture_without_words_is_refused() -> None:
    with pytest.raises(typst.TypstError, match="alt"):
        pdf(report(hours_words=None), NOW_MS)


def test_file_and_page_say_the_same() -> None:
    shown = report()
    told = json.dumps(words(shown), ensure_ascii=False)
    for row in shown.rows:
        for said in (row.name, row.recent, row.before, row.verdict, row.size, row.interval, row.why):
            assert said in told
    assert {*shown.summary, *shown.limits} <= set(json.loads(told)["summary"] + json.loads(told)["limits"])
    assert shown.limits == LIMITS
    assert shown.coverage[0][1] in told
    assert shown.hours is not None
    overview = heat_spec(picture(baseline=14).period, dict(picture().inside))
    assert {**shown.hours, "height": 0} == {**overview, "height": 0}, "one specification for both"


def test_what_is_unknown_is_said_to_be() -> None:
    empty = report(picture({}, {}))
    assert empty.hours is None
    assert empty.summary == (
        "0 of 28 days were worn enough to tell figures of.",
        "No figures can be told for this period.",
    )
    assert {row.recent for row in empty.rows} == {"–"}
    assert pages(empty) == 1


def test_words_are_never_markup() -> None:
    source = report(name='#panic("x") *b* $x$ \\ <l>', page_words="#{1/0}")
    assert pages(source) == 1
    assert pdf(source, NOW_MS)


def test_a_name_that_no_font_can_write_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    fonts = typst.Fonts(include_system_fonts=False)
    monkeypatch.setattr(typeset, "_fonts", lambda: fonts)
    with pytest.raises(typst.TypstError, match="could not be displayed"):
        typeset._compiled(report(name="李明", page_words="李明"), NOW_MS)
    assert pdf(report(name="李明", page_words="李明"), NOW_MS) == pdf(
        report(name="P-0001", page_words="P-0001"), NOW_MS
    )


async def test_it_is_served_to_those_who_may_and_travels_without_a_name(clinic: Any) -> None:
    mara = await clinic.signed_in()
    page = await mara.get("/patients/1/report?of=week")
    assert page.status_code == 200
    assert "Posture over a week" in page.text
    text = unescape(re.sub(r"<[^>]+>", " ", page.text))
    assert all(limit in text for limit in LIMITS)
    file = await mara.get("/patients/1/report.pdf?of=week&to=2026-03-24")
    assert (file.status_code, file.headers["content-type"]) == (200, "application/pdf")
    assert file.headers["content-disposition"] == 'attachment; filename="plumbline-P-0001-week-to-2026-03-24.pdf"'
    assert file.headers["cache-control"] == "no-store"
    assert (await mara.get("/patients/1/report?of=year")).status_code == 422
    later = await mara.get("/patients/1/report.pdf?to=2031-01-01")
    assert "to-2026-03-24" in later.headers["content-disposition"], "no day that is not over"
    looks = await mara.get("/patients/1/rights")
    assert "report" in looks.text
    await mara.aclose()
