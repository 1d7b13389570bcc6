"""What was asked of a clip: what travels, and what of it lasts now."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from server.ingest.enrolment import enrol_patient
from server.plans.commands import (
    SETTINGS_LIFETIME_MS,
    Asked,
    add_command,
    commands_of,
    in_force,
    unanswered,
    unsent,
)
from server.store import reading, writing

CLIP = "00000000000000c0"
MINUTE_MS = 60_000
BLANK = Asked("a", CLIP, "pause", None, None, None, 0, 600_000, 0, None, None)


def done(kind: str, at_min: int, minutes: int | None = None) -> Asked:
    at_ms = at_min * MINUTE_MS
    return replace(BLANK, kind=kind, minutes=minutes, created_ms=at_ms, answered_ms=at_ms, result="done")


def test_how_a_clip_should_buzz_travels_and_waits_for_the_clip_for_hours(engine: Engine) -> None:
    anna = enrol_patient(engine, name="Anna", zone="Europe/Berlin", now_ms=0)
    with writing(engine) as db:
        made = add_command(db, clip=CLIP, patient_id=anna, kind="settings", strength_pct=0, rhythm=3, now_ms=1000)
        add_command(db, clip=CLIP, patient_id=anna, kind="pause", minutes=15, now_ms=2000)
    with reading(engine) as db:
        first, second = unsent(db, 3000)
        late = unanswered(db, [CLIP], SETTINGS_LIFETIME_MS)
        asked = commands_of(db, anna, 1000)
        assert commands_of(db, anna, 2001) == []
    assert (first.id, first.kind, first.strength_pct, first.rhythm, first.minutes) == (made, "settings", 0, 3, None)
    assert (second.kind, second.strength_pct, second.minutes) == ("pause", None, 15)
    assert [one.id for one in late] == [made], "a pause of the morning is not done at night"
    assert [one.kind for one in asked] == ["pause", "settings"]


@pytest.mark.parametrize(
    ("asked", "at_min", "kind"),
    [
        ([], 5, None),
        ([done("pause", 0, 15)], 14, "pause"),
        ([done("pause", 0, 15)], 15, None),
        ([done("pause", 0)], 29, "pause"),
        ([replace(done("pause", 0, 15), result="unreachable")], 5, None),
        ([done("resume", 3), done("pause", 0, 15)], 5, None),
        ([done("pause", 4, 15), done("resume", 3), done("pause", 0, 60)], 5, "pause"),
        ([done("snooze", 2, 60), done("pause", 0, 15)], 5, "pause"),
        ([done("snooze", 2, 60), done("pause", 0, 15)], 20, "snooze"),
        ([done("pause", 10, 15), done("pause", 0, 60)], 30, None),  # the later one replaced the longer one
        ([done("settings", 6), done("pause", 0, 15)], 7, "pause"),
    ],
)
def test_what_lasts_now(asked: list[Asked], at_min: int, kind: str | None) -> None:
    found = in_force(asked, at_min * MINUTE_MS)
    assert (found.kind if found else None) == kind


@given(st.lists(st.tuples(st.sampled_from(["pause", "snooze", "resume"]), st.integers(1, 60)), max_size=8))
def test_it_agrees_with_a_clip_that_does_as_it_is_told(orders: list[tuple[str, int]]) -> None:
    paused = snoozed = 0
    asked: list[Asked] = []
    for at, (kind, minutes) in enumerate(orders):
        asked.insert(0, done(kind, at, minutes))
        if kind == "resume":
            paused = snoozed = 0
        elif kind == "pause":
            paused = at + minutes
        else:
            snoozed = at + minutes
    for now in range(70):
        if now >= len(orders):
            found = in_force(asked, now * MINUTE_MS)
            assert (found.kind if found else None) == ("pause" if now < paused else "snooze" if now < snoozed else None)
