"""Another sensor behind the same interface: the BMI270's driver under sensing, fusion and stream."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from firmware.clip.protocol import stream
from firmware.virtual import compiled
from firmware.virtual.interpreter import FIRMWARE

Run = Callable[..., Any]


def packets(answer: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(packet) for packet in answer["packets"]]


def test_a_wearing(both: Run) -> None:
    answer = both("bmi270.py", {"ms": 12_000})
    assert answer["events"] == []
    assert answer["registers"] == [0xA8, 0x02, 0xE8, 0x00, 48, 0x00, 0xC0, 0x00, 0x0E]
    assert answer["celsius"] == 31
    assert answer["period_us"] == 10_000
    assert answer["waiting"] <= 12
    assert answer["risen"] > 250, "INT1 rises when four samples wait"
    seen = packets(answer)
    headers = [stream.parse_header(packet) for packet in seen]
    assert sum(n for _, n, _, _ in headers) >= 12 * 25 - 15
    assert not any(flags & stream.FLAG_GAP for flags, *_ in headers[1:])
    assert {b[3] - a[3] for a, b in pairwise(headers)} == {400}


def test_it_leans_as_the_sensor_does(both: Run) -> None:
    seen = packets(both("bmi270.py", {"ms": 12_000}))
    up = [stream.unpack_sample(packet, stream.HEADER_SIZE)[:4] for packet in seen]
    before, after = up[10], up[-1]
    turned = 2 * math.degrees(math.acos(min(1.0, abs(sum(a * b for a, b in zip(before, after, strict=True))))))
    assert abs(turned - 20) < 0.5


def test_a_chip_that_comes_back_is_configured_again(both: Run) -> None:
    answer = both("bmi270.py", {"ms": 12_000, "away": [4000, 6500]})
    (lost, at), (back, again) = answer["events"]
    assert (lost, back) == ("lost", "back")
    assert 4000 <= at < 4120
    assert 6500 <= again < 7600
    assert answer["registers"][-1] == 0x0E
    assert sum(stream.parse_header(packet)[0] & stream.FLAG_GAP > 0 for packet in packets(answer)) == 2


def test_a_full_fifo_is_a_gap(both: Run) -> None:
    answer = both("bmi270.py", {"ms": 12_000, "stuck": [4000, 5800]})
    assert answer["waiting"] > 2036
    assert answer["events"] == []
    # So few samples are missing that the clock alone would not show it.
    gaps = [stream.parse_header(packet) for packet in packets(answer)]
    assert sum(flags & stream.FLAG_GAP > 0 for flags, *_ in gaps) == 2, "the first, and after the FIFO was full"


def test_without_its_configuration_it_counts_as_missing(either: Run) -> None:
    for config in (0, 4096):
        answer = either("bmi270.py", {"ms": 3000, "config": config})
        assert answer["packets"] == []
        assert [event for event, _ in answer["events"]] == ["lost"]
        assert answer["resets"] >= 3, "tried again every second"


def test_another_chip_is_refused(either: Run) -> None:
    answer = either("bmi270.py", {"ms": 3000, "who": 0x6C})
    assert answer["packets"] == []
    assert answer["resets"] == 1


def test_it_is_not_loaded_unless_the_board_has_one() -> None:
    names = compiled.sources(FIRMWARE / "clip")
    assert "clip.imu_lsm6dsox" in names
    assert "clip.imu_bmi270" not in names
