"""What goes on over a restart: the file's layouts, and a flash that takes nothing."""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip import guarded
from firmware.clip.kept import Kept
from firmware.clip.pausing import Pausing
from firmware.clip.protocol import plan
from firmware.clip.reminder import Policy

MINUTE_MS = 60_000


class Told:
    def __init__(self) -> None:
        self.failed = 0
        self.events: list[tuple[int, ...]] = []

    def event(self, *what: int) -> None:
        self.events.append(what)


def life(rtc_s: int, *, powered: bool = True) -> Any:
    """A clip's parts as they are after a start in this folder, at `rtc_s` of the clock that goes on."""
    detector = SimpleNamespace(set_paused=lambda _: None)
    arbiter = SimpleNamespace(paused=False)
    recorder = Told()
    policy = Policy(plan.Plan())
    app = SimpleNamespace(policy=policy, recorder=recorder, battery=SimpleNamespace(low=False), arbiter=arbiter)
    app.pausing = Pausing(policy, detector, arbiter, recorder)
    app.clock_s = rtc_s
    app.kept = Kept(app, lambda: app.clock_s, powered)
    return app


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_was_kept() -> None:
    app = life(5)
    assert (app.pausing.paused_until, app.battery.low, app.arbiter.paused) == (0, False, False)


def test_a_file_from_before_there_were_pauses_is_taken_over(folder: Path) -> None:
    policy = Policy(plan.Plan())
    policy.snooze(10 * MINUTE_MS)
    guarded.save("policy.bin", 6, 1, struct.pack("<I", 100) + policy.snapshot())
    app = life(160)
    assert app.policy.snoozed_until == 9 * MINUTE_MS
    assert app.pausing.paused_until == 0
    app.policy.changed = True
    app.kept.step(0)
    assert (folder / "policy.bin").read_bytes()[3] == 2
    assert life(160).policy.snoozed_until == 9 * MINUTE_MS


def test_a_file_of_a_newer_firmware_is_not_read() -> None:
    guarded.save("policy.bin", 6, 3, bytes(80))
    assert life(5).pausing.paused_until == 0


@given(left_s=st.integers(1, 3_600), off_s=st.integers(0, 7_200), powered=st.booleans())
def test_a_pause_goes_on_by_the_clock_if_there_is_one(left_s: int, off_s: int, powered: bool) -> None:
    Path("policy.bin").unlink(missing_ok=True)
    before = life(1_000)
    before.pausing.pause(60, left_s * 1_000 - 60 * MINUTE_MS)
    before.kept.step(0)
    after = life(1_000 + off_s if powered else 3, powered=powered)
    left_ms = (left_s - off_s if powered else left_s) * 1_000
    assert after.pausing.paused_until == max(left_ms, 1)
    assert after.arbiter.paused
    after.pausing.step(max(left_ms, 1))
    assert not after.arbiter.paused
    after.kept.step(max(left_ms, 1))
    assert not life(1_000 + off_s).arbiter.paused


def test_the_low_battery_is_remembered() -> None:
    before = life(10)
    before.battery.low = True
    before.kept.step(0)
    assert life(20).battery.low
    before.battery.low = False
    before.kept.step(1_000)
    assert not life(30).battery.low


def test_it_is_written_when_something_has_changed_and_now_and_then_in_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    app = life(0)
    monkeypatch.setattr(guarded, "save", lambda *_: written.append(app.clock_s))
    for second in range(3_600):
        app.clock_s = second
        if second == 100:
            app.pausing.pause(30, second * 1_000)
        app.pausing.step(second * 1_000)
        app.kept.step(second * 1_000)
    assert written == [100 + 60 * n for n in range(30)] + [1_900]


def test_a_flash_that_takes_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    app = life(0)

    def refuse(*_: object) -> None:
        raise OSError(28)

    monkeypatch.setattr(guarded, "save", refuse)
    app.pausing.pause(30, 0)
    app.kept.step(0)
    assert app.recorder.failed == 1
