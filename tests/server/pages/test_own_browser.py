"""A patient on a phone, in a real Chromium: pain in a few taps, a reminder answered, a pause that is followed until the
clip has it, urgent signs that speak at once, and a kind page without a connection."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from gateway import messages
from server.plans.commands import take_reply
from server.store import reading, writing
from server.store.tables import command, pain_entry, reminder_answer
from tests.server.access.conftest import settle_in
from tests.server.conftest import CLIPS, Clinic
from tests.server.pages.browsing import CHROMIUM, Visit

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH"),
]


def test_a_patients_day_on_a_phone(chromium: Any, address: str, clinic: Clinic) -> None:
    settle_in(clinic)
    visit = Visit(chromium, address, 390)
    visit.page.clock.install()
    visit.sign_in("ada")
    page = visit.page
    page.get_by_role("link", name="Note how it hurts").click()
    seven = page.get_by_role("button", name="7", exact=True)
    assert min(seven.bounding_box()[side] for side in ("width", "height")) >= 44, "large enough for a thumb"
    assert page.get_by_role("button", name="10").bounding_box()["y"] < 844 - 60, "all numbers on one screen"
    seven.click()
    page.get_by_role("heading", name="Noted: 7 of 10").wait_for()
    page.get_by_label("aching").check()
    page.get_by_label("lower back").check()
    assert page.get_by_text("lower back", exact=True).is_visible()
    page.get_by_role("button", name="Keep").click()
    page.get_by_text("aching, lower back").wait_for()
    with reading(clinic.engine) as db:
        kept = db.execute(select(pain_entry).where(pain_entry.c.level == 7)).one()
    assert (kept.word, kept.area, kept.at_ms) == ("aching", "lower_back", clinic.now_ms)

    asked = page.get_by_role("group", name="Was the reminder at 13:03 helpful?")
    asked.get_by_role("button", name="Yes").click()
    page.wait_for_url("**/my/days/2026-03-25#reminders")
    asked = page.get_by_role("group", name="Was the reminder at 13:03 helpful?")
    assert asked.get_by_role("button", name="Yes").get_attribute("aria-pressed") == "true"
    with reading(clinic.engine) as db:
        assert db.scalars(select(reminder_answer.c.helpful)).all() == [True]

    page.get_by_role("link", name="My clip").click()
    page.locator("section", has_text="Nothing is measured").get_by_role("button", name="15 min").click()
    page.get_by_text("Waiting for your computer").wait_for()
    with writing(clinic.engine) as db:
        order = db.execute(select(command)).one()
        assert (order.kind, order.minutes) == ("pause", 15)
        db.execute(update(command).values(sent_ms=clinic.now_ms))
        take_reply(
            db, messages.Reply(schema="reply/1", id=order.id, clip=CLIPS[0], result="done"), clinic.now_ms + 2000
        )
    page.mouse.move(1, 1)
    page.clock.fast_forward(5000)
    page.get_by_text("Done by the clip at 14:47").wait_for(timeout=5000)
    visit.close()


def test_urgent_signs_speak_before_anything_is_sent(chromium: Any, address: str, clinic: Clinic) -> None:
    settle_in(clinic)
    visit = Visit(chromium, address, 390, dark=True)
    visit.sign_in("ada")
    page = visit.open("/my/urgent")
    now, today = page.get_by_text("Please get help now: call"), page.get_by_text("Please call a doctor or your clinic")
    assert not now.is_visible()
    assert not today.is_visible()
    page.get_by_label("Fever, chills").check()
    assert today.is_visible()
    page.get_by_label("Numbness or a strange feeling").check()
    assert now.is_visible()
    assert not today.is_visible()
    page.get_by_role("button", name="Tell my therapist").click()
    page.get_by_role("heading", name="Please get help now").wait_for()
    visit.close()


def test_without_a_connection_there_is_a_kind_page_and_nothing_of_anybody(
    chromium: Any, address: str, clinic: Clinic
) -> None:
    settle_in(clinic)
    visit = Visit(chromium, address, 390)
    visit.sign_in("ada")
    page = visit.open("/my")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    page.goto(f"{address}/my/plan")
    kept = page.evaluate(
        """async () => (await Promise.all((await caches.keys()).map(async name =>
        (await (await caches.open(name)).keys()).map(one => new URL(one.url).pathname)))).flat().sort()"""
    )
    assert kept == ["/offline", "/static/icon.svg", "/static/patient.css", "/static/plumbline.css"]
    visit.context.set_offline(True)
    page.goto(f"{address}/my")
    assert page.get_by_role("heading", name="No connection just now").is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.card')).borderRadius") == "10px"
    assert "Ada" not in page.content()
    visit.context.set_offline(False)
    page.get_by_role("link", name="Try again").click()
    page.get_by_role("heading", name="Your day so far").wait_for()
    visit.complaints = [one for one in visit.complaints if "ERR_INTERNET_DISCONNECTED" not in one]
    visit.close()
