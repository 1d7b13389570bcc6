"""Today: who needs a look comes first and it says why; what is dismissed goes, can come back, and is remembered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from server.people.emergencies import take_access
from server.plans.service import confirm
from server.store import reading, writing
from server.store.tables import (
    audit_entry,
    clip_event,
    clip_status,
    flag_dismissal,
    gateway,
    pain_entry,
    red_flag_answer,
)
from tests.server.conftest import CLIPS, GATEWAY, TODAY, Clinic
from tests.server.worklist.stored import five_weeks

HOUR = 3_600_000
ADA, BEN, CLEO, DANA, EMIL = 1, 2, 3, 4, 5


@pytest.fixture
def clinic(clinic: Clinic) -> Clinic:
    """Five weeks of everybody, in which nothing stands out."""
    with writing(clinic.engine) as db:
        for number in (ADA, BEN, CLEO, DANA, EMIL):
            five_weeks(db, number, TODAY, seed=number)
        confirm(db, CLEO, 1, clinic.now_ms)
    return clinic


def change_days(clinic: Clinic, number: int, **figures: Any) -> None:
    with writing(clinic.engine) as db:
        five_weeks(db, number, TODAY, seed=number, **figures)


def note_pain(clinic: Clinic, number: int, levels: Mapping[int, int]) -> None:
    """Levels by how many days ago."""
    with writing(clinic.engine) as db:
        for back, level in levels.items():
            at_ms = clinic.now_ms - back * 24 * HOUR
            db.execute(insert(pain_entry).values(patient_id=number, at_ms=at_ms, level=level, note=""))


def slip(clinic: Clinic, number: int, tenths: int = 124) -> None:
    with writing(clinic.engine) as db:
        db.execute(
            insert(clip_event).values(
                patient_id=number, clip=CLIPS[number - 1], boot="1" * 16, judge="gateway", start_ms=1, rev=1,
                utc_ms=clinic.now_ms - 26 * HOUR, plan=1, calibration=1, simulated=True, gateway=GATEWAY,
                received_ms=clinic.now_ms, kind="slipped", value=tenths,
            )
        )  # fmt: skip


def answer(clinic: Clinic, number: int) -> None:
    with writing(clinic.engine) as db:
        db.execute(
            insert(red_flag_answer).values(
                patient_id=number, at_ms=clinic.now_ms - HOUR, questions=1, yes_json='["fever"]', advice="today"
            )
        )


async def get(clinic: Clinic, address: str = "/patients", who: str = "mara") -> str:
    client = await clinic.signed_in(who)
    page = await client.get(address)
    await client.aclose()
    assert page.status_code == 200
    return said(page.text)


def said(page: str) -> str:
    """Without tags but headings, links and forms' addresses, on one line."""
    return re.sub(r"\s+", " ", re.sub(r"</?(b|p|span|i|em)\b[^>]*>", "", page))


def order(page: str) -> list[str]:
    return [one.strip() for one in re.findall(r"<h[23][^>]*>(?:<a [^>]*>)?([^<0-9]+)", page)]


async def send(clinic: Clinic, address: str, **form: Any) -> Any:
    client = await clinic.signed_in()
    token = client.headers["x-form-token"]
    page = await client.post(address, data={"form_token": token, **form}, follow_redirects=True)
    await client.aclose()
    return page


async def test_who_needs_a_look_most_comes_first_and_each_flag_says_its_size_and_what_is_behind_it(
    clinic: Clinic,
) -> None:
    change_days(clinic, ADA, gone=3)
    note_pain(clinic, BEN, {1: 6, 2: 7, 3: 6, 12: 3, 15: 4, 20: 3})
    slip(clinic, DANA)
    change_days(clinic, EMIL, later=14.0)
    answer(clinic, CLEO)
    page = await get(clinic)
    assert order(page) == [
        "Look now", "Cleo Marchetti",
        "Look today", "Ben Okafor", "Ada Keller", "Emil Sørensen",
        "Clip and plan", "Dana Whitfield",
    ]  # fmt: skip
    assert "5 to look at" in page
    assert "Urgent signs fever or very unwell answered 1 h ago" in page
    assert "Pain rose from 3 to 6 of 10 medians of 3 entries in 7 days and 3 in the 28 days before" in page
    assert (
        "Worn too little on the last 3 prescribed days worn 0 h of 24 h since 20 Mar, 24 h of it without data" in page
    )
    assert re.search(
        r"Fewer shifts from \d\d\.\d to \d\d\.\d an hour −1\d\.\d \(−\d\d\.\d to −\d\d?\.\d\); 5 days", page
    )
    assert "The clip slipped by about 12°, 24 Mar, 12:47 not calibrated since; worn " in page


async def test_a_plan_that_waits_says_for_how_long(clinic: Clinic) -> None:
    clinic.give_plan("Emil Sørensen", "mara", confirmed=False, age_ms=50 * HOUR, dwell_s=120)
    page = await get(clinic)
    assert "Plan 2 not confirmed for 2 days not sent yet" in page
    assert order(page)[:2] == ["Clip and plan", "Emil Sørensen"]


async def test_nobody_who_needs_nothing_is_pushed_forward(clinic: Clinic) -> None:
    page = await get(clinic)
    assert "Nothing stands out today." in page
    assert order(page)[0] == "Nothing stands out"
    assert "Dismiss" not in page
    assert "Battery 14 %" in page
    assert "Plan 2 pending" in page  # made a minute ago: no flag yet


