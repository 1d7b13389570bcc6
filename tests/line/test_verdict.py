"""The verdict finds each thing that may be wrong, and nothing in a run in which all is right.

The evidence is made from a script's truth alone: what a faultless line would leave behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest

from gateway import messages
from gateway.lab.truth import truth
from server.demo.check.evidence import ClockError, Evidence, Identity, MotorStart, Outage
from server.demo.check.nowhere import nowhere
from server.demo.check.run import Options, script_of
from server.demo.check.verdict import differences
from server.demo.lease_log import Lease

START_UTC_MS: Final = 1_774_429_200_000
BOOT, NEXT_BOOT = "0b" * 8, "1c" * 8
DWELL_MS: Final = 60_000
SCRIPT: Final = script_of(Options(seed=7, script="slouches"))
KNOWN: Final = truth(SCRIPT)
SLOUCHED: Final = messages.CATEGORIES.index("slouched")
UPRIGHT: Final = messages.CATEGORIES.index("upright")
WINDOW_S: Final = 60 * -(-len(KNOWN.codes) // 60)
END_MS: Final = int(1000 * (SCRIPT.duration_s or 0))


def key(judge: str, kind: str, start_ms: int, boot: str = BOOT) -> Identity:
    return ("aa" * 8, boot, judge, kind, start_ms)


def good() -> Evidence:
    codes = np.append(KNOWN.codes, np.full(WINDOW_S - len(KNOWN.codes), UPRIGHT))
    minutes = range(0, 1000 * WINDOW_S, 60_000)
    slouches = [(int(1000 * slouch.start_s), int(1000 * slouch.end_s), slouch.mean_deg) for slouch in KNOWN.slouches]
    reminders = [start + DWELL_MS + 20 for start, _, _ in slouches]
    journal = {
        key("clip", "boot", 0): 1,
        **{key("clip", "epoch", at): 1 for at in minutes},
        **{key("clip", "episode", start + 40): 1 for start, _, _ in slouches},
        **{key("gateway", "reminder", at): 2 for at in reminders},
    }
    gateway = {
        **{key("gateway", "epoch", at): 1 for at in minutes},
        **{key("gateway", "episode", start): 1 for start, _, _ in slouches},
    }
    identities = journal | gateway
    leases = [Lease(1000, UPRIGHT, 0, 900)]
    for start, end, _ in slouches:
        leases += [Lease(start + 500, SLOUCHED, start, start + 400), Lease(end + 1200, UPRIGHT, end, end + 1100)]
    worn = KNOWN.sagittal[np.isin(KNOWN.codes, [SLOUCHED, UPRIGHT])]
    return Evidence(
        script=SCRIPT,
        start_utc_ms=START_UTC_MS,
        window_ms=(0, 1000 * WINDOW_S),
        dwell_s={1: DWELL_MS // 1000, 2: 30},
        plan_confirmed_ms={1: 4000, 2: END_MS - 1000},
        motor=(MotorStart(18_900, 1), *(MotorStart(at, 47) for at in reminders)),
        journal=journal,
        summary={
            "seconds": {name: int((codes == number).sum()) for number, name in enumerate(messages.CATEGORIES)},
            "elapsed_s": WINDOW_S,
            "figures": {"p50_deg": float(np.median(worn))},
            "shortfall": None,
        },
        episodes=[
            {"start_ms": START_UTC_MS + start, "end_ms": START_UTC_MS + end, "judge": "both", "mean_deg": mean}
            for start, end, mean in slouches
        ],
        reminders=[
            {
                "utc_ms": START_UTC_MS + at,
                "since_ms": START_UTC_MS + at - DWELL_MS - 20,
                "judge": "gateway",
                "given": True,
                "reason": "given",
                "response": "later",
                "plan": 1,
            }
            for at in reminders
        ],
        identities=identities,
        identity_plans=dict.fromkeys(identities, 1),
        identity_utc_ms={name: START_UTC_MS + name[4] for name in identities},
        boots_ms={BOOT: 0},
        plan={"newest": {"plan": {"recovery_s": 0.8}}, "in_force": {"plan": {"version": 2}}, "waiting": False},
        leases=tuple(leases),
    )


def rules(evidence: Evidence) -> set[str]:
    return {difference.rule for difference in differences(evidence)}


def test_nothing_is_wrong_with_what_is_right() -> None:
    assert differences(good()) == []


def without(judge: str, kind: str) -> Callable[[Evidence], Evidence]:
    def change(evidence: Evidence) -> Evidence:
        gone = sorted(name for name in evidence.identities if name[2:4] == (judge, kind))[3 if kind == "epoch" else 0]
        return replace(evidence, identities={k: v for k, v in evidence.identities.items() if k != gone})

    return change


def with_identity(name: Identity, rev: int) -> Callable[[Evidence], Evidence]:
    return lambda evidence: replace(evidence, identities={**evidence.identities, name: rev})


def with_reminders(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Callable[[Evidence], Evidence]:
    return lambda evidence: replace(evidence, reminders=change(evidence.reminders))


def with_episodes(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Callable[[Evidence], Evidence]:
    return lambda evidence: replace(evidence, episodes=change(evidence.episodes))


def with_seconds(**more: int) -> Callable[[Evidence], Evidence]:
    def change(evidence: Evidence) -> Evidence:
        seconds = evidence.summary["seconds"]
        changed = {**seconds, **{name: seconds[name] + count for name, count in more.items()}}
        return replace(evidence, summary={**evidence.summary, "seconds": changed})

    return change


def first(changes: dict[str, Any]) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    return lambda rows: [{**rows[0], **{name: change(rows[0][name]) for name, change in changes.items()}}, *rows[1:]]


def later(by_ms: int) -> Callable[[int], int]:
    return lambda at: at + by_ms


def always(value: object) -> Callable[[object], object]:
    return lambda _: value


BROKEN: Final[dict[str, tuple[str, Callable[[Evidence], Evidence]]]] = {
    "a minute of the clip is missing": ("identities", without("clip", "epoch")),
    "a minute of the gateway is missing": ("identities", without("gateway", "epoch")),
    "a reminder's record is missing": ("identities", without("gateway", "reminder")),
    "an event's record is missing": ("identities", without("clip", "boot")),
    "a revision is old": ("identities", with_identity(key("clip", "epoch", 120_000), 0)),
    "a revision is too new": ("identities", with_identity(key("clip", "epoch", 120_000), 2)),
    "a record that the clip never wrote": ("identities", with_identity(key("clip", "epoch", 60_001), 1)),
    "a record of a boot that there was not": (
        "identities",
        lambda e: replace(e, identity_utc_ms={**e.identity_utc_ms, key("clip", "epoch", 0, NEXT_BOOT): START_UTC_MS}),
    ),
    "a record lies elsewhere in time": (
        "places",
        lambda e: replace(
            e, identity_utc_ms={**e.identity_utc_ms, key("clip", "epoch", 60_000): START_UTC_MS + 60_100}
        ),
    ),
    "a second too many": ("coverage", with_seconds(upright=1)),
    "a second too few": ("coverage", with_seconds(slouched=-1)),
    "seconds lost": ("categories", with_seconds(lost=20, upright=-20)),
    "seconds of another category": ("categories", with_seconds(slouched=-60, upright=60)),
    "an episode is missing": ("episodes", with_episodes(lambda rows: rows[1:])),
    "an episode too many": (
        "episodes",
        with_episodes(
            lambda rows: [*rows, {**rows[0], "start_ms": START_UTC_MS + 30_000, "end_ms": START_UTC_MS + 40_000}]
        ),
    ),
    "an episode begins late": ("episodes", with_episodes(first({"start_ms": later(1200)}))),
    "an episode ends early": ("episodes", with_episodes(first({"end_ms": later(-1200)}))),
    "an episode's angle is off": ("angles", with_episodes(first({"mean_deg": lambda deg: deg - 1.2}))),
    "the median is off": (
        "angles",
        lambda e: replace(e, summary={**e.summary, "figures": {"p50_deg": e.summary["figures"]["p50_deg"] + 3}}),
    ),
    "there are no figures": ("angles", lambda e: replace(e, summary={**e.summary, "figures": None})),
    "a reminder is missing": ("reminders", with_reminders(lambda rows: rows[1:])),
    "a reminder came twice": ("reminders", with_reminders(lambda rows: [rows[0], *rows])),
    "a reminder came 2 s late": ("reminders", with_reminders(first({"utc_ms": later(2000), "since_ms": later(2000)}))),
    "a reminder came 2 s early": (
        "reminders",
        with_reminders(first({"utc_ms": later(-2000), "since_ms": later(-2000)})),
    ),
    "a reminder came a few ticks after its dwell": ("reminders", with_reminders(first({"utc_ms": later(100)}))),
    "a reminder's response is open": ("reminders", with_reminders(first({"response": always("open")}))),
    "a reminder was withheld": (
        "reminders",
        with_reminders(lambda rows: [*rows, {**rows[0], "given": False, "reason": "cap"}]),
    ),
    "a reminder names another plan": ("plans", with_reminders(first({"plan": always(2)}))),
    "the motor ran without a reminder": (
        "motor",
        lambda e: replace(e, motor=(*e.motor, MotorStart(e.motor[1].t_ms + 5000, 47))),
    ),
    "the motor did not run": ("motor", lambda e: replace(e, motor=e.motor[:-1])),
    "the newest plan is not in force": (
        "plans",
        lambda e: replace(e, plan={**e.plan, "in_force": {"plan": {"version": 1}}}),
    ),
    "a plan still waits": ("plans", lambda e: replace(e, plan={**e.plan, "waiting": True})),
    "a minute was judged with a plan that nobody made": (
        "plans",
        lambda e: replace(e, identity_plans={**e.identity_plans, key("gateway", "epoch", 180_000): 3}),
    ),
    "leases come late": (
        "latency",
        lambda e: replace(e, leases=tuple(replace(lease, t_ms=lease.t_ms + 800) for lease in e.leases)),
    ),
    "no lease comes": ("latency", lambda e: replace(e, leases=())),
    "an episode reaches the server late": ("latency", lambda e: replace(e, episode_delay_s=(6.0,))),
    "something is left over": ("left over", lambda e: replace(e, unanswered={"outbox": 1})),
}


@pytest.mark.parametrize("what", BROKEN)
def test_it_is_found(what: str) -> None:
    rule, change = BROKEN[what]
    assert rule in rules(change(good()))


# --- outages ---


def cut(evidence: Evidence, off_s: float, on_s: float) -> Evidence:
    """The power fails in between; the next boot writes what follows."""
    boots = {BOOT: 0, NEXT_BOOT: int(1000 * on_s)}

    def moved(name: Identity) -> Identity:
        at = name[4]
        if at < 1000 * off_s or name[3] not in {"epoch", "reminder", "episode"}:
            return name
        return (*name[:1], NEXT_BOOT, *name[2:4], at - boots[NEXT_BOOT])

    names = {name: moved(name) for name in evidence.identities}
    # A boot's minutes begin with it: those of the second one are told anew.
    names = {old: new for old, new in names.items() if not (new[1] == NEXT_BOOT and new[3] == "epoch")}
    minutes = [
        key(judge, "epoch", at, NEXT_BOOT)
        for judge in ("clip", "gateway")
        for at in range(0, 1000 * WINDOW_S - boots[NEXT_BOOT], 60_000)
    ]
    identities = {new: evidence.identities[old] for old, new in names.items()} | dict.fromkeys(minutes, 1)
    return replace(
        evidence,
        outages=(Outage("clip", int(1000 * off_s), int(1000 * on_s)),),
        boots_ms=boots,
        journal={name: rev for name, rev in identities.items() if name[2] == "clip" or name[3] == "reminder"},
        identities=identities,
        identity_plans=dict.fromkeys(identities, 1),
        identity_utc_ms={name: START_UTC_MS + boots[name[1]] + name[4] for name in identities},
    )


def split_episode(evidence: Evidence, off_s: float, on_s: float) -> Evidence:
    def change(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        off, on = (START_UTC_MS + int(1000 * at) for at in (off_s, on_s + 4))
        return [{**rows[0], "end_ms": off}, {**rows[0], "start_ms": on}, *rows[1:]]

    return with_episodes(change)(evidence)


FIRST: Final = KNOWN.slouches[0]
OFF_S, ON_S = FIRST.start_s + 70, FIRST.start_s + 74


def after_the_reminder() -> Evidence:
    """A power cut after the first reminder was given: its response stays open, and no other is due."""
    evidence = split_episode(cut(good(), OFF_S, ON_S), OFF_S, ON_S)
    evidence = with_seconds(lost=12, slouched=-12)(evidence)
    return with_reminders(first({"response": always("open")}))(evidence)


def test_a_power_cut_costs_what_it_must() -> None:
    assert differences(after_the_reminder()) == []


def test_without_the_outage_the_same_is_wrong() -> None:
    evidence = replace(after_the_reminder(), outages=())
    assert {"categories", "episodes", "reminders"} <= rules(evidence)


def test_after_a_power_cut_the_reminder_must_not_come_again() -> None:
    evidence = with_reminders(lambda rows: [rows[0], *rows])(after_the_reminder())
    assert "reminders" in rules(evidence)


def test_a_power_cut_in_the_dwell_begins_it_anew() -> None:
    """20 s into a slouch of 90 s, 66 s remain: of a dwell of 60 s that is enough only if it is found at once."""
    off_s, on_s = FIRST.start_s + 20, FIRST.start_s + 24
    evidence = with_seconds(lost=8, slouched=-8)(split_episode(cut(good(), off_s, on_s), off_s, on_s))
    assert "reminders" in rules(evidence)  # the one that came after the old dwell


def test_over_the_watchdog_the_dwell_goes_on() -> None:
    off_s, on_s = FIRST.start_s + 20, FIRST.start_s + 28
    evidence = with_seconds(lost=12, slouched=-12)(split_episode(cut(good(), off_s, on_s), off_s, on_s))
    evidence = replace(evidence, outages=(replace(evidence.outages[0], station="watchdog"),))
    assert "reminders" not in rules(evidence)
    anew = with_reminders(first({"utc_ms": later(28_000), "since_ms": later(28_000)}))(evidence)
    assert "reminders" in rules(anew)
    assert "reminders" in rules(with_reminders(lambda rows: rows[1:])(evidence))


def test_more_seconds_lost_than_the_power_cut_costs_are_found() -> None:
    assert "categories" in rules(with_seconds(lost=30, slouched=-30)(after_the_reminder()))


def test_a_minute_of_the_second_boot_must_not_be_missing() -> None:
    evidence = after_the_reminder()
    gone = max(name for name in evidence.identities if name[1:4] == (NEXT_BOOT, "gateway", "epoch"))
    kept = {name: rev for name, rev in evidence.identities.items() if name != gone}
    assert "identities" not in rules(replace(evidence, identities=kept))  # the last one: the run just ended earlier
    gone = sorted(name for name in evidence.identities if name[1:4] == (NEXT_BOOT, "gateway", "epoch"))[3]
    kept = {name: rev for name, rev in evidence.identities.items() if name != gone}
    assert "identities" in rules(replace(evidence, identities=kept))


def test_while_the_link_is_away_the_clip_has_its_own_tolerance() -> None:
    at_ms = int(1000 * FIRST.start_s)
    late = with_episodes(first({"start_ms": later(2500), "judge": always("clip")}))(good())
    assert "episodes" not in rules(late)
    seen = with_episodes(first({"start_ms": later(2500)}))(good())
    assert "episodes" in rules(seen)
    assert "episodes" not in rules(replace(seen, outages=(Outage("link", at_ms - 2000, at_ms + 2000),)))


# --- the gateway's computer: its sleep, and its clock ---

STEP_MS = 9000


def with_wrong_clock(placed_off_ms: int) -> Evidence:
    """The clock is wrong by STEP_MS from before the first slouch until long after it; what is placed in the minutes in
    between is `placed_off_ms` off."""
    error = ClockError(int(1000 * FIRST.start_s) - 50_000, int(1000 * FIRST.end_s) + 100_000, STEP_MS)
    evidence = replace(good(), clock_errors=(error,))

    def off(at_ms: int) -> int:
        return placed_off_ms if error.start_ms + 20_000 <= at_ms <= error.end_ms - 75_000 else 0

    moved = {name: utc_ms + off(name[4]) for name, utc_ms in evidence.identity_utc_ms.items()}
    evidence = replace(evidence, identity_utc_ms=moved)
    by = later(placed_off_ms)
    return with_reminders(first({"utc_ms": by, "since_ms": by}))(
        with_episodes(first({"start_ms": by, "end_ms": by}))(evidence)
    )


def test_a_wrong_clock_places_as_wrongly() -> None:
    assert differences(with_wrong_clock(STEP_MS)) == []
    assert {"places", "episodes", "reminders", "motor"} <= rules(replace(with_wrong_clock(STEP_MS), clock_errors=()))


def test_an_episode_lies_where_its_start_lies() -> None:
    """Its clock is set right while it goes on, or wrong."""
    begins, ends = (int(1000 * at) for at in (FIRST.start_s, FIRST.end_s))
    by = later(STEP_MS)
    during = ClockError(begins - 50_000, begins + 90_000, STEP_MS)
    whole = with_episodes(first({"start_ms": by, "end_ms": by}))(replace(good(), clock_errors=(during,)))
    assert "episodes" not in rules(whole)
    assert "episodes" in rules(replace(whole, clock_errors=(replace(during, start_ms=ends, end_ms=ends + 200_000),)))
    longer = with_episodes(first({"end_ms": by}))(
        replace(good(), clock_errors=(ClockError(ends, ends + 200_000, STEP_MS),))
    )
    assert "episodes" in rules(longer)


@pytest.mark.parametrize("off_ms", [0, STEP_MS - 100, STEP_MS + 100, -STEP_MS])
def test_a_wrong_clock_excuses_nothing_else(off_ms: int) -> None:
    assert "places" in rules(with_wrong_clock(off_ms))


def test_after_a_sleep_the_gateway_is_soon_back() -> None:
    gone = sorted(name for name in good().identities if name[2:4] == ("gateway", "epoch"))[3]
    kept = {name: rev for name, rev in good().identities.items() if name != gone}
    evidence = replace(good(), identities=kept)
    slept = Outage("sleep", gone[4] - 200_000, gone[4] - 14_000)
    assert "identities" not in rules(replace(evidence, outages=(slept,)))
    assert "identities" in rules(replace(evidence, outages=(replace(slept, end_ms=gone[4] - 16_000),)))


# --- what exists nowhere: the open minute of a clip that lost its power out of the gateway's hearing ---

MINUTE_S: Final = 60.0 * (FIRST.start_s // 60 + 1)
"""The first that begins within the first slouch."""
GONE_S: Final = MINUTE_S + 30
"""In it the power fails, long before the reminder."""


def unheard(off_s: float, *deaf: Outage, leases: tuple[Lease, ...] = ()) -> Evidence:
    """The power fails for 4 s, the clip has not written its open minute, and the gateway was `deaf`."""
    evidence = cut(good(), off_s, off_s + 4)
    open_ms = int(off_s // 60) * 60_000
    late = [name for name in evidence.identities if name[3] == "reminder" and name[1] == BOOT and name[4] > open_ms]
    gone = {key(judge, "epoch", open_ms) for judge in ("clip", "gateway")} | set(late)
    journal, identities = (
        {name: rev for name, rev in names.items() if name not in gone}
        for names in (evidence.journal, evidence.identities)
    )
    return replace(
        evidence,
        outages=(*evidence.outages, *deaf),
        journal=journal,
        identities=identities,
        leases=tuple(sorted((*evidence.leases, *leases), key=lambda lease: lease.t_ms)),
    )


def away(from_s: float, to_s: float) -> Outage:
    return Outage("link", int(1000 * from_s), int(1000 * to_s))


ALL_AWAY: Final = away(MINUTE_S - 50, GONE_S - 3)


def test_an_open_minute_that_nobody_heard_exists_nowhere() -> None:
    begins, fails = int(1000 * MINUTE_S), int(1000 * GONE_S)
    assert nowhere(unheard(GONE_S)) == []
    assert nowhere(unheard(GONE_S, ALL_AWAY)) == [(begins, fails)]
    assert nowhere(replace(unheard(GONE_S, ALL_AWAY), outages=(ALL_AWAY,))) == []


def test_what_the_gateway_heard_of_it_exists() -> None:
    begins, fails = int(1000 * MINUTE_S), int(1000 * GONE_S)
    back = Lease(begins + 20_000, SLOUCHED, begins, begins + 19_800)
    assert nowhere(unheard(GONE_S, away(MINUTE_S - 50, MINUTE_S + 10), leases=(back,))) == [(begins, begins + 20_000)]
    assert nowhere(unheard(GONE_S, away(MINUTE_S + 5, MINUTE_S + 10), leases=(back,))) == [
        (begins + 5000, begins + 20_000)
    ]
    early = Lease(begins - 20_000, SLOUCHED, begins, begins - 20_200)
    assert nowhere(unheard(GONE_S, away(MINUTE_S - 50, MINUTE_S - 30), leases=(early,))) == []
    assert nowhere(unheard(GONE_S, away(MINUTE_S + 5, GONE_S + 2))) == [(begins + 5000, fails)]


def test_a_gateway_that_is_back_too_late_excuses_nothing() -> None:
    slow = away(MINUTE_S - 50, MINUTE_S - 30)
    evidence = replace(unheard(GONE_S, slow), leases=())
    assert nowhere(evidence) == [(int(1000 * MINUTE_S), slow.end_ms + 42_000)]
    assert nowhere(replace(evidence, outages=(*evidence.outages[:1], replace(slow, end_ms=slow.end_ms - 12_000)))) == []


def test_only_the_open_minute_is_excused() -> None:
    """Others that are not in the journal should be; the one before only when it has only just ended."""
    long_away = away(MINUTE_S - 110, GONE_S)
    evidence = unheard(GONE_S, long_away)
    before = {name: rev for name, rev in evidence.journal.items() if name[4] != 1000 * MINUTE_S - 60_000}
    assert nowhere(replace(evidence, journal=before)) == [(int(1000 * MINUTE_S), int(1000 * GONE_S))]
    off = Outage("clip", int(1000 * MINUTE_S) + 900, int(1000 * MINUTE_S) + 4900)
    just = replace(evidence, outages=(off, long_away), journal=before)
    assert nowhere(just) == [(int(1000 * MINUTE_S) - 60_000, off.start_ms)]
    assert nowhere(replace(just, journal=evidence.journal)) == [(int(1000 * MINUTE_S), off.start_ms)]
    later_off = replace(off, start_ms=off.start_ms + 200)
    assert nowhere(replace(just, outages=(later_off, long_away))) == [(int(1000 * MINUTE_S), later_off.start_ms)]


def test_a_minute_that_was_written_exists() -> None:
    evidence = unheard(GONE_S, ALL_AWAY)
    wrote = {**evidence.journal, key("clip", "epoch", int(1000 * MINUTE_S)): 1}
    assert nowhere(replace(evidence, journal=wrote)) == []


def lost_minute(lost_s: int, end_s: float | None = MINUTE_S) -> Evidence:
    """The first slouch was seen until `end_s`, and again after the power came back; so many seconds are lost."""

    def told(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        on = {**rows[0], "start_ms": START_UTC_MS + int(1000 * (GONE_S + 8))}
        kept = [] if end_s is None else [{**rows[0], "end_ms": START_UTC_MS + int(1000 * end_s), "judge": "clip"}]
        return [*kept, on, *rows[1:]]

    evidence = with_reminders(lambda rows: rows[1:])(with_episodes(told)(unheard(GONE_S, ALL_AWAY)))
    evidence = replace(evidence, motor=(evidence.motor[0], *evidence.motor[2:]))
    slouched = min(lost_s, 42)
    return with_seconds(lost=lost_s, slouched=-slouched, upright=slouched - lost_s)(evidence)


SURE_LOST_S: Final = 28
"""Of the 30 s of the open minute, without the seconds at both its ends."""
MOST_LOST_S: Final = 30 + 4 + 8 + 8
"""The open minute, the outage, and what boots and settles."""


@pytest.mark.parametrize("lost_s", [SURE_LOST_S, 30 + 4, MOST_LOST_S])
def test_seconds_that_exist_nowhere_are_lost(lost_s: int) -> None:
    assert differences(lost_minute(lost_s)) == []


@pytest.mark.parametrize("lost_s", [SURE_LOST_S - 1, MOST_LOST_S + 1])
def test_a_second_more_lost_or_one_guessed_is_found(lost_s: int) -> None:
    assert "categories" in rules(lost_minute(lost_s))


@pytest.mark.parametrize(("lost_s", "fine"), [(53, True), (52, False)])
def test_a_change_of_posture_among_them_is_no_excuse(lost_s: int, fine: bool) -> None:
    off_s = MINUTE_S - 5
    evidence = with_seconds(lost=lost_s, upright=-lost_s)(unheard(off_s, away(MINUTE_S - 61, off_s - 1)))
    short = any(d.rule == "categories" and d.detail.startswith("lost:") for d in differences(evidence))
    assert short is not fine


def test_they_are_lost_only_while_nobody_hears() -> None:
    evidence = lost_minute(30 + 4)
    heard = tuple(outage for outage in evidence.outages if outage.station == "clip")
    assert {"categories", "episodes"} <= rules(replace(evidence, outages=heard))


@pytest.mark.parametrize(("end_s", "fine"), [(0, True), (2.9, True), (3.1, False), (-3.1, False), (30, False)])
def test_a_slouch_ends_where_its_kept_seconds_end(end_s: float, fine: bool) -> None:
    assert ("episodes" not in rules(lost_minute(30 + 4, MINUTE_S + end_s))) is fine


def test_a_slouch_with_kept_seconds_must_not_be_missing() -> None:
    assert "episodes" in rules(lost_minute(30 + 4, None))


def test_a_slouch_that_exists_nowhere_is_not_told() -> None:
    """The power fails soon after it began: what remains is what comes after."""
    off_s = MINUTE_S - 5
    on = START_UTC_MS + int(1000 * (off_s + 8))
    evidence = unheard(off_s, away(MINUTE_S - 60, off_s - 1))
    evidence = with_episodes(first({"start_ms": always(on)}))(evidence)
    assert "episodes" not in rules(evidence)
    guessed = {**evidence.episodes[0], "start_ms": START_UTC_MS + int(1000 * FIRST.start_s)}
    guessed["end_ms"] = START_UTC_MS + int(1000 * off_s)
    assert "episodes" in rules(with_episodes(lambda rows: [guessed, *rows])(evidence))
    heard = tuple(outage for outage in evidence.outages if outage.station == "clip")
    assert "episodes" in rules(replace(evidence, outages=heard))
