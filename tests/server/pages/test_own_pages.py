"""A patient's own pages: the day in kind words, pain in a few taps, urgent signs, and what is asked of the clip."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser

import httpx
import pytest
from sqlalchemy import select, update

from gateway import messages
from server.access.accounts import end_care
from server.diary.pain import AREAS, add_pain
from server.plans.commands import take_reply
from server.plans.quiet_hours import REASON
from server.plans.service import plan_state
from server.store import reading, writing
from server.store.tables import assignment, audit_entry, command, pain_entry, reminder_answer
from tests.server.access.conftest import ADA, Town, settled, town
from tests.server.access.decisions import Who
from tests.server.conftest import CLIPS

__all__ = ["settled", "town"]  # fixtures


@pytest.fixture
async def ada(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    client = town.visitor(Who.SELF)
    yield client
    await client.aclose()


class Text(HTMLParser):
    """What a page says, and the labels of its controls."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def said(answer: httpx.Response) -> str:
    assert answer.status_code in (200, 409, 422), (answer.status_code, answer.headers.get("location"))
    reader = Text()
    reader.feed(answer.text)
    return re.sub(r" ([.,;:])", r"\1", " ".join(" ".join(reader.parts).split()))


async def test_the_day_tells_of_movement_before_uprightness(ada: httpx.AsyncClient) -> None:
    text = said(await ada.get("/my/days/2026-03-24"))
    order = [text.index(words) for words in ("You wore the clip", "You changed your posture", "You were upright")]
    assert order == sorted(order)
    assert "Next small step" not in text  # which a day that is over has no more
    today = said(await ada.get("/my"))
    assert today.index("Next small step") < today.index("You wore the clip")


async def test_a_reminder_is_answered_with_one_tap_and_again(ada: httpx.AsyncClient, town: Town) -> None:
    page = (await ada.get("/my/days/2026-03-24")).text
    fields = dict(re.findall(r'name="(clip|boot|start_ms)" value="(\w+)"', page))
    for word, pressed in (("yes", True), ("no", False)):
        answer = await ada.post("/my/days/2026-03-24/reminders", data={**fields, "helped": word})
        assert (answer.status_code, answer.headers["location"]) == (303, "/my/days/2026-03-24#reminders")
        shown = (await ada.get("/my/days/2026-03-24")).text
        assert re.findall(r'value="(yes|no)" class="quiet" aria-pressed="true"', shown) == [word]
        with reading(town.clinic.engine) as db:
            kept = db.execute(select(reminder_answer.c.clip, reminder_answer.c.helpful)).all()
        assert [tuple(row) for row in kept] == [(CLIPS[0], pressed)]


async def test_a_reminder_that_was_withheld_is_not_answered(ada: httpx.AsyncClient) -> None:
    fields = {"clip": CLIPS[0], "boot": "0000000000000053", "start_ms": "7260000", "helped": "yes"}
    assert 'value="7260000"' not in (await ada.get("/my/days/2026-03-25")).text
    assert (await ada.post("/my/days/2026-03-25/reminders", data=fields)).status_code == 404
    given = {**fields, "start_ms": "7560000"}  # the next of the same slouch
    assert (await ada.post("/my/days/2026-03-25/reminders", data=given)).status_code == 303


async def test_a_reminder_that_was_not_ones_own_is_not_answered(town: Town) -> None:
    ben = town.visitor(Who.OTHER_PATIENT)
    fields = {"clip": CLIPS[0], "boot": "0000000000000053", "start_ms": "2160000", "helped": "yes"}
    assert (await ben.post("/my/days/2026-03-25/reminders", data=fields)).status_code == 404
    await ben.aclose()


