"""Connections that come and go: links lost at any moment, pairing, crowds, advertising that backs off, full buffers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from firmware.clip import beacon, link
from firmware.clip.protocol import control, status, uuids

Runs = Callable[..., Any]
FIRST, SECOND = "GATEWAY1", "GATEWAY2"


def test_a_link_lost_at_any_moment_leaves_nothing_behind(micropython: Runs) -> None:
    answer = micropython("moments.py", "dropped")
    assert answer["left"] == []
    assert answer["rounds"] > 100
    assert answer["told"] == ["event", "journal", "status", "stream"]
    assert answer["gateways"] == 2


def test_a_gateway_is_paired_when_both_have_proved_it(both: Runs) -> None:
    answer = both("moments.py", "paired")
    assert answer["refused"] == [
        control.REFUSED_NOT_PAIRING,
        control.REFUSED_UNKNOWN_GATEWAY,
        control.REFUSED_NOT_PAIRING,
    ]
    assert answer["before"] == answer["half"] == [FIRST, SECOND]
    assert answer["after"] == ["GATEWAY3", FIRST, SECOND]
    assert answer["result"] == answer["again"] == control.OK
    assert not answer["closed"]
    assert [flags & status.STATUS_PAIRING for flags in answer["flags"]] == [0, status.STATUS_PAIRING]
    assert answer["loaded"] == []
    assert answer["size"] == 32
    assert answer["events"] == [3]
    plain, pairing = (bytes.fromhex(part["hex"]) for part in answer["advertised"])
    assert uuids.PAIRING_DATA not in plain
    assert pairing.endswith(uuids.PAIRING_DATA)


def test_a_window_ends_and_four_gateways_stay(both: Runs) -> None:
    answer = both("moments.py", "windows")
    assert answer["opened"] == [True, beacon.FAST_US, False, beacon.FAST_US]
    assert answer["results"] == [
        control.REFUSED_MALFORMED,
        control.REFUSED_MALFORMED,
        control.REFUSED_BUSY,
        control.REFUSED_MALFORMED,
        *[control.OK] * 4,
        control.OK,
        control.OK,
        control.REFUSED_UNKNOWN_GATEWAY,
    ]
    assert answer["untouched"] == [FIRST, SECOND]
    assert answer["orders"] == [
        ["GATEWAY3", FIRST, SECOND],
        ["GATEWAY4", "GATEWAY3", FIRST, SECOND],
        ["GATEWAY5", "GATEWAY4", "GATEWAY3", FIRST],
        ["GATEWAY6", "GATEWAY5", "GATEWAY4", "GATEWAY3"],
        ["GATEWAY4", "GATEWAY6", "GATEWAY5", "GATEWAY3"],
    ]
    assert not answer["rewritten"], "the order had not changed"


def test_strangers_keep_nobody_out(both: Runs) -> None:
    answer = both("moments.py", "crowd")
    assert answer["advertising"] == [True] * 5
    assert answer["dropped"] == [1, 2]
    assert answer["dropped_then"] == [1, 2, 3, 4, 5]
    assert answer["results"] == [control.OK] * 3
    assert answer["took"] < 1000, "a stranger who confirms nothing holds up others"
    assert answer["flooded"]
    assert answer["answers"] <= link.WRITES


def test_advertising_backs_off_and_never_ends(both: Runs) -> None:
    seen = [[second, what, us] for second, what, us in both("moments.py", "beacons")["seen"]]
    fast, slow = beacon.FAST_US, beacon.SLOW_US
    middle = next(us for _, _, us in seen if us not in {0, fast, slow})
    assert fast < middle < slow
    assert seen == [
        [1, "boot", fast],
        [beacon.FAST_MS // 1000, "boot", middle],
        [beacon.MIDDLE_MS // 1000, "boot", slow],
        [1, "pressed", fast],
        [beacon.FAST_MS // 1000, "pressed", middle],
        [1, "stranger", middle],
        [1, "linked", 0],
        [1, "lost", fast],
        [beacon.FAST_MS // 1000, "lost", middle],
        [1, "pairing", fast],
    ]


def test_bursts_without_buffers_lose_only_stream_and_say_so(both: Runs) -> None:
    answer = both("moments.py", "pressed")
    assert answer["answered"] == answer["asked"]
    assert answer["lost"] == answer["dropped"] == answer["told"] > 0
    assert answer["ordered"]
    assert answer["honest"]
    assert set(answer["steps"]) == {1}
    assert 10 < answer["restarts"] <= 15
    assert answer["newest"]
    assert answer["kinds"] == ["event", "journal", "status", "stream"]
    assert answer["spacing"] >= uuids.NOTIFY_SPACING_MS
