"""A streamed recording through core and reminder policy, and the report of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol
from firmware.clip.reminder import Policy
from gateway import messages, placing, plans
from gateway.core import Calibration, Core, EpisodeOut, EpochOut, Samples, Trailer
from gateway.core.activity import ActivityGate
from gateway.core.dose import holding, still_angles
from gateway.core.frames import FRAME_MS, HOP_MS, HOPS, FrameBuffer
from gateway.core.lookback import settled
from gateway.core.stillness import breaks, longest_still_s, seconds_of

from .reminding import Reminding, Told

code = protocol.category
Floats = NDArray[np.float64]

_JUDGED: Final = range(code.UNCALIBRATED, code.COUNT)
"""Categories of a worn clip."""


@dataclass(frozen=True)
class Run:
    """What core and policy said; times in ms from the start of the recording."""

    epochs: list[EpochOut]
    episodes: list[EpisodeOut]
    reminders: list[Told]
    codes: NDArray[np.int64]
    """Category of each whole second of the recording, (S,)."""


def moving_hops(stream: Samples, *, live: bool = False) -> NDArray[np.bool_]:
    """The activity gate alone: whether the wearer moved, for each hop of 250 ms from the start: as it turns out some
    seconds later, or with `live` as it was known at the hop's end."""
    buffer = FrameBuffer()
    stream = buffer.accept(stream)
    if not len(stream.t_ms):
        return np.zeros(0, dtype=np.bool_)
    first = int(stream.t_ms[0] // FRAME_MS) * HOPS
    buffer.start(first)
    buffer.add(stream)
    moving, shaken = ActivityGate().step(buffer.take(int(stream.t_ms[-1] // HOP_MS) + 1))
    told = moving if live else settled(moving, shaken)
    return np.concatenate((np.zeros(first, dtype=np.bool_), told))


def run(
    stream: Samples,
    trailers: list[Trailer],
    *,
    period_ms: float,
    duration_s: float,
    calibration: Calibration | None,
    plan: protocol.plan.Plan,
) -> Run:
    """Judge a whole recording at once."""
    core = Core(plans.thresholds(plan), calibration, period_ms=period_ms)
    reminding = Reminding(Policy(plan))
    epochs: dict[int, EpochOut] = {}
    episodes: dict[int, EpisodeOut] = {}
    reminders: dict[int, Told] = {}
    end_ms = int(np.ceil(duration_s / 60)) * 60_000
    for out in (core.push(stream, trailers), core.flush(int(duration_s * 1000)), core.flush(end_ms)):
        epochs.update((epoch.start_ms, epoch) for epoch in out.epochs)
        episodes.update((episode.start_ms, episode) for episode in out.episodes)
        reminders.update((told.start_ms, told) for told in reminding.run(out.judgements))
    reminders.update((told.start_ms, told) for told in reminding.end(core.position_ms))
    codes = np.full(int(duration_s), code.LOST, dtype=np.int64)
    for start_ms, epoch in epochs.items():
        first = start_ms // FRAME_MS
        part = np.frombuffer(epoch.codes, dtype=np.uint8)[: max(len(codes) - first, 0)]
        codes[first : first + len(part)] = part
    kept = [episode for episode in episodes.values() if episode.end_ms > episode.start_ms]
    return Run(list(epochs.values()), kept, list(reminders.values()), codes)


def summary(result: Run, duration_s: float) -> dict[str, Any]:
    """Seconds by category, percentiles of the sagittal angle over worn time with their coverage, and how long forward
    inclination was held against the holding times of ISO 11226 (information; no conformance is claimed)."""
    counts = {name: int((result.codes == k).sum()) for k, name in enumerate(messages.CATEGORIES)}
    worn = int(np.isin(result.codes, _JUDGED).sum())
    means = np.array([v for e in result.epochs for v in e.sagittal if v is not None], dtype=np.float64)
    percentiles = np.percentile(means, (10, 50, 90)).round(1).tolist() if len(means) else [None] * 3
    codes, shifts = seconds_of(result.epochs)
    given = [told for told in result.reminders if told.reason == protocol.records.GIVEN]
    return {
        "duration_s": round(duration_s, 3),
        "seconds": counts,
        "worn_s": worn,
        "coverage": round(worn / len(result.codes), 4) if len(result.codes) else None,
        "sagittal_p10_deg": percentiles[0],
        "sagittal_p50_deg": percentiles[1],
        "sagittal_p90_deg": percentiles[2],
        "iso_11226_holding": asdict(holding(still_angles(result.epochs))),
        "shifts": sum(epoch.shifts for epoch in result.epochs),
        "breaks": len(breaks(codes)),
        "longest_still_s": longest_still_s(codes, shifts),
        "episodes": len(result.episodes),
        "reminders_due": len(result.reminders),
        "reminders_given": len(given),
    }


def epoch_json(epoch: EpochOut) -> dict[str, Any]:
    """An epoch with its time in seconds."""
    return {
        "start_s": epoch.start_ms / 1000,
        "rev": epoch.rev,
        "codes": "".join("0123456789a"[c] for c in epoch.codes),
        "sagittal": list(epoch.sagittal),
        "low": epoch.low,
        "high": epoch.high,
        "lateral": epoch.lateral,
        "shifts": epoch.shifts,
        "celsius": epoch.celsius,
    }


def episode_json(episode: EpisodeOut) -> dict[str, Any]:
    """An episode with its times in seconds."""
    return {
        "start_s": episode.start_ms / 1000,
        "end_s": episode.end_ms / 1000,
        "peak_deg": round(episode.peak_deg, 1),
        "mean_deg": round(episode.mean_deg, 1),
        "end_reason": placing.END_NAMES[episode.end_reason],
    }


def reminder_json(told: Told) -> dict[str, Any]:
    """A reminder with its times in seconds."""
    return {
        "t_s": told.start_ms / 1000,
        "since_s": told.since_ms / 1000,
        "angle_deg": told.angle_deg,
        "reason": protocol.records.REASON_NAMES[told.reason],
        "response": protocol.records.RESPONSE_NAMES[told.response],
        "response_s": told.response_ms / 1000,
    }
