"""The clip is stopped at every moment of the story of `test_link_drops`, by its watchdog or by a loss of power: no
slouch is reminded of twice; over the watchdog a dwell goes on; a loss of power, of unknown length, begins it anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from firmware.clip import guarded
from firmware.clip.kept import Kept

from .wearer import SLOUCH, Wearer

Run = Callable[..., Any]
LONG: Final = os.environ.get("PLUMBLINE_HYPOTHESIS") == "long"
FIRST_MS: Final = range(0, 1_000, 100) if LONG else (300,)
"""Where the stops of one run begin; they are APART_MS apart."""
APART_MS: Final = 1_000 if LONG else 2_000

DWELL_MS: Final = 10_000
SLOUCHES_MS: Final = (
    (8_500, 46_500),
    (48_900, 55_000),
    (58_500, 74_000),
    (92_100, 127_500),
    (134_500, 164_000),
    (185_700, 203_000),
)
"""From when to when the wearer of the story slouches; of the fourth one is reminded later, after the walk."""
WALKED: Final = SLOUCHES_MS[3]
PAUSE_MS: Final = (174_000, 186_000)
WATCHDOG_MS: Final = 8_000
BLIND_MS: Final = 5_000
"""Boot and settling of the fusion."""
SEEN_MS: Final = 1_600
"""After this long a slouch has been judged; and by so much two judges differ."""
WALK_SEEN_MS: Final = 2_500
"""By so much they differ about the end of a walk that the gateway came back in."""
KEPT_MS: Final = 1_000
"""After this long what was judged is in flash."""
WHOLE_SECONDS_MS: Final = 1_100
"""The clock that goes on over a restart counts whole seconds."""


def unseen_recovery(begins: int, before: int, stop: int, back: int) -> bool:
    """Whether nobody could see that the slouch that began at `begins` is another one than that which ended at
    `before`."""
    blind_to = PAUSE_MS[1] if back >= PAUSE_MS[0] else back
    return stop <= before + SEEN_MS + KEPT_MS and begins <= blind_to + SEEN_MS


def wrong(answer: Any, dead_ms: int, *, goes_on: bool) -> Iterator[str]:
    """What there is to say against the reminders of each stop."""
    for stop, given in answer["stops"]:
        back = stop + dead_ms
        for number, (begins, ends) in enumerate(SLOUCHES_MS):
            here = [at for at in given if begins <= at <= ends]
            due = next((at for at in answer["given"] if begins <= at <= ends), ends)
            hidden = number > 0 and unseen_recovery(begins, SLOUCHES_MS[number - 1][1], stop, back)
            if due < stop:  # it has been given
                earliest = latest = due
            elif begins >= back + SEEN_MS:
                differ = WALK_SEEN_MS if (begins, ends) == WALKED else SEEN_MS
                earliest, latest = due - differ, due + differ
            elif goes_on and begins + SEEN_MS + KEPT_MS <= stop:
                earliest, latest = max(due, back) - WHOLE_SECONDS_MS, max(due, back) + WHOLE_SECONDS_MS
            else:
                again = max(begins, back) + DWELL_MS + WHOLE_SECONDS_MS
                earliest, latest = begins, again if (begins, ends) != WALKED else ends
                latest = max(due, latest)
            must = latest < ends and not hidden
            if len(here) > 1 or (must and not here) or (here and not hidden and not earliest <= here[0] <= latest):
                yield f"stopped at {stop}: the slouch {begins}-{ends}, due at {due}, was reminded of at {here}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("first_ms", FIRST_MS)
@pytest.mark.parametrize("gateway", [False, True], ids=["alone", "with a gateway"])
@pytest.mark.parametrize("hang_ms", [0, WATCHDOG_MS])
def test_over_the_watchdog_a_dwell_goes_on_and_no_reminder_comes_twice(
    cpython: Run, hang_ms: int, gateway: bool, first_ms: int
) -> None:
    wanted = {"from": first_ms, "step": APART_MS, "powered": True, "hang": hang_ms, "gateway": gateway}
    answer = cpython("restarts.py", wanted)
    assert len(answer["given"]) == 5
    assert list(wrong(answer, hang_ms + BLIND_MS, goes_on=True)) == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("first_ms", FIRST_MS)
@pytest.mark.parametrize("gateway", [False, True], ids=["alone", "with a gateway"])
def test_after_a_loss_of_power_no_reminder_comes_twice(cpython: Run, gateway: bool, first_ms: int) -> None:
    wanted = {"from": first_ms, "step": APART_MS, "powered": False, "hang": 0, "gateway": gateway}
    answer = cpython("restarts.py", wanted)
    assert list(wrong(answer, BLIND_MS, goes_on=False)) == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("powered", [True, False])
def test_both_interpreters_go_on_alike(both: Run, powered: bool) -> None:
    step = 1_000 if LONG else 8_300
    both("restarts.py", {"from": 40, "step": step, "powered": powered, "hang": WATCHDOG_MS, "gateway": True})


@pytest.mark.micropython32
@pytest.mark.timeout(300)
def test_so_does_a_32_bit_one(all_three: Run) -> None:
    all_three("restarts.py", {"from": 80, "step": 8_300, "powered": True, "hang": WATCHDOG_MS, "gateway": True})


def test_what_the_flash_refuses_is_kept_a_second_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def clip(wearer: Wearer) -> Any:
        pausing = SimpleNamespace(paused_until=0, changed=False)
        parts = {"battery": SimpleNamespace(low=False), "recorder": SimpleNamespace(failed=0)}
        return SimpleNamespace(policy=wearer.policy, pausing=pausing, **parts)

    before = Wearer(repeat_s=3600).judge(SLOUCH).wait(9_000)
    app = clip(before)
    kept = Kept(app, lambda: before.now // 1000, powered=False)
    kept.step(before.now)
    before.wait(2_000)
    assert len(before.reminded) == 1
    with monkeypatch.context() as full:
        full.setattr(guarded, "save", lambda *_: (_ for _ in ()).throw(OSError(28)))
        kept.step(before.now)
    assert app.recorder.failed == 1
    kept.step(before.now + 1_000)

    after = Wearer(repeat_s=3600)
    Kept(clip(after), lambda: 14, powered=True)
    after.now = 400
    assert after.judge(SLOUCH).wait(60_000).reminded == []
