"""Button, pause, battery and failing chips in the whole application, told alike by both interpreters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from firmware.clip import haptic_drv2605l as haptic
from firmware.clip.protocol import records, status

Both = Callable[..., Any]


def slots(pattern: int) -> str:
    return haptic.sequence(pattern, 100, 0).hex()


CONFIRM, TICK, REFUSED = slots(haptic.CONFIRM), slots(haptic.TICK), slots(haptic.REFUSED)


def test_each_gesture_does_what_it_says(both: Both) -> None:
    answer = both("body.py", "gestures")
    assert answer["felt"] == [
        [slots(haptic.ALONE)],
        [TICK, REFUSED],
        [slots(haptic.LINKED)],
        [CONFIRM],
        [CONFIRM],
        [TICK, TICK],
    ]
    assert answer["paused"] == [status.STATUS_PAUSED, 0]
    assert answer["pairing"] is True
    assert answer["kinds"] == ["boot", "calibrate_asked", "plan_applied", "calibrated", "paused", "resumed"]


def test_a_calibration_is_asked_for_only_where_a_gateway_judges(both: Both) -> None:
    answer = both("body.py", "calibrate")
    assert answer["judged"] == [TICK]
    assert answer["paused"] == [TICK, REFUSED]
    assert answer["asked"] == [1, 0]


def test_a_pause_goes_on_over_a_restart_and_ends_by_itself(both: Both) -> None:
    kept, without_clock = both("body.py", "pause_over_restarts")["answers"]
    for at_once, _, paused, told, again in (kept, without_clock):
        assert at_once
        assert not paused
        assert told == "resumed"
        assert not again
    assert abs(kept[1] - 170_000) < 3_000, "100 s of it had gone, and 30 s of the restart"
    assert 200_000 <= without_clock[1] <= 200_000 + 62_000, "at most a minute of it is given twice"


def test_a_low_battery_is_told_once_in_a_discharge(both: Both) -> None:
    answer = both("body.py", "low_battery")
    assert answer["flags"] == [True, True, False, True]
    assert answer["shown"][0] == status.STATUS_BATTERY_LOW
    assert 10 <= answer["shown"][1] <= 15
    assert answer["levels"][-1] == answer["shown"][1], "a change is notified"
    assert answer["levels"] == sorted(set(answer["levels"]), reverse=True)
    assert answer["felt"] == [slots(haptic.LOW_BATTERY)]
    assert answer["warned"] == [1, 2]


def test_a_warning_that_takes_the_last_of_the_cell_is_not_given_again(both: Both) -> None:
    answer = both("body.py", "last_of_the_cell")
    assert answer["died"]
    assert len(answer["go"]) == answer["warned"] == 1
    assert answer["low"]


def test_one_failed_transfer_costs_no_pattern_and_loses_no_sensor(both: Both) -> None:
    """Wherever it falls: while a pattern is set up, at its GO, while the sensor is asked, in a burst, while GO is."""
    answer = both("body.py", "glitches")
    assert answer["left"] == 0
    assert set(answer["felt"]) <= {1, 2}, "a GO that was heard though it was not answered is said again"
    assert 0 < answer["gaps"] <= 50
    assert "imu_lost" not in answer["kinds"]
    assert answer["ok"]


def test_a_motor_that_is_never_done_holds_samples_for_seconds(both: Both) -> None:
    answer = both("body.py", "stuck_motor")
    assert 5_000 <= answer["longest_ms"] <= 5_700
    assert len([told for told in answer["reminders"] if told[1:] == [1, records.GIVEN]]) == 2


def test_a_sensor_with_nothing_to_say_is_started_anew(both: Both) -> None:
    answer = both("body.py", "silent_sensor")
    assert 900 <= answer["lost_ms"] <= 1_200
    assert answer["back_ms"] <= 1_200
    assert answer["kinds"] == ["imu_lost", "imu_back"]


def test_the_journal_says_why_the_clip_started_anew(both: Both) -> None:
    answer = both("body.py", "restarted")
    assert answer["events"] == [[records.BOOT, 2], [records.RESTARTED, records.BY_ERROR]]