async def test_pain_is_one_tap_and_may_be_described_and_taken_back(ada: httpx.AsyncClient, town: Town) -> None:
    page = (await ada.get("/my/pain")).text
    assert re.findall(r'name="level" value="(\d+)"', page) == [str(n) for n in range(11)]
    answer = await ada.post("/my/pain", data={"level": "6"})
    place = answer.headers["location"]
    assert answer.status_code == 303
    again = await ada.post("/my/pain", data={"level": "6"})
    assert again.headers["location"] == place, "a second tap is no second entry"
    text = said(await ada.get(place))
    assert "Noted: 6 of 10" in text
    assert "seven short questions" not in text
    assert re.search(r"In the 5 min before and after, \d+ min( \d+ s)? of them seen: .+ Middle inclination", text)
    assert set(re.findall(r'name="area" value="(\w+)"', (await ada.get(place)).text)) == set(AREAS)
    more = await ada.post(place, data={"word": "aching", "area": "lower_back", "note": " after  lunch "})
    assert more.headers["location"] == "/my#felt"
    assert "aching, lower back" in said(await ada.get("/my"))
    assert "after lunch" in said(await ada.get("/my"))
    assert (await ada.post(f"{place}/take-back")).status_code == 303
    assert (await ada.get(place)).status_code == 404
    assert "aching" not in said(await ada.get("/my"))
    with reading(town.clinic.engine) as db:
        acts = db.scalars(select(audit_entry.c.detail).where(audit_entry.c.act == "note pain")).all()
        assert db.scalars(select(pain_entry.c.taken_back_ms).where(pain_entry.c.level == 6)).all() == [
            town.clinic.now_ms
        ]
    assert acts == ["", "", "described", "taken back"]


@pytest.mark.parametrize("body", [{"level": "11"}, {"level": "-1"}])
async def test_pain_is_a_number_from_0_to_10(ada: httpx.AsyncClient, body: dict[str, str]) -> None:
    answer = await ada.post("/my/pain", data=body)
    assert answer.status_code == 422
    assert "Choose a number from 0 to 10." in said(answer)


@pytest.mark.parametrize(
    ("level", "more", "offered"),
    [
        (7, {}, False),
        (8, {}, True),
        (2, {"word": "numb"}, True),
        (2, {"word": "aching"}, False),
        (2, {"area": "chest"}, True),
    ],
)
async def test_the_urgent_questions_are_offered_where_they_belong(
    ada: httpx.AsyncClient, level: int, more: dict[str, str], offered: bool
) -> None:
    place = (await ada.post("/my/pain", data={"level": str(level)})).headers["location"]
    await ada.post(place, data=more)
    assert ("seven short questions" in said(await ada.get(place))) is offered
    assert "A short check of urgent signs" in said(await ada.get("/my/pain")), "and are always within reach"


async def test_pain_stands_beside_its_posture_and_without_the_clip_says_so(ada: httpx.AsyncClient, town: Town) -> None:
    with writing(town.clinic.engine) as db:
        late = add_pain(db, ADA, 3, town.clinic.now_ms - 18 * 3_600_000)
    assert "The clip was not worn then." in said(await ada.get(f"/my/pain/{late.id}"))


@pytest.mark.parametrize(
    ("yes", "heading"),
    [
        (["fever"], "Please call a doctor today"),
        (["fever", "saddle"], "Please get help now"),
        ([], "Thank you"),
    ],
)
async def test_a_yes_shows_at_once_what_to_do_and_tells_the_therapist(
    ada: httpx.AsyncClient, town: Town, yes: list[str], heading: str
) -> None:
    answer = await ada.post("/my/urgent", data={"yes": yes})
    place = answer.headers["location"]
    text = said(await ada.get(place))
    assert heading in text
    assert ("has not seen it yet" in text) is bool(yes)
    mara = town.visitor(Who.CARER)
    number = place.rpartition("/")[2]
    day = said(await mara.get("/patients/1/days/2026-03-25"))
    assert "fever or very unwell" in day  # the town's own answer is one, too
    assert ("numbness around the saddle" in day) is ("saddle" in yes)
    seen = await mara.post(f"/patients/1/red-flags/{number}/seen")
    assert seen.status_code == 303
    assert (await mara.post(f"/patients/1/red-flags/{number}/seen")).status_code == 404
    assert ("Your therapist saw it at 14:47." in said(await ada.get(place))) is bool(yes)
    await mara.aclose()


