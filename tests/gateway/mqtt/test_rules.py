"""What needs no broker: waits, versions, refusals and sleep, with time as an argument."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gateway.backoff import BackOff
from gateway.mqtt.refusals import Refusals
from gateway.mqtt.slumber import Slumber
from gateway.mqtt.timing import Timing
from gateway.mqtt.versions import CLOSED_LIMIT, LONGEST_ANSWER_S, NEWER_AGAIN_S, Versions

TIMING = Timing()
seeds = st.integers(0, 2**32)


def back_off(seed: int) -> BackOff:
    return BackOff(
        Random(seed).random,
        first_s=TIMING.retry_first_s,
        longest_s=TIMING.retry_longest_s,
        stable_s=TIMING.stable_s,
    )


# --- waits ---


@given(seeds, st.lists(st.floats(0, 200), max_size=30))
def test_waits_double_within_bounds_and_start_over_only_after_a_stable_link(seed: int, held: list[float]) -> None:
    waits, expected = back_off(seed), TIMING.retry_first_s
    for seconds in held:
        if seconds >= TIMING.stable_s:
            expected = TIMING.retry_first_s
        assert expected / 2 <= waits.wait_s(seconds) <= expected
        expected = min(expected * 2, TIMING.retry_longest_s)


@given(seeds)
def test_the_seed_decides_the_waits(seed: int) -> None:
    one, same, other = back_off(seed), back_off(seed), back_off(seed + 1)
    waits = [one.wait_s(0) for _ in range(8)]
    assert waits == [same.wait_s(0) for _ in range(8)]
    assert waits != [other.wait_s(0) for _ in range(8)]


def attempts(seed: int, back_s: float) -> list[float]:
    """When a gateway tries, from the moment that the broker was lost to the first attempt after `back_s`."""
    waits, tries = back_off(seed), [0.0]
    tries[0] = waits.wait_s(3600)
    while tries[-1] < back_s:
        tries.append(tries[-1] + waits.wait_s(0))
    return tries


@given(st.floats(0, 3600))
def test_a_broker_is_found_again_within_a_minute_and_not_hammered_meanwhile(away_s: float) -> None:
    tries = attempts(7, away_s)
    assert tries[-1] - away_s <= TIMING.retry_longest_s
    assert len(tries) <= 6 + away_s / (TIMING.retry_longest_s / 2)


def crowd(away_s: float, within_s: float) -> float:
    """The largest part of 1000 gateways whose first attempt at a broker that was away falls within one span."""
    came = sorted(attempts(seed, away_s)[-1] for seed in range(1000))
    return max(sum(start <= other < start + within_s for other in came) for start in came) / len(came)


def test_gateways_do_not_come_back_as_a_herd() -> None:
    assert crowd(0, 0.1) < 0.1  # a restart: two seconds apart at most
    assert crowd(3600, 1.0) < 0.06  # an hour: a minute apart at most


# --- versions ---


def test_a_broker_that_knows_only_the_older_version_is_asked_for_it_at_once_for_an_hour() -> None:
    versions = Versions(4.0)
    assert versions.choose(0) == "5"
    versions.silent()
    assert versions.choose(4) == "3.1.1"
    versions.understood(5)
    assert versions.choose(5 + NEWER_AGAIN_S - 1) == "3.1.1"
    assert versions.choose(5 + NEWER_AGAIN_S) == "5"
    versions.silent()
    assert versions.choose(5 + NEWER_AGAIN_S) == "3.1.1"
    versions.understood(6 + NEWER_AGAIN_S)
    assert versions.choose(7 + NEWER_AGAIN_S) == "3.1.1"


def test_a_broker_that_was_replaced_by_a_newer_one_is_noticed() -> None:
    versions = Versions(4.0)
    versions.not_understood()
    versions.understood(0)
    versions.not_understood()  # it knows no 3.1.1
    assert versions.choose(1) == "5"


def test_a_restarting_broker_is_not_taken_for_an_old_one() -> None:
    versions = Versions(4.0)
    for _ in range(CLOSED_LIMIT - 1):
        versions.closed()
    versions.understood(0)
    versions.closed()
    assert versions.choose(1) == "5"
    for _ in range(CLOSED_LIMIT - 1):
        versions.closed()
    assert versions.choose(1) == "3.1.1"


@given(st.lists(st.sampled_from(["silent", "closed", "not_understood", "understood"]), max_size=60))
def test_patience_grows_with_silence_only_and_both_versions_get_it(events: list[str]) -> None:
    versions, silences = Versions(4.0), 0
    for event in events:
        before = versions.answer_s
        if event == "understood":
            versions.understood(0)
            silences = 0
        else:
            getattr(versions, event)()
            silences += event == "silent"
        assert 4.0 <= versions.answer_s <= LONGEST_ANSWER_S
        assert versions.answer_s == 4.0 or silences
        assert versions.answer_s >= before or event == "understood"
    patience = {}
    for _ in range(12):
        patience[versions.choose(0)] = versions.answer_s
        versions.silent()
    assert patience["5"] == patience["3.1.1"] == LONGEST_ANSWER_S


# --- refusals ---


@given(seeds, st.lists(st.floats(0.01, 2000), min_size=1, max_size=60))
def test_what_is_refused_is_tried_rarely_and_other_kinds_freely(seed: int, gaps: list[float]) -> None:
    refusals, now, tried = Refusals(60, 900, Random(seed).random), 0.0, []
    for gap in gaps:
        now += gap
        if refusals.may("records", now):
            tried.append(now)
            for _ in range(4):  # a few were on their way together
                refusals.refused("records", "no", now)
        assert refusals.may("status", now)
    waits = [later - earlier for earlier, later in pairwise(tried)]
    assert all(wait >= 0.75 * min(60 * 2**n, 900) for n, wait in enumerate(waits))
    assert refusals.words == "no"
    refusals.accepted("records")
    assert refusals.words == ""
    assert refusals.may("records", now)


def test_a_new_connection_tries_once_and_waits_on_where_it_was() -> None:
    refusals = Refusals(60, 900, lambda: 1.0)
    refusals.refused("records", "no", 0)
    refusals.forget()
    assert refusals.may("records", 1)
    assert refusals.on_trial("records")
    refusals.refused("records", "no", 1)
    assert not refusals.may("records", 120)
    assert refusals.may("records", 121)


# --- sleep ---


@given(
    st.lists(st.tuples(st.floats(0.01, 6), st.floats(-3600, 6)), max_size=20),
    st.floats(25.1, 1e6),
    st.booleans(),
)
def test_either_clock_shows_that_the_computer_slept(
    awake: list[tuple[float, float]], slept_s: float, steady_stops: bool
) -> None:
    slumber = Slumber(25.0)
    steady, utc_ms = 100.0, 1_790_000_000_000
    assert not slumber.woke(steady, utc_ms)
    for steady_step, utc_step in awake:  # the clock may be set back, or a little forward
        steady, utc_ms = steady + steady_step, utc_ms + round(utc_step * 1000)
        assert not slumber.woke(steady, utc_ms)
    assert slumber.woke(steady if steady_stops else steady + slept_s, utc_ms + round(slept_s * 1000))
    assert not slumber.woke(steady if steady_stops else steady + slept_s, utc_ms + round(slept_s * 1000))
