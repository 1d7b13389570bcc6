"""The pages in a real Chromium: no request leaves the origin, nothing overflows, the keyboard suffices."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import update

from server.plans.service import confirm
from server.store import writing
from server.store.tables import gateway
from server.summaries.service import rebuild_stale
from tests.server.pages.browsing import CHROMIUM, Visit

PATHS = (
    "/patients",
    "/patients/1/days/2026-03-24",
    "/patients/1/days/2026-03-25",
    "/patients/2",
    "/patients/4",
    "/patients/1/weeks/2026-03-25",
    "/patients/1/trends",
    "/patients/1/overview",
    "/patients/1/plans",
    "/patients/1/report",
    "/patients/1/zone",
    "/patients/1/plan",
    "/patients/1/plan/templates",
    "/patients/1/computers",
    "/patients/1/rights",
    "/account",
    "/account/password",
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH"),
]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_asks_elsewhere_complains_or_overflows(chromium: Any, address: str, width: int, dark: bool) -> None:
    visit = Visit(chromium, address, width, dark)
    visit.sign_in()
    for path in PATHS:
        page = visit.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        small = page.evaluate(
            """[...document.querySelectorAll("main a.button, main button, input:not([type=hidden], [type=range])")]
            .filter(e => e.offsetParent && Math.max(e.offsetHeight, e.closest("label")?.offsetHeight ?? 0) < 24)
            .map(e => e.outerHTML)"""
        )
        assert small == [], "targets are at least 24 px high"
    visit.close()


def test_the_reader_under_the_figure_works_by_keyboard_and_pointer(chromium: Any, address: str) -> None:
    visit = Visit(chromium, address)
    visit.sign_in()
    page = visit.open("/patients/1/days/2026-03-24")
    slider = page.get_by_label("Look at")
    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.locator("#moment-words").inner_text() == "09:01 · Not worn"
    box = page.locator(".plot.tall").bounding_box()
    page.mouse.move(box["x"] + box["width"] * (38.5 / 480), box["y"] + 20)
    text = page.locator("#moment-words").inner_text()
    assert text.startswith("09:38 · Slouched · ")
    assert text.endswith("° forward")
    assert slider.get_attribute("aria-valuetext") == text
    assert page.locator(".cursor").is_visible()
    visit.close()


def test_rows_of_the_figure_share_one_axis(chromium: Any, address: str) -> None:
    visit = Visit(chromium, address, 390)
    visit.sign_in()
    page = visit.open("/patients/1/days/2026-03-24")
    boxes = [plot.bounding_box() for plot in page.locator("#timeline .plot").all()]
    assert len(boxes) == 5
    for box in boxes[1:]:
        assert box["x"] == pytest.approx(boxes[0]["x"], abs=1)
        assert box["width"] == pytest.approx(boxes[0]["width"], abs=1)
    band, bar = (page.locator(f"#timeline .{name}").first.bounding_box() for name in ("episode-band", "episode"))
    assert band["x"] == pytest.approx(bar["x"], abs=1)
    visit.close()


def test_a_changed_plan_shows_as_pending_and_then_in_force_by_itself(chromium: Any, address: str, clinic: Any) -> None:
    visit = Visit(chromium, address)
    visit.sign_in()
    page = visit.open("/patients/5/plan")
    page.get_by_label("Dwell").fill("75")
    page.get_by_role("button", name="Send the plan").click()
    assert page.get_by_text("Say in 3 to 500 characters why the plan changes.").count() == 2
    visit.complaints.clear()  # the browser notes the 422
    assert page.get_by_label("Dwell").input_value() == "75"
    page.get_by_label("Why does the plan change?").fill("calmer now")
    page.get_by_role("button", name="Send the plan").click()
    page.wait_for_url("**/days/2026-03-25")
    assert page.locator("#plan-state [role=status]").inner_text() == "Version 2 pending"
    with writing(clinic.engine) as db:
        confirm(db, 5, 2, clinic.now_ms)
    page.get_by_text("Version 2 in force").wait_for(timeout=10_000)
    visit.close()


def test_a_page_that_is_looked_at_keeps_up_to_date(chromium: Any, address: str, clinic: Any) -> None:
    visit = Visit(chromium, address)
    visit.page.clock.install()
    visit.sign_in()
    page = visit.open("/patients")
    assert page.get_by_text("2 live now").is_visible()
    with writing(clinic.engine) as db:
        db.execute(update(gateway).values(online=False))
    page.clock.fast_forward(21_000)
    page.get_by_text("0 live now").wait_for(timeout=5000)
    clinic.now_ms += clinic.rules.idle_ms
    page.clock.fast_forward(21_000)
    page.get_by_role("heading", name="Sign in").wait_for(timeout=5000)
    visit.close()


def test_the_reader_goes_on_after_the_figure_was_brought_up_to_date(chromium: Any, address: str, clinic: Any) -> None:
    visit = Visit(chromium, address)
    visit.page.clock.install()
    visit.sign_in()
    page = visit.open("/patients/1/days/2026-03-25")
    assert "until 14:46" in page.locator("#live-date").inner_text()
    clinic.now_ms += 10 * 60_000
    page.clock.fast_forward(21_000)
    page.get_by_text("until 14:55").or_(page.get_by_text("until 14:56")).wait_for(timeout=5000)
    page.get_by_label("Look at").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.locator("#moment-words").inner_text() == "09:01 · Not worn"
    visit.close()


def test_pages_suffice_without_scripts(chromium: Any, address: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/patients/1/days/2026-03-24")
    page.get_by_label("E-mail address").fill("mara@example.org")
    page.get_by_label("Password").fill("a quiet afternoon")
    page.get_by_role("button", name="Sign in").click()
    assert page.url.endswith("/patients/1/days/2026-03-24")
    assert page.locator("svg.trace path.median").count() > 3
    page.get_by_role("button", name="Sign out").click()
    assert page.url.endswith("/login")
    context.close()


def test_charts_are_drawn_in_the_colours_of_the_page(chromium: Any, address: str, clinic: Any) -> None:
    while rebuild_stale(clinic.engine, clinic.now_ms):
        pass
    fills = {}
    for dark in (False, True):
        visit = Visit(chromium, address, 1280, dark)
        visit.sign_in()
        page = visit.open("/patients/1/overview")
        page.locator(".vega.heat[data-drawn]").wait_for(timeout=10_000)
        upright = page.locator(".vega.heat path[fill='var(--upright)']").first
        fills[dark] = upright.evaluate("cell => getComputedStyle(cell).fill")
        assert page.locator(".vega.heat path[fill='url(#p-not-worn)']").count() > 0
        before = page.evaluate("document.documentElement.scrollHeight")
        upright.hover()
        assert page.locator(".vega.heat + .reader").inner_text().startswith("Mon 23 Mar, ")
        for chart in page.locator(".vega").all():
            chart.scroll_into_view_if_needed()
        page.wait_for_function("[...document.querySelectorAll('.vega')].every(one => one.dataset.drawn)")
        assert page.evaluate("document.documentElement.scrollHeight") == before, "nothing moves when they come"
        visit.close()
    assert fills == {False: "rgb(90, 168, 147)", True: "rgb(79, 157, 137)"}


def test_a_report_prints_on_one_sheet(chromium: Any, address: str, clinic: Any) -> None:
    while rebuild_stale(clinic.engine, clinic.now_ms):
        pass
    visit = Visit(chromium, address)
    visit.sign_in()
    page = visit.open("/patients/1/report")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", page.pdf(format="A4"))) == 1
    visit.close()


def test_on_paper_nothing_is_cut_and_controls_are_gone(chromium: Any, address: str) -> None:
    visit = Visit(chromium, address, 794)
    visit.sign_in()
    page = visit.open("/patients/1/days/2026-03-24")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 794
    assert not page.get_by_role("button", name="Sign out").is_visible()
    assert not page.get_by_label("Look at").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    visit.close()