async def test_unknown_questions_are_asked_again(ada: httpx.AsyncClient) -> None:
    answer = await ada.post("/my/urgent", data={"yes": ["nonsense"]})
    assert answer.status_code == 422
    assert "The questions have changed" in said(answer)


@pytest.mark.parametrize(
    ("ask", "kind", "minutes"),
    [
        ("snooze-60", "snooze", 60),
        ("pause-tomorrow", "pause", 9 * 60 + 13),
        ("resume", "resume", None),
        ("calibrate", "calibrate", None),
    ],
)
async def test_what_can_be_asked_of_the_clip(
    ada: httpx.AsyncClient, town: Town, ask: str, kind: str, minutes: int | None
) -> None:
    assert (await ada.post("/my/clip", data={"ask": ask})).headers["location"] == "/my/clip"
    with reading(town.clinic.engine) as db:
        row = db.execute(select(command)).one()
    assert (row.clip, row.kind, row.minutes) == (CLIPS[0], kind, minutes)


async def test_what_is_asked_of_the_clip_says_how_it_stands(ada: httpx.AsyncClient, town: Town) -> None:
    await ada.post("/my/clip", data={"ask": "pause-15"})
    text = said(await ada.get("/my/clip"))
    assert "Pause for 15 min" in text
    assert "Waiting for your computer" in text
    with writing(town.clinic.engine) as db:
        made = db.execute(select(command.c.id)).scalar_one()
        db.execute(update(command).values(sent_ms=town.clinic.now_ms))
    text = said(await ada.get("/my/clip"))
    assert "Sent, waiting for the clip" in text
    assert "Paused until" not in text
    reply = messages.Reply(schema="reply/1", id=made, clip=CLIPS[0], result="done")
    with writing(town.clinic.engine) as db:
        take_reply(db, reply, town.clinic.now_ms)
    text = said(await ada.get("/my/clip"))
    assert "Done by the clip at 14:47" in text
    assert "Paused until 15:02." in text
    assert "Go on now" in said(await ada.get("/my"))


async def test_what_is_not_done_in_time_says_so(ada: httpx.AsyncClient, town: Town) -> None:
    await ada.post("/my/clip", data={"ask": "pause-15"})
    town.clinic.now_ms += 10 * 60_000
    assert "Not done in time" in said(await ada.get("/my/clip"))


@pytest.mark.parametrize("ask", ["erase", "resend", "pause-1440", "pause-", "snooze-0", "watch-30"])
async def test_nothing_else_can_be_asked(ada: httpx.AsyncClient, town: Town, ask: str) -> None:
    assert (await ada.post("/my/clip", data={"ask": ask})).status_code == 422
    with reading(town.clinic.engine) as db:
        assert db.execute(select(command)).all() == []


async def test_without_a_clip_one_is_led_to_the_start(ada: httpx.AsyncClient, town: Town) -> None:
    with writing(town.clinic.engine) as db:
        db.execute(update(assignment).where(assignment.c.patient_id == ADA).values(end_ms=1))
    answer = await ada.post("/my/clip", data={"ask": "pause-15"})
    assert answer.status_code == 409
    assert "No clip is connected yet. Connect the computer first" in said(answer)
    assert "Getting started" in said(answer)


async def test_how_it_buzzes_goes_to_the_clip_as_settings(ada: httpx.AsyncClient, town: Town) -> None:
    assert (await ada.post("/my/clip/buzz", data={"strength": "40", "rhythm": "5"})).status_code == 303
    with reading(town.clinic.engine) as db:
        row = db.execute(select(command)).one()
    assert (row.kind, row.strength_pct, row.rhythm) == ("settings", 40, 5)
    page = await ada.get("/my/clip")
    assert "Buzz: gentle, long–short" in said(page)
    assert re.search(r'value="40" required checked', page.text)
    for body in ({"strength": "41", "rhythm": "5"}, {"strength": "40", "rhythm": "8"}):
        assert (await ada.post("/my/clip/buzz", data=body)).status_code == 422


