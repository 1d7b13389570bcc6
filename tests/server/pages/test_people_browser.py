"""Coming in by an invitation, in a real Chromium: by the keyboard alone, without scripts, on a phone's width too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.access.conftest import settle_in
from tests.server.conftest import PASSWORD, Clinic
from tests.server.pages.browsing import CHROMIUM, Visit

NEW_PASSWORD = "seven quiet herons"
PAGES = {
    "vera": ("/people", "/people/patients", "/people/patients/1", "/people/patients/6", "/patients/1/computers"),
    "ina": ("/patients", "/emergency", "/patients/1"),
    "ada": (
        *("/my", "/my/days/2026-03-24", "/my/pain", "/my/pain/1", "/my/urgent", "/my/urgent/1", "/my/clip"),
        *("/my/plan", "/my/start", "/my/rights", "/offline", "/patients/1/computers"),
    ),
}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH"),
]


def test_an_invitation_is_made_and_accepted_by_the_keyboard_without_scripts(
    chromium: Any, address: str, clinic: Clinic
) -> None:
    settle_in(clinic)
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    keys = page.keyboard

    def type_in(*texts: str) -> None:
        for text in texts:
            keys.type(text)
            keys.press("Tab")

    page.goto(f"{address}/login")
    page.get_by_label("E-mail address").focus()  # the browser does so by itself, but not before it has shown the page
    type_in("vera@example.org", PASSWORD)
    keys.press("Enter")
    page.wait_for_url("**/people")
    page.get_by_label("E-mail address").focus()
    type_in("nora@example.org")
    keys.press("ArrowDown")
    keys.press("Tab")
    keys.press("Enter")
    page.get_by_role("heading", name="Invitation for nora@example.org").wait_for()
    link = page.locator("code.line").inner_text()
    visitor = chromium.new_context(java_script_enabled=False)
    page = visitor.new_page()
    keys = page.keyboard
    page.goto(link)
    type_in("Nora New", NEW_PASSWORD, NEW_PASSWORD)
    keys.press("Enter")
    page.wait_for_url("**/login?done=yes")
    assert page.get_by_role("status").inner_text() == "Your password is set. Sign in with it."
    type_in("nora@example.org", NEW_PASSWORD)
    keys.press("Enter")
    page.wait_for_url("**/people")
    context.close()
    visitor.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_pages_of_every_role_fit_and_do_not_complain(chromium: Any, address: str, clinic: Clinic, width: int) -> None:
    settle_in(clinic)
    for who, paths in PAGES.items():
        visit = Visit(chromium, address, width)
        visit.sign_in(who)
        for path in paths:
            page = visit.open(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (who, path)
            assert page.locator("h1").count() == 1, (who, path)
        visit.close()
