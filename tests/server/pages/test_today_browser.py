"""Today by keyboard alone, in a real Chromium, and without scripts."""

from __future__ import annotations

from typing import Any

import pytest

from server.store import writing
from tests.server.conftest import TODAY, Clinic
from tests.server.pages.browsing import CHROMIUM, Visit
from tests.server.worklist.stored import five_weeks

ADA, EMIL = 1, 5

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH"),
]


@pytest.fixture
def clinic(clinic: Clinic) -> Clinic:
    """Ada has stopped wearing the clip; Emil moves less than before."""
    with writing(clinic.engine) as db:
        for number in range(1, 6):
            five_weeks(db, number, TODAY, seed=number, gone=3 * (number == ADA), later=14.0 if number == EMIL else None)
    return clinic


def focused(page: Any) -> str:
    """The patient whose row has the focus."""
    return str(page.evaluate("document.activeElement.closest('.row')?.querySelector('h3')?.textContent ?? ''"))


def test_the_neediest_is_found_opened_and_set_aside_by_keyboard(chromium: Any, address: str) -> None:
    visit = Visit(chromium, address)
    visit.sign_in()
    page = visit.open("/patients")
    page.keyboard.press("j")
    assert focused(page) == "Ada Keller"
    assert "on the last 3 prescribed days" in page.locator("#p-1").inner_text()
    page.keyboard.press("j")
    assert focused(page) == "Emil Sørensen"
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Ada Keller").wait_for()
    page.go_back()
    page.wait_for_function("document.activeElement.textContent === 'Ada Keller'")

    page.keyboard.press("x")
    assert page.evaluate("document.activeElement.name") == "words"
    page.keyboard.type("jk: on holiday /?")  # in a field these are letters
    page.keyboard.press("Escape")
    assert focused(page) == "Ada Keller"
    page.keyboard.press("x")
    page.keyboard.press("Enter")
    page.get_by_text("Dismissed: Worn too little, Ada Keller.").wait_for()
    assert page.locator(".row h3").first.inner_text() == "Emil Sørensen"
    assert "“jk: on holiday /?” Mara Lindqvist" in page.locator("#p-1 .aside").text_content()
    page.keyboard.press("u")
    page.get_by_text("Dismissed:").wait_for(state="detached")
    assert page.locator(".row h3").first.inner_text() == "Ada Keller"
    visit.close()


def test_finding_narrows_at_once_and_single_keys_can_be_switched_off(chromium: Any, address: str) -> None:
    visit = Visit(chromium, address, 390)
    visit.sign_in()
    page = visit.open("/patients")
    page.keyboard.press("/")
    page.keyboard.type("sorensen")
    assert page.locator(".row:visible h3").all_inner_texts() == ["Emil Sørensen"]
    assert page.locator("#found").inner_text() == "1 of 5 shown"
    page.keyboard.press("Enter")
    assert focused(page) == "Emil Sørensen"
    page.set_viewport_size({"width": 1280, "height": 900})
    page.keyboard.press("?")
    page.get_by_label("Single keys work on this page").uncheck()
    page.reload()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") != "find"
    visit.close()


def test_the_list_works_without_scripts(chromium: Any, address: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/patients")
    page.get_by_label("E-mail address").fill("mara@example.org")
    page.get_by_label("Password").fill("a quiet afternoon")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Find a patient by name").fill("sorensen")
    page.get_by_role("button", name="Find").click()
    assert page.locator(".row h3").all_inner_texts() == ["Emil Sørensen"]
    page.locator("summary").get_by_text("Dismiss").click()
    page.get_by_role("button", name="Spoken about it").click()
    assert "“Spoken about it” Mara Lindqvist" in page.locator("#p-5 .aside").text_content()
    assert page.locator("#find").input_value() == "sorensen"
    page.get_by_role("button", name="Undo").first.click()
    assert page.locator("#p-5 .flag.f-changed").count() >= 1
    context.close()
