"""The reference board's pins and the energy table, as the firmware's README has them."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from firmware.tools import energy, report
from firmware.tools.build import LIMIT

TEXT = (Path(__file__).parents[2] / "firmware" / "README.md").read_text()
STRAPPING = {"C3": {2, 8, 9}, "S3": {0, 3, 45, 46}}  # GPIOs whose level at reset means something, by the datasheets
NAMES = {"C3": "ESP32C3 module with ESP32C3", "S3": "ESP32S3 module with ESP32S3"}


class Pin:
    IN, OUT, PULL_UP = 1, 3, 2

    def __init__(self, number: int, mode: int = 0, pull: int = 0, *, value: int | None = None) -> None:
        self.number = number
        self.how = (mode, pull, value)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Any:
    machine = ModuleType("machine")
    seen = SimpleNamespace(hz=0, i2c=[])
    machine.__dict__.update(
        Pin=Pin,
        ADC=lambda pin: pin.number,
        I2C=lambda _, sda, scl, freq: seen.i2c.append((sda.number, scl.number, freq)) or object(),
        freq=lambda hz: setattr(seen, "hz", hz),
    )
    monkeypatch.setitem(sys.modules, "machine", machine)
    monkeypatch.delitem(sys.modules, "firmware.clip.board", raising=False)
    module = importlib.import_module("firmware.clip.board")
    yield SimpleNamespace(module=module, seen=seen)
    del sys.modules["firmware.clip.board"]


@pytest.mark.parametrize("chip", ["C3", "S3"])
def test_pins_are_those_of_the_wiring_table(board: Any, chip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.implementation, "_machine", NAMES[chip], raising=False)
    _, imu, adc, button, light = board.module.parts()
    (sda, scl, freq) = board.seen.i2c[0]
    rows = re.findall(r"^\| (D\d+) \| (\d+) \| (\d+) \|", TEXT, re.MULTILINE)
    column = 1 if chip == "C3" else 2
    pins = {"D4": sda, "D5": scl, "D1": adc, "D3": button.number, "D10": light.number}
    assert {row[0]: int(row[column]) for row in rows} == pins
    assert button.how == (Pin.IN, Pin.PULL_UP, None)
    assert light.how == (Pin.OUT, 0, 0)
    assert not set(pins.values()) & STRAPPING[chip]
    assert freq == 400_000
    assert type(imu).__name__ == "Lsm6dsox"
    assert f"at {board.seen.hz // 1_000_000} MHz" in TEXT


def test_the_worst_case_is_the_one_that_the_report_computes() -> None:
    """From the processor's share that is said there, in whole per cent."""
    row = re.search(r"^\| together \| \S+ \| (\S+) \| \S+ \| (\S+) \|$", TEXT, re.MULTILINE)
    hours = re.search(r"^\| hours of 500 mAh.* \| \S+ \| (\S+) \| \S+ \| (\S+) \|$", TEXT, re.MULTILINE)
    shares = re.search(r"^\| together \| (\d+) to (\d+) % \| (\d+) to (\d+) % \|$", TEXT, re.MULTILINE)
    assert row is not None
    assert hours is not None
    assert shares is not None
    least_most = [int(percent) / 100 for percent in shares.groups()]
    use = report.worst(dict(zip(energy.CHIPS, zip(least_most[::2], least_most[1::2], strict=True), strict=True)))
    for at, chip in enumerate(energy.CHIPS, 1):
        worst = sum(part.worst_ma for part in energy.parts(chip, use, use))
        assert float(row[at]) == pytest.approx(worst, abs=0.06)
        assert float(hours[at].strip("*")) == pytest.approx(energy.hours(500, worst), abs=0.07)


def test_the_bars_are_those_of_the_report() -> None:
    assert f"| {LIMIT // 1000} kB |" in TEXT
    assert f"| {report.HEAP_LIMIT // 1024} kB |" in TEXT
    assert f"| {report.GROWTH_LIMIT} B |" in TEXT
    assert f"| {report.PAYLOAD_LIMIT:g} B |" in TEXT
    assert f"| {report.NOTIFICATIONS_LIMIT:g} |" in TEXT
    assert f"| {report.GO_LIMIT_MS:g} ms |" in TEXT
    assert f"| {energy.DAY_H:g} h |" in TEXT
