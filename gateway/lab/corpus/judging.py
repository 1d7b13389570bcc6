"""A streamed day through core and reminder policy, calibrated by the wearer's own holds and bows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol
from firmware.clip.reminder import Policy
from gateway import plans
from gateway.core import (
    Calibration,
    CalibrationError,
    Core,
    EpisodeOut,
    EpochOut,
    FindingOut,
    Output,
    Samples,
    calibrate,
)
from gateway.lab.reminding import Reminding, Told

from .clip import Stream
from .day import Day
from .workday import DWELL_S

code = protocol.category

REPEAT_S: Final = 60
"""Short, so that a slouch that follows a lost recovery is not left out."""


@dataclass(frozen=True)
class Judged:
    """What core and policy said of a day; times in ms of the script."""

    codes: NDArray[np.int64]
    """Category of each whole second, as told last, (S,)."""
    epochs: list[EpochOut]
    episodes: list[EpisodeOut]
    reminders: list[Told]
    calibrations: list[tuple[float, Calibration]]
    """From which second on each was in force."""
    refused: list[str]
    """Reasons of calibrations that were refused."""
    findings: list[FindingOut]


def judged_plan() -> protocol.plan.Plan:
    """Train mode, every due reminder given, no cap and no back-off; the rest as the default plan has it."""
    plan = protocol.plan.Plan()
    plan.mode = protocol.plan.TRAIN
    plan.dwell_s = round(DWELL_S)
    plan.repeat_s = REPEAT_S
    plan.cap_per_hour = 30
    plan.back_off = 0
    return plan


def judge(day: Day, stream: Stream, plan: protocol.plan.Plan) -> Judged:
    """Judge a day under a plan."""
    core = Core(plans.thresholds(plan), None, period_ms=stream.period_ms)
    reminding = Reminding(Policy(plan))
    outs: list[Output] = []
    calibrations: list[tuple[float, Calibration]] = []
    refused: list[str] = []
    samples, trailers = stream.samples, list(stream.trailers)
    begin_s = 0.0
    for procedure in day.procedures:
        until = procedure.bow[1]
        waiting = [trailer for trailer in trailers if begin_s * 1000 <= trailer.t_ms < until * 1000]
        outs.append(core.push(span(samples, begin_s, until), waiting))
        begin_s = until
        try:
            hold, bow = (span(samples, *part) for part in (procedure.hold, procedure.bow))
            calibration = calibrate(hold, bow, len(calibrations) + 1)
        except CalibrationError as error:
            refused.append(error.reason)
            continue
        calibrations.append((until, calibration))
        core.set_calibration(calibration)
    outs.append(core.push(span(samples, begin_s, np.inf), [t for t in trailers if t.t_ms >= begin_s * 1000]))
    end_ms = (int(day.duration_s) // 60 + 1) * 60_000
    outs += [core.flush(int(day.duration_s) * 1000), core.flush(end_ms)]
    reminders: dict[int, Told] = {}
    for out in outs:
        reminders.update((told.start_ms, told) for told in reminding.run(out.judgements))
    reminders.update((told.start_ms, told) for told in reminding.end(core.position_ms))
    epochs = {epoch.start_ms: epoch for out in outs for epoch in out.epochs}
    return Judged(
        codes=_codes(epochs, int(day.duration_s)),
        epochs=list(epochs.values()),
        episodes=[episode for out in outs for episode in out.episodes],
        reminders=list(reminders.values()),
        calibrations=calibrations,
        refused=refused,
        findings=[finding for out in outs for finding in out.findings],
    )


def span(samples: Samples, begin_s: float, end_s: float) -> Samples:
    """The samples of [begin_s, end_s), seconds of clip time."""
    part = slice(*np.searchsorted(samples.t_ms, (begin_s * 1000, end_s * 1000)).tolist())
    return Samples(samples.t_ms[part], samples.quaternion[part], samples.acc_mg[part], samples.held[part])


def _codes(epochs: dict[int, EpochOut], seconds: int) -> NDArray[np.int64]:
    codes = np.full(seconds, code.LOST, dtype=np.int64)
    for start_ms, epoch in epochs.items():
        first = start_ms // 1000
        part = np.frombuffer(epoch.codes, dtype=np.uint8)[: max(seconds - first, 0)]
        codes[first : first + len(part)] = part
    return codes
