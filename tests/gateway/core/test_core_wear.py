"""Not worn: found late, written back, and left at once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from firmware.clip import protocol
from gateway.core import Core, Thresholds

code = protocol.category
records = protocol.records


def test_a_clip_on_the_desk_is_not_worn_from_when_it_was_put_down(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    samples = poses.join(
        poses.of(0, 95),
        poses.of(30, 5, start_s=95, shake_mg=200),
        poses.of(30, 300, start_s=100, breath_deg=0.0),
        poses.of(0, 5, start_s=400, shake_mg=200),
        poses.of(0, 60, start_s=405),
    )
    told = core.push(samples)
    codes = poses.codes(told)
    assert Counter(codes[s] for s in range(115, 400)) == {code.NOT_WORN: 285}
    assert all(codes[s] != code.NOT_WORN for s in [*range(95), *range(401, 420)])
    # First told as worn, then again with a higher rev.
    revs = [(e.start_ms // 60_000, e.rev) for e in told.epochs]
    assert (1, 1) in revs
    assert (1, 2) in revs
    assert all(e.start_ms + 60_000 <= 400_000 or e.rev == 1 for e in told.epochs)
    again = next(e for e in told.epochs if (e.start_ms, e.rev) == (60_000, 2))
    assert again.sagittal[-1] is None
    assert again.sagittal[0] == 0
    assert all(e.end_reason in {records.END_NOT_WORN, records.END_MOVED} for e in told.episodes)
    assert max((e.end_ms for e in told.episodes), default=0) <= 111_000


def test_the_judgement_says_not_worn_since_the_stillness_began(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    told = core.push(poses.of(20, 100, breath_deg=0.0))
    first = next(j for j in told.judgements if j.category == code.NOT_WORN)
    assert first.since_ms == 0
    assert first.judged_to_ms == 60_250


@pytest.mark.parametrize("breath", [0.15, 0.3])
def test_a_still_sitter_is_worn(poses: Any, breath: float) -> None:
    core = Core(Thresholds(), poses.calibration)
    codes = poses.codes(core.push(poses.of(3, 3600, breath_deg=breath)))
    assert code.NOT_WORN not in codes.values()
