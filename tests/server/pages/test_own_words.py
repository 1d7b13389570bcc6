"""Words for the one who lives it: plans, next steps, posture around pain, and how the clip and its orders stand."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from gateway.messages import Goals, Plan
from server.access.clips import ClipState
from server.diary.small_goal import SmallGoal
from server.pages.clip_words import RHYTHMS, battery_words, clip_sentence, line
from server.pages.own_words import aim_sentences, days_words, goal_words, plan_sentences
from server.pages.pain import around_words
from server.plans.commands import Asked
from server.summaries.around import Around

BERLIN = ZoneInfo("Europe/Berlin")
NOW_MS = 1_774_446_420_000
CLIP = ClipState(
    clip="00000000000000c0",
    link="live",
    online=True,
    live=True,
    battery_pct=81,
    firmware="0.1.0",
    journal_waiting=0,
    plan_version=1,
    calibration_version=1,
    seen_ms=NOW_MS - 20_000,
    simulated=False,
)
ASKED = Asked("a", CLIP.clip, "pause", 15, None, None, NOW_MS - 60_000, NOW_MS + 540_000, None, None, None)


def test_a_plan_in_plain_language() -> None:
    plan = Plan(
        version=1, angle_deg=12, dwell_s=90, cap_per_hour=4, fraction_pct=67, quiet_start="12:00", quiet_end="13:00",
        probe_every=5, back_off=False,
    )  # fmt: skip
    assert plan_sentences(plan) == [
        "On Mondays to Fridays, from 09:00 to 17:00, the clip notices how you hold yourself.",
        "It buzzes when you have been bent forward by more than 12° for 1 min 30 s.",
        "At most 4 times an hour.",
        "On purpose it now leaves out some reminders, so that you can do without them bit by bit.",
        "From 12:00 to 13:00 it does not buzz.",
        "One day in 5 is silent: it measures and does not buzz, to see how you do by yourself.",
    ]
    assert plan_sentences(plan.model_copy(update={"mode": "track"}))[1:] == [
        "It only measures; it does not remind you."
    ]
    assert "added up" in plan_sentences(plan.model_copy(update={"trigger": "dose"}))[1]


def test_aims_and_days() -> None:
    assert aim_sentences(Goals(worn_hours=6.5))[2] == "Wear the clip for about 6.5 h a day."
    assert days_words([4, 0, 1, 2, 3]) == "Mondays to Fridays"
    assert days_words([0, 2]) == "Mondays, Wednesdays"
    everyday = Plan(version=1, days=tuple(range(7)), mode="track")
    assert plan_sentences(everyday)[0] == "Every day from 09:00 to 17:00 the clip notices how you hold yourself."
    assert days_words([5, 6]) == "Saturdays, Sundays"


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        (SmallGoal("still", 80, 70), "Change your position before 70 min have passed"),
        (SmallGoal("shifts", 8, 10), "Shift your posture about 10 times an hour"),
        (SmallGoal("wear", 90, 150), "Wear the clip up to 2 h 30 min today"),
        (SmallGoal("begin"), "Put the clip on when it suits you"),
        (SmallGoal("keep"), "Keep it as varied as it is"),
    ],
)
def test_the_next_step_in_words(goal: SmallGoal, words: str) -> None:
    assert goal_words(goal)[0] == words
    assert "upright" not in " ".join(goal_words(goal))


def test_posture_around_pain_says_how_much_was_seen() -> None:
    around = Around(0, {"lost": 300, "slouched": 200, "leaning_left": 60, "leaning_back": 30, "upright": 10}, 600, 11.6)
    assert around_words(around) == (
        "In the 5 min before and after, 5 min of them seen: upright 10 s, slouched 3 min 20 s, leaning 1 min 30 s. "
        "Middle inclination 12°."
    )
    assert around_words(replace(around, seconds={"lost": 400, "not_worn": 200})) == "The clip was not worn then."
    assert around_words(None) == "The clip was not worn then."


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Your clip is connected."),
        ({"live": False, "online": False, "seen_ms": NOW_MS - 7_200_000}, "Your computer was last heard 2 h ago."),
        ({"live": False, "link": "searching"}, "Your clip is out of reach."),
        ({"live": False, "link": "asleep"}, "Your computer cannot use its Bluetooth just now."),
        ({"live": False, "link": "authenticating"}, "Your clip is connecting."),
        ({"live": False, "online": False, "seen_ms": None}, "Your clip has not been heard yet."),
    ],
)
def test_the_clip_in_a_sentence(changes: dict[str, object], words: str) -> None:
    assert clip_sentence(replace(CLIP, **changes), NOW_MS).startswith(words)  # type: ignore[arg-type]


def test_the_battery_asks_to_be_charged_in_time() -> None:
    assert battery_words(CLIP) == "Battery 81 %"
    assert battery_words(replace(CLIP, battery_pct=20)) == "Battery 20 %, charge it soon"
    assert battery_words(replace(CLIP, battery_pct=None)) == "Battery: not told yet"


@pytest.mark.parametrize(
    ("changes", "state", "kind"),
    [
        ({}, "Waiting for your computer", "waiting"),
        ({"sent_ms": NOW_MS}, "Sent, waiting for the clip", "waiting"),
        ({"expires_ms": NOW_MS}, "Not done in time. Nothing has changed; ask again.", ""),
        ({"answered_ms": NOW_MS, "result": "done"}, "Done by the clip at 14:47", "live"),
        ({"answered_ms": NOW_MS, "result": "done", "expires_ms": 0}, "Done by the clip at 14:47", "live"),
        ({"answered_ms": NOW_MS, "result": "expired"}, "Not done in time. Nothing has changed; ask again.", ""),
        ({"answered_ms": NOW_MS, "result": "refused"}, "The clip did not take it", ""),
        (
            {"answered_ms": NOW_MS, "result": "unreachable"},
            "The clip was not near in time. Nothing has changed; ask again.",
            "",
        ),
    ],
)
def test_how_an_order_stands(changes: dict[str, object], state: str, kind: str) -> None:
    told = line(replace(ASKED, **changes), BERLIN, NOW_MS)  # type: ignore[arg-type]
    assert (told.what, told.state, told.kind, told.when) == ("Pause for 15 min", state, kind, "14:46")


def test_every_rhythm_of_the_clip_has_a_name() -> None:
    assert len(set(RHYTHMS)) == 8
    assert line(replace(ASKED, kind="settings", strength_pct=55, rhythm=None), BERLIN, NOW_MS).what == "Buzz: 55 %"