async def test_live_is_what_was_heard_lately_and_long_silence_is_a_flag(clinic: Clinic) -> None:
    assert "2 live now" in await get(clinic)
    clinic.now_ms += 6 * 60_000
    assert "0 live now" in await get(clinic)
    with writing(clinic.engine) as db:
        db.execute(update(gateway).values(seen_ms=clinic.now_ms - 80 * HOUR))
    page = await get(clinic)
    assert page.count("Nothing heard of the clip for 3 days last heard 22 Mar") == 5


async def test_a_dismissed_flag_goes_with_its_reason_and_comes_back_when_taken_back(clinic: Clinic) -> None:
    change_days(clinic, ADA, gone=3)
    page = (await send(clinic, f"/patients/{ADA}/flags/dismiss", flag="wear|", words="On holiday until Monday")).text
    assert "Dismissed: Worn too little, Ada Keller." in said(page)
    assert order(said(page))[0] == "Nothing stands out"
    assert "1 dismissed" in page
    assert re.search(r"“On holiday until Monday” Mara Lindqvist, 25 Mar", page)
    number = re.search(r"/flags/(\d+)/undo", page)
    assert number
    page = (await send(clinic, f"/patients/{ADA}/flags/{number[1]}/undo")).text
    assert order(said(page))[:2] == ["Look today", "Ada Keller"]
    with reading(clinic.engine) as db:
        told = db.execute(
            select(audit_entry.c.outcome, audit_entry.c.detail).where(audit_entry.c.act == "dismiss flag")
        ).all()
        kept = db.execute(select(flag_dismissal)).mappings().one()
    assert told == [("done", "wear"), ("done", "taken back")]
    assert (kept["size"], kept["undone_ms"], kept["author_id"]) == (3.0, clinic.now_ms, clinic.people["mara"])
    again = await send(clinic, f"/patients/{ADA}/flags/{number[1]}/undo")
    assert again.status_code == 404


async def test_a_dismissed_flag_is_told_again_when_it_has_grown(clinic: Clinic) -> None:
    change_days(clinic, ADA, gone=3)
    await send(clinic, f"/patients/{ADA}/flags/dismiss", flag="wear|", reason="Expected and known")
    for gone, shown in ((4, False), (5, True)):
        change_days(clinic, ADA, gone=gone)
        assert (order(await get(clinic))[0] == "Look today") is shown


async def test_without_a_reason_or_a_flag_nothing_is_dismissed(clinic: Clinic) -> None:
    change_days(clinic, ADA, gone=3)
    answer(clinic, ADA)
    for form, words in (
        ({"flag": "wear|", "words": " x"}, "Say why, in 3 characters or more"),
        ({"flag": "wear|", "words": "x" * 201}, "at most 200 characters"),
        ({"words": "no flag chosen"}, "Choose what to dismiss."),
        ({"flag": "pain|", "words": "is not there"}, "Choose what to dismiss."),
        ({"flag": ["wear|", "urgent|1"], "words": "all of it"}, "cannot be dismissed"),
    ):
        page = await send(clinic, f"/patients/{ADA}/flags/dismiss", **form)
        assert (page.status_code, words in page.text) == (422, True), form
        assert '<details class="dismiss" open>' in page.text
    with reading(clinic.engine) as db:
        assert db.scalar(select(flag_dismissal.c.id)) is None


async def test_one_is_found_by_a_part_of_the_name_or_pseudonym_without_its_accents(clinic: Clinic) -> None:
    for words, found in (
        ("sorensen", ["Emil Sørensen"]),
        ("EMIL s", ["Emil Sørensen"]),
        ("p-0003", ["Cleo Marchetti"]),
        ("zz", []),
    ):
        page = await get(clinic, f"/patients?q={words}")
        assert order(page)[1:] == found, words
        assert f"{len(found)} of 5 for “{words}”" in page
    kept = await send(clinic, f"/patients/{ADA}/flags/dismiss", flag="no|", words="nothing there", q="ada")
    assert order(said(kept.text))[1:] == ["Ada Keller"]


async def test_nobody_in_care_is_told_kindly(clinic: Clinic) -> None:
    clinic.add_person("new", "Nora Lund")
    page = await get(clinic, who="new")
    assert "No patients yet" in page
    assert "Patients appear here once they are in your care." in page


async def test_clips_that_were_never_seen_say_so(clinic: Clinic) -> None:
    with writing(clinic.engine) as db:
        db.execute(delete(clip_status).where(clip_status.c.clip != CLIPS[0]))
    assert (await get(clinic)).count("Not seen yet") == 4


async def test_emergency_access_sees_what_stands_out_and_dismisses_nothing(clinic: Clinic) -> None:
    change_days(clinic, ADA, gone=3)
    with writing(clinic.engine) as db:
        take_access(db, clinic.people["otto"], ADA, "Ada rang: the clip does not stop", clinic.now_ms)
    page = await get(clinic, who="otto")
    (ada,) = [row for row in page.split('class="row"')[1:] if "Ada Keller" in row]
    assert "Worn too little" in ada
    assert "Emergency access" in ada
    assert "flags/dismiss" not in ada