async def test_quiet_hours_are_a_version_of_the_plan_that_differs_in_nothing_else(
    ada: httpx.AsyncClient, town: Town
) -> None:
    before = plan_state(town.clinic.engine, ADA).newest
    assert before is not None
    assert (await ada.post("/my/clip/quiet", data={"start": "12:00", "end": "12:45"})).status_code == 303
    after = plan_state(town.clinic.engine, ADA).newest
    assert after is not None
    assert (after.reason, after.author_id) == (REASON, town.accounts["ada"])
    same = {"version", "quiet_start", "quiet_end"}
    assert after.plan.model_dump(exclude=same) == before.plan.model_dump(exclude=same)
    assert (after.plan.quiet_start, after.plan.quiet_end) == ("12:00", "12:45")
    assert "On its way to your clip" in said(await ada.get("/my/clip"))
    assert "From 12:00 to 12:45 it does not buzz." not in said(await ada.get("/my/plan")), "until the clip has it"
    assert (await ada.post("/my/clip/quiet", data={"off": "yes"})).status_code == 303
    newest = plan_state(town.clinic.engine, ADA).newest
    assert newest is not None
    assert newest.plan.quiet_start is None


@pytest.mark.parametrize(("start", "end"), [("07:00", "08:00"), ("12:00", "")])
async def test_quiet_hours_outside_the_plans_hours_say_what_would_do(
    ada: httpx.AsyncClient, town: Town, start: str, end: str
) -> None:
    answer = await ada.post("/my/clip/quiet", data={"start": start, "end": end})
    assert "between 09:00 and 17:00" in said(answer)
    assert answer.status_code == 422


async def test_the_steps_of_the_start_say_which_are_done(ada: httpx.AsyncClient, town: Town) -> None:
    text = said(await ada.get("/my/start"))
    for words in ("A computer is connected", "Your clip is paired", "Your clip is connected now", "Calibrated"):
        assert words in text
    with writing(town.clinic.engine) as db:
        db.execute(update(assignment).where(assignment.c.patient_id == ADA).values(end_ms=1))
    text = said(await ada.get("/my/start"))
    assert "No clip yet" in text
    assert "Not calibrated yet" in text


async def test_who_can_see_it_is_told_by_name(ada: httpx.AsyncClient, town: Town) -> None:
    page = said(await ada.get("/my/rights"))
    shown = page[page.index("Who can see the measurements now") : page.index("Everything as a file")]
    assert "Mara Lindqvist treats you" in shown
    assert "Ina Therapist emergency access until Wed 25 Mar 2026, 18:46" in shown
    assert "Otto" not in shown
    end_care(town.clinic.engine, town.accounts["mara"], ADA, town.clinic.now_ms)
    assert "Mara Lindqvist treats you" not in said(await ada.get("/my/rights"))


async def test_the_app_keeps_nothing_about_anybody(ada: httpx.AsyncClient, town: Town) -> None:
    manifest = (await ada.get("/app.webmanifest")).json()
    assert (manifest["start_url"], manifest["display"]) == ("/my", "standalone")
    assert {icon["sizes"] for icon in manifest["icons"]} >= {"192x192", "512x512"}
    for icon in manifest["icons"]:
        assert (await ada.get(icon["src"])).status_code == 200
    worker = await ada.get("/app-worker.js")
    assert worker.headers["content-type"].startswith("text/javascript")
    assert "worker-src 'self'" in worker.headers["content-security-policy"]
    kept = re.findall(r'"(/[^"]+)"', worker.text.splitlines()[0])
    assert all(address.startswith(("/static/", "/offline")) for address in kept)
    nobody = town.clinic.client()
    for address in kept:
        mine, theirs = await ada.get(address), await nobody.get(address)
        assert mine.status_code == 200
        assert mine.content == theirs.content, "what is kept is the same for everybody"
    await nobody.aclose()
    assert "no-store" in (await ada.get("/my")).headers["cache-control"]
