"""Days made from scripts at full speed: the real core and the real reminder policy over ideal orientations.

Every record is marked as simulated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import numpy as np

from firmware.clip import protocol
from firmware.clip.reminder import Policy
from gateway import messages, placing, plans
from gateway.core import Core, Trailer

from .reminding import Reminding, local_time
from .script import Script

Plan = protocol.plan.Plan

RATE_HZ: Final = 26.0
CHUNK_S: Final = 1800
TRAILER_S: Final = 20
PLACE_ERROR_MS: Final = 20

DayRecord = messages.Epoch | messages.Episode | messages.Reminder | messages.Event


def make_day(
    script: Script,
    clip: str,
    boot: str,
    start_utc_ms: int,
    plan: Plan,
    *,
    zone: str = "UTC",
    calibration_version: int = 1,
    boot_counter: int = 1,
    slipped: bool = False,
) -> Iterator[DayRecord]:
    """The records that gateway and clip would send of a wearing, in the order in which they come about.

    clip, boot: 16 hexadecimal digits. start_utc_ms: when the clip was switched on; script time is clip time.
    zone: the patient's, for the plan's window. slipped: the clip had slipped before, and is not calibrated now either.
    """
    origin = placing.Origin(
        clip, boot, lambda clip_ms: placing.Place(start_utc_ms + clip_ms, PLACE_ERROR_MS), simulated=True
    )
    happened: list[tuple[Literal["boot", "calibrated"], int]] = [("boot", boot_counter)]
    if not slipped:
        happened.append(("calibrated", calibration_version))
    for kind, value in happened:
        yield messages.Event(
            **origin.fields(0),
            judge="clip",
            rev=1,
            plan=plan.version,
            calibration=calibration_version,
            kind=kind,
            value=value,
        )
    core = Core(
        plans.thresholds(plan), script.calibration(calibration_version), period_ms=1000 / RATE_HZ, slipped=slipped
    )
    reminding = Reminding(Policy(plan), local_time(start_utc_ms, zone))
    duration = script.duration_s or 0.0
    for begin in range(0, int(np.ceil(duration)), CHUNK_S):
        t = np.arange(int(begin * RATE_HZ), int(min(begin + CHUNK_S, duration) * RATE_HZ)) / RATE_HZ
        at = t[:: int(RATE_HZ * TRAILER_S)]
        trailers = [
            Trailer(float(second * 1000), 0.0, 0.0, 0, round(float(celsius)))
            for second, celsius in zip(at, script.celsius(at), strict=True)
        ]
        stretches = [core.push(script.samples(t), trailers)]
        if begin + CHUNK_S >= duration:
            stretches.append(core.flush(int(-(-duration // 60)) * 60_000))
        for stretch in stretches:
            yield from (placing.epoch(epoch, origin) for epoch in stretch.epochs)
            yield from (placing.episode(episode, origin) for episode in stretch.episodes)
            yield from (placing.finding(finding, origin) for finding in stretch.findings)
            for told in reminding.run(stretch.judgements):
                yield placing.from_fields(told.fields(plan.version, calibration_version), origin)
    for told in reminding.end(core.position_ms):
        yield placing.from_fields(told.fields(plan.version, calibration_version), origin)
