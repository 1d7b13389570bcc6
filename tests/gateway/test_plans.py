"""The therapist's plan for the clip and for the core."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip import protocol
from gateway import messages, plans


@given(
    version=st.integers(1, 65535),
    mode=st.sampled_from(["track", "train"]),
    angle=st.integers(31, 60),
    recovery=st.integers(1, 30),
    recovery_s=st.integers(1, 100),
    dwell=st.integers(3, 600),
    days=st.sets(st.integers(0, 6), min_size=1),
    hours=st.lists(st.integers(0, 24), min_size=2, max_size=2, unique=True),
)
def test_every_plan_of_the_contract_fits_the_clip(
    version: int, mode: str, angle: int, recovery: int, recovery_s: int, dwell: int, days: set[int], hours: list[int]
) -> None:
    start, end = sorted(hours)
    plan = messages.Plan.model_validate(
        {
            "version": version,
            "mode": mode,
            "angle_deg": angle,
            "recovery_deg": recovery,
            "recovery_s": recovery_s / 10,
            "dwell_s": dwell,
            "days": tuple(days),
            "start": f"{start:02}:00",
            "end": f"{end:02}:00",
        }
    )
    clip = protocol.plan.parse_plan(plans.for_clip(plan))
    assert (clip.version, clip.angle_deg, clip.recovery_deg, clip.dwell_s) == (version, angle, recovery, dwell)
    assert clip.mode == (protocol.plan.TRAIN if mode == "train" else protocol.plan.TRACK)
    assert clip.recovery_ds == recovery_s
    assert {day for day in range(7) if clip.days >> day & 1} == days
    assert (clip.start_min, clip.end_min) == (start * 60, end * 60)
    core = plans.thresholds(clip)
    assert (core.plan_version, core.angle_deg, core.recovery_deg) == (version, angle, recovery)
    assert core.recovery_s == pytest.approx(recovery_s / 10)


def test_every_field_arrives() -> None:
    plan = messages.Plan(
        version=1,
        repeat_s=77,
        cap_per_hour=3,
        fraction_pct=40,
        seed=9,
        back_off=False,
        positive_pulse=True,
        start="08:05",
        end="24:00",
        trigger="dose",
        quiet_start="12:30",
        quiet_end="24:00",
        probe_every=4,
    )
    clip = protocol.plan.parse_plan(plans.for_clip(plan))
    assert (clip.repeat_s, clip.cap_per_hour, clip.fraction_pct, clip.seed) == (77, 3, 40, 9)
    assert (clip.back_off, clip.positive_pulse, clip.start_min, clip.end_min) == (0, 1, 485, 1440)
    assert (clip.trigger, clip.quiet_start_min, clip.quiet_end_min, clip.probe_every) == (1, 750, 1440, 4)
    plain = protocol.plan.parse_plan(plans.for_clip(messages.Plan(version=1)))
    assert (plain.trigger, plain.quiet_start_min, plain.quiet_end_min, plain.probe_every) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("zone", "utc_ms", "minutes"),
    [
        ("UTC", 0, 0),
        ("Asia/Kolkata", 1_790_000_000_000, 330),
        ("Europe/Berlin", 1_774_745_999_000, 60),  # a second before summer time, 29 March 2026
        ("Europe/Berlin", 1_774_746_000_000, 120),
        ("America/St_Johns", 1_790_000_000_000, -150),
    ],
)
def test_the_zones_offset(zone: str, utc_ms: int, minutes: int) -> None:
    assert plans.utc_offset_min(zone, utc_ms) == minutes


@pytest.mark.parametrize("zone", ["Nowhere/At_All", "", "../../etc/passwd", "/etc/passwd", "a" * 5000])
def test_unknown_zones_have_a_name(zone: str) -> None:
    with pytest.raises(plans.UnknownZoneError):
        plans.utc_offset_min(zone, 0)
