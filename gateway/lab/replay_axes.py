"""The reference posture of a recording: from the spans that the user names, else found, and always said how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.core import Calibration, CalibrationError, Samples
from gateway.core.calibration import forward, upright
from gateway.core.orientation import sky_in_sensor

from .replay_csv import Floats, Recording

Span = tuple[float, float]

HOLD_S: Final = 4.0
HOLD_SD_DEG: Final = 1.0
BEND_FROM_DEG: Final = 20.0
BEND_AT_LEAST_DEG: Final = 30.0
BEND_AT_MOST_DEG: Final = 120.0
BEND_S: Final = (0.5, 15.0)
"""A bend goes down and comes up again within this; what lasts longer may be lying down."""
WALK_AT_LEAST_S: Final = 4.0
WALK_CORRELATION: Final = 0.25
_SMOOTH_S: Final = 0.09

BOW, BEND, WALKING = "bow", "largest bend", "walking"


@dataclass(frozen=True)
class Reference:
    """The calibration, or None and why; and where it comes from, seconds from the start of the recording."""

    calibration: Calibration | None
    upright: Span | None = None
    upright_found: bool = False
    axis: str | None = None
    axis_span: Span | None = None
    problem: str = ""

    def describe(self) -> str:
        """One sentence for people."""
        if self.calibration is None or self.upright is None or self.axis is None:
            return f"uncalibrated: {self.problem}"
        how = "taken from the first still 4 s (assumed upright)" if self.upright_found else "as given"
        where = "" if self.axis_span is None else f" at {self.axis_span[0]:.1f}-{self.axis_span[1]:.1f} s"
        return f"upright {self.upright[0]:.1f}-{self.upright[1]:.1f} s {how}; sagittal axis from {self.axis}{where}"


def find_reference(
    recording: Recording,
    quaternion: Floats,
    moving: NDArray[np.bool_],
    stream: Samples,
    *,
    upright_span: Span | None,
    bow_span: Span | None,
) -> Reference:
    """The reference of a recording with its orientations (N, 4) and activity (N,).

    Raises CalibrationError when a span that was given does not serve.
    """
    found = upright_span is None
    if upright_span is None:
        upright_span = _first_hold(stream)
        if upright_span is None:
            return Reference(
                None, problem=f"no still {HOLD_S:g} s found; name some of an upright hold with --upright START:END"
            )
    _inside("--upright", upright_span, recording)
    try:
        up = upright(_within(stream, upright_span))
    except CalibrationError as error:
        raise CalibrationError(error.reason, f"--upright: {error.detail}") from error
    if bow_span is not None:
        _inside("--bow", bow_span, recording)
        bow = _within(stream, bow_span)
        if not len(bow.t_ms):
            raise CalibrationError("no bow", "--bow: no samples there")
        try:
            axis = forward(bow, up)
        except CalibrationError as error:
            raise CalibrationError(error.reason, f"--bow: {error.detail}") from error
        return Reference(Calibration(1, up, axis), upright_span, found, BOW, bow_span)
    bend = _largest_bend(stream, up)
    if bend is not None:
        return Reference(Calibration(1, up, bend[0]), upright_span, found, BEND, bend[1])
    walked = _walking_axis(recording, quaternion, moving, up)
    if walked is not None:
        return Reference(Calibration(1, up, walked), upright_span, found, WALKING)
    problem = "no bend and no walking to find the sagittal axis from; name a bow with --bow START:END"
    return Reference(None, upright_span, found, problem=problem)


def _inside(name: str, span: Span, recording: Recording) -> None:
    length = float(recording.t_s[-1] - recording.t_s[0])
    if span[0] >= length:
        raise CalibrationError("no samples", f"{name} {span[0]:g}:{span[1]:g}: the recording is {length:.1f} s long")


def _within(samples: Samples, span: Span) -> Samples:
    part = slice(*np.searchsorted(samples.t_ms, (span[0] * 1000, span[1] * 1000)).tolist())
    return Samples(samples.t_ms[part], samples.quaternion[part], samples.acc_mg[part], samples.held[part])


def _first_hold(stream: Samples) -> Span | None:
    sky = np.stack(sky_in_sensor(stream.quaternion), axis=1)
    running = np.concatenate((np.zeros((1, 3)), np.cumsum(sky, axis=0)))
    begin = np.arange(len(sky))
    end = np.searchsorted(stream.t_ms, stream.t_ms + HOLD_S * 1000)
    whole = (end < len(sky)) & (end - begin > 1)
    begin, end = begin[whole], end[whole]
    covered = stream.t_ms[end - 1] - stream.t_ms[begin] > (HOLD_S - 0.3) * 1000
    mean = (running[end] - running[begin]) / (end - begin)[:, None]
    spread = np.degrees(np.sqrt(np.maximum(1 - (mean**2).sum(axis=1), 0)))
    good = np.flatnonzero(covered & (spread < HOLD_SD_DEG))
    if not len(good):
        return None
    start = float(stream.t_ms[begin[good[0]]]) / 1000
    return start, start + HOLD_S


def _largest_bend(stream: Samples, up: Floats) -> tuple[Floats, Span] | None:
    sky = np.stack(sky_in_sensor(stream.quaternion), axis=1)
    tilt = np.degrees(np.arccos(np.clip(sky @ up, -1, 1)))
    edges = np.flatnonzero(np.diff(np.concatenate(([False], tilt > BEND_FROM_DEG, [False])).astype(np.int8)))
    bends = []
    for begin, end in edges.reshape(-1, 2).tolist():
        if begin == 0 or end == len(tilt):
            continue
        seconds = (stream.t_ms[end] - stream.t_ms[begin - 1]) / 1000
        peak = float(tilt[begin:end].max())
        if BEND_S[0] <= seconds <= BEND_S[1] and BEND_AT_LEAST_DEG <= peak <= BEND_AT_MOST_DEG:
            bends.append((peak, begin, end))
    for _, begin, end in sorted(bends, reverse=True)[:10]:
        span = (float(stream.t_ms[begin]) / 1000, float(stream.t_ms[end]) / 1000)
        try:
            return forward(_within(stream, span), up), span
        except CalibrationError:
            continue
    return None


def _walking_axis(recording: Recording, quaternion: Floats, moving: NDArray[np.bool_], up: Floats) -> Floats | None:
    """Forward from the mechanics of gait: over the standing leg the body is lowest in acceleration and begins to fall
    forward, so that forward acceleration goes with the rate of change of the upward one (inverted pendulum; Cavagna,
    Thys and Zamboni 1976). Sway to the sides comes once a stride of two steps and does not go with it."""
    if np.count_nonzero(moving) < WALK_AT_LEAST_S * recording.rate_hz:
        return None
    sky = np.stack(sky_in_sensor(quaternion), axis=1)
    felt = recording.acc_g - sky
    # Turn each sample the shortest way that brings the sky back to the reference's up.
    turn = np.cross(sky, np.broadcast_to(up, sky.shape))
    cosine = (sky @ up)[:, None]
    felt = felt * cosine + np.cross(turn, felt) + turn * (turn * felt).sum(axis=1, keepdims=True) / (1.001 + cosine)
    width = max(round(_SMOOTH_S * recording.rate_hz), 1)
    kernel = np.ones(width) / width
    upward = np.convolve(felt @ up, kernel, "same")
    level = felt - np.outer(felt @ up, up)
    level = np.column_stack([np.convolve(column, kernel, "same") for column in level.T])[moving]
    change = np.gradient(upward)[moving]
    together = (level * (change - change.mean())[:, None]).mean(axis=0)
    length = float(np.linalg.norm(together))
    if length == 0:
        return None
    axis = together / length
    if length / float((level @ axis).std() * change.std()) < WALK_CORRELATION:
        return None
    axis -= up * (axis @ up)
    unit: Floats = axis / np.linalg.norm(axis)
    return unit
