"""The whole application on a bench of fake chips and a fake radio, told alike by both interpreters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from firmware.clip import haptic_drv2605l
from firmware.clip.app import LIFE_MS
from firmware.clip.protocol import category, control, plan, records, status, uuids

Both = Callable[..., Any]
GIVEN, OPEN = records.GIVEN, records.RESPONSE_OPEN
CLIP, GATEWAY = records.JUDGE_CLIP, records.JUDGE_GATEWAY
UP, SLOUCHED = category.UPRIGHT, category.SLOUCHED


def test_alone_it_judges_reminds_and_writes_down(both: Both) -> None:
    answer = both("scenarios.py", "alone")
    assert bytes.fromhex(answer["serial"]["hex"]) == b"00112233445566aa"
    since = answer["reminders"][0][3]
    assert 40_300 <= since <= 40_700  # 10 of 20 degrees in the second from 40 s on
    fired = -(-(since + 10_000) // 40) * 40
    assert answer["reminders"] == [
        [fired, 1, CLIP, since, GIVEN, OPEN],
        [fired, 2, CLIP, since, GIVEN, records.RESPONSE_LATER],
    ]
    assert [ms for ms, _ in answer["go"]] == [fired]
    first, episode, second = answer["records"]
    codes = bytes.fromhex(first["codes"]["hex"]) + bytes.fromhex(second["codes"]["hex"])
    settled = codes.index(UP)
    assert settled < 10
    assert set(codes[:settled]) <= {category.LOST}  # until the fusion has settled
    assert set(codes[settled:40]) == {UP}
    assert set(codes[41:62]) == {SLOUCHED}
    assert set(codes[64:]) == {UP}
    assert (first["low"], first["high"]) == (0, 20)
    assert (episode["start_ms"], episode["end_reason"]) == (since, records.END_RECOVERED)
    assert 62_300 <= episode["end_ms"] <= 63_500
    assert 195 <= episode["mean"] <= episode["peak"] <= 210


def test_the_lease_judges_and_its_end_drops_no_dwell(both: Both) -> None:
    answer = both("scenarios.py", "lease")
    assert [ms for ms, _ in answer["go"]] == [31_000, 61_000, 91_000]
    judges = [judge for judge, _ in answer["judges"]]
    assert judges[10] == GATEWAY
    assert judges[35] == CLIP  # the last lease came at 24 s and was good for 6 s
    assert judges[60] == GATEWAY
    assert [told[2:4] for told in answer["reminders"] if told[1] == 1] == [
        [CLIP, 21_000],
        [GATEWAY, 21_000],
        [GATEWAY, 21_000],
    ]
    assert answer["reminders"][-1][5] == records.RESPONSE_PROMPT


def test_a_stranger_reads_who_it_is_and_nothing_else(both: Both) -> None:
    answer = both("scenarios.py", "strangers")
    assert all(value == {"hex": ""} for value in answer["hidden"])
    assert all(value["hex"] for value in answer["open"])
    assert answer["results"] == [
        [control.HELLO, 0, control.REFUSED_UNKNOWN_GATEWAY],
        [control.AUTH, 0, control.REFUSED_PROOF],
        control.EVENT_CHALLENGE,
        [control.AUTH, 0, control.REFUSED_PROOF],
        [control.AUTH, 0, control.REFUSED_PROOF],  # a challenge is good for one try
        [control.RESUME, 0, control.REFUSED_SEAL],
        [control.HELLO, 0, control.REFUSED_MALFORMED],
        [0xFF, 0, control.REFUSED_SEAL],
        [0xFF, 0, control.REFUSED_SEAL],  # an empty write is not answered
    ]
    assert answer["sent"] == 0
    assert answer["disconnected"] == [1]
    assert answer["advertising"]


def test_sealed_writes_once_and_only_newer_versions(both: Both) -> None:
    answer = both("scenarios.py", "sealed")
    ok, seal = control.OK, control.REFUSED_SEAL
    assert answer["results"] == [
        ok,
        ok,
        ok,
        [control.SNOOZE, 0, seal],
        [control.SNOOZE, 0, seal],
        [control.RESUME, 0, seal],
        ok,
        control.REFUSED_OLD_VERSION,
        control.REFUSED_OLD_VERSION,
        control.REFUSED_MALFORMED,
        ok,
        ok,
        control.REFUSED_MALFORMED,
        ok,
        control.REFUSED_OUT_OF_RANGE,
        control.REFUSED_OUT_OF_RANGE,
        control.REFUSED_OUT_OF_RANGE,
        control.REFUSED_OUT_OF_RANGE,
        control.REFUSED_MALFORMED,
        control.REFUSED_MALFORMED,
    ]
    assert answer["plan"]["hex"].startswith("0300")
    assert answer["settings"]["hex"] == "01003c0201"
    assert answer["status"] == 3
    assert answer["kinds"] == ["boot", "plan_applied", "snoozed", "calibrated"]


def test_pause_and_snooze_end_by_themselves(both: Both) -> None:
    answer = both("scenarios.py", "pauses")
    assert answer["results"] == [control.OK] * 4
    paused, snoozed, neither = answer["flags"]
    assert paused & status.STATUS_PAUSED
    assert snoozed & status.STATUS_SNOOZED
    assert not neither & (status.STATUS_PAUSED | status.STATUS_SNOOZED)
    told = [kind for kind in answer["kinds"] if kind not in ("epoch", "reminder")]
    assert told == [
        "boot",
        "plan_applied",
        "calibrated",
        "paused",
        "resumed",
        "snoozed",
        "snooze_ended",
        "snoozed",
        "snooze_ended",
    ]
    assert set(bytes.fromhex(answer["codes"]["hex"])) == {category.PAUSED}
    assert [(told[1], told[4]) for told in answer["reminders"]] == [
        (1, GIVEN),
        (2, GIVEN),
        (1, records.WITHHELD_SNOOZED),
    ]


def test_the_wearer_chooses_how_it_feels_and_the_plan_when(both: Both) -> None:
    answer = both("scenarios.py", "wearers_choice")
    assert answer["results"] == [control.OK] * 2
    first, other = (bytes.fromhex(slots["hex"]) for _, slots in answer["go"])
    assert first == haptic_drv2605l.sequence(haptic_drv2605l.REMINDER, 100, 0)
    assert other == haptic_drv2605l.sequence(haptic_drv2605l.REMINDER, 40, 3) != first
    assert answer["plan"][0] == answer["plan"][1]
    reasons = [told[4] for told in answer["reminders"] if told[1] == 1]
    assert reasons == [GIVEN, GIVEN, records.WITHHELD_QUIET]


def test_chips_that_fail_are_reported_and_come_back(both: Both) -> None:
    answer = both("scenarios.py", "broken")
    lost, back, silent, well = answer["flags"]
    imu, motor = status.STATUS_IMU_OK, status.STATUS_HAPTIC_OK
    assert [lost & imu, back & imu, silent & motor, well & motor] == [0, imu, 0, motor]
    assert answer["kinds"].count("imu_lost") == answer["kinds"].count("imu_back") == 1
    first, failed, given = answer["reminders"]
    assert (first[4], failed[4], failed[1]) == (GIVEN, records.WITHHELD_MOTOR, 2)
    assert given[0] == first[0] + 60_000
    assert [ms for ms, _ in answer["go"]] == [given[0]]
    assert answer["gaps"] >= 1


def test_no_buffers_is_back_pressure(both: Both) -> None:
    answer = both("scenarios.py", "back_pressure")
    assert answer["whole"]
    assert answer["dropped"][0] == 0
    assert answer["dropped"][1] > 0
    assert answer["jumps"] == answer["flagged"] == 1
    assert answer["spacing"] >= 50


def test_the_journal_drains_and_survives_a_restart(both: Both) -> None:
    answer = both("scenarios.py", "draining")
    numbers = [number for number, _ in answer["first"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert answer["first"][-1][1] == 0  # nothing from this id on
    assert answer["results"] == [control.OK]
    newest = numbers[-2]
    assert [number for number, _ in answer["again"]] == list(range(newest - 1, newest + 4))
    assert answer["boots"] == [True, True, True, False]
    assert [size for _, size in answer["later"]] == [records.EPOCH_SIZE]
    assert answer["plan"] == 1


def test_a_watchdog_restart_keeps_the_dwell_and_a_loss_of_power_does_not(both: Both) -> None:
    kept, begun_anew = both("scenarios.py", "restarts")["answers"]
    before, go, _ = kept
    # The slouch began at 20.5 s of the clock before.
    assert len(go) == 1
    assert 80_500 <= go[0][0] <= 82_000
    before, go, _ = begun_anew
    assert len(go) == 1
    assert before + 60_000 <= go[0][0] <= before + 75_000


def test_a_new_boot_is_due_before_clip_times_run_out(both: Both) -> None:
    age = both("scenarios.py", "old_age")["age"]
    assert LIFE_MS <= age < 1 << 32


def test_the_newest_gateway_wins_and_a_silent_one_is_dropped(both: Both) -> None:
    answer = both("scenarios.py", "two_gateways")
    assert answer["results"] == [control.OK] * 3
    assert answer["advertising"] == [True, False]
    values = [plan.SIZE, status.STATUS_SIZE]
    assert answer["readable"] == [*values, 0, 0, *values]  # nothing while a stranger is connected
    assert answer["disconnected"] == [[2, 1], [2, 1, 2]]
    assert answer["streamed"]
    assert answer["after"]


def test_below_the_streaming_mtu_it_sends_its_own_seconds(both: Both) -> None:
    """And everything else in pieces, between which the seconds have priority."""
    answer = both("scenarios.py", "small_mtu")
    assert answer["results"] == [control.OK] * 6
    assert answer["judge"] == records.JUDGE_GATEWAY
    begin = answer["begin"]
    assert [t_ms for t_ms, _ in answer["summaries"]] == list(range(begin * 1000, (begin + 130) * 1000, 1_000))
    assert {code for _, code in answer["summaries"][10:18]} == {UP}
    assert answer["journal"] == list(range(len(answer["journal"])))
    assert records.EPOCH_SIZE in answer["sizes"]
    assert answer["first"] == len(answer["journal"])
    assert answer["statuses"] > 20
    assert answer["spacing"] >= uuids.NOTIFY_SPACING_MS


def test_a_ping_is_answered_with_the_time_it_came(both: Both) -> None:
    answer = both("scenarios.py", "pings")
    assert answer["pong"] == [[7, answer["at"]]]
    assert answer["results"] == [control.OK]
    assert answer["minute"] % (7 * 1440) == 61  # Monday 00:01 in UTC, an hour ahead


@pytest.mark.parametrize("serial", ["00112233445566aa"])
def test_advertising_fits_its_31_bytes(both: Both, serial: str) -> None:
    parts = [bytes.fromhex(part["hex"]) for part in both("advertising.py", serial)]
    assert max(map(len, parts)) <= 31
    advertised, response, pairing, again = parts
    assert advertised == bytes([2, 1, 6, 15, 9]) + b"Plumbline-66aa"
    assert pairing == advertised + bytes([6, 0xFF, 0xFF, 0xFF]) + b"PL\x01"
    assert response == again
    assert response[:2] == bytes([17, 7])
    assert response[2:][::-1].hex() == "7d1e000152a44c1b9f0e6b1c8a3d7e20"
