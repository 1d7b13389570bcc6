"""What a browser that has never been here loads for a page, and that nothing on it moves once it is there."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.server.pages.browsing import CHROMIUM, Visit

MOST_BYTES: Final = 400_000
SHIFTS: Final = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push(entry.value);
  }).observe({type: "layout-shift", buffered: true});
}"""
PATHS: Final = ("/login", "/patients", "/patients/1/days/2026-03-25", "/patients/1/overview", "/patients/1/trends")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.mark.parametrize(("width", "paths"), [(1280, PATHS), (390, PATHS[1:3])])
def test_a_first_load_is_small_and_nothing_moves(
    chromium: Any, address: str, width: int, paths: tuple[str, ...]
) -> None:
    visit = Visit(chromium, address, width)
    visit.sign_in()
    cookies = visit.context.cookies()
    visit.close()
    told = {}
    for path in paths:
        fresh = Visit(chromium, address, width)  # with nothing kept
        fresh.context.add_cookies([] if path == "/login" else cookies)
        wire = fresh.context.new_cdp_session(fresh.page)
        wire.send("Network.enable")
        arrived: list[float] = []
        wire.on("Network.loadingFinished", lambda event, arrived=arrived: arrived.append(event["encodedDataLength"]))
        fresh.page.add_init_script(f"({SHIFTS})()")
        page = fresh.open(path)
        page.wait_for_load_state("networkidle")
        told[path] = (sum(arrived), sum(page.evaluate("window.shifts")))
        fresh.close()
    assert all(0 < size <= MOST_BYTES for size, _ in told.values()), told
    assert all(shift == 0 for _, shift in told.values()), told
