"""A day through the clip: its own fusion over the sensor's samples, and the stream as it comes out of the air."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol
from firmware.clip.fusion import Fusion
from gateway.core import Samples, Trailer
from gateway.lab.motion import Floats

from .day import Day
from .sensor import RATE_HZ, motor_runs, readings, sample_times

TAKE: Final = 4
PERIOD_MS: Final = 1000 * TAKE / RATE_HZ
HELD_S: Final = 0.5
_PACKET: Final = 11
_LOW_PASS: Final = 1 / 32
_RUN: Final = 256
_ROOT_HALF: Final = 2**-0.5
_SQRT2_Q14: Final = 23170

Ints = NDArray[np.int64]
Step = Callable[[float], None]


@dataclass(frozen=True)
class Stream:
    """What a gateway would receive of a day; clip time is script time."""

    samples: Samples
    trailers: list[Trailer]
    period_ms: float


def stream(day: Day, step: Step = lambda _share: None) -> Stream:
    """Run a day through the fusion. `step` is told the share that is done."""
    t_s = sample_times(day)
    fusion = Fusion(round(RATE_HZ * 1000), protocol.status.ACC_LSB_UG, protocol.status.GYRO_LSB_UDPS)
    quaternion = array("i")
    norms: list[Ints] = []
    gyro, acc = HighPass(), HighPass()
    celsius: list[Floats] = []
    done = 0
    for raw, warm in readings(day, t_s):
        _fuse(fusion, raw, done, quaternion)
        norms.append(_norms(raw))
        acc.take(raw[:, :3])
        gyro.take(raw[:, 3:])
        celsius.append(warm)
        done += len(raw)
        step(done / len(t_s))
    last = np.arange(TAKE - 1, done, TAKE)
    norm = np.concatenate(norms)[: len(last) * TAKE].reshape(-1, TAKE).sum(axis=1)
    milli_g = (norm * protocol.status.ACC_LSB_UG + 500) // 1000 - 1000
    unit = on_the_wire(np.array(quaternion, dtype=np.float64).reshape(-1, 4))
    at_s = t_s[last]
    kept = _received(day, at_s)
    samples = Samples(
        _stamps(at_s)[kept],
        unit[kept],
        companded(milli_g)[kept].astype(np.float64),
        motor_runs(day, at_s, HELD_S)[kept],
    )
    return Stream(samples, _trailers(day, t_s, gyro.square(), acc.square(), np.concatenate(celsius)), PERIOD_MS)


def _fuse(fusion: Fusion, raw: Ints, done: int, out: array[int]) -> None:
    update, extend = fusion.update, out.extend
    wait = TAKE - 1 - done % TAKE
    for ax, ay, az, gx, gy, gz in raw.tolist():
        update(ax, ay, az, gx, gy, gz)
        if wait:
            wait -= 1
        else:
            wait = TAKE - 1
            extend((fusion.w, fusion.x, fusion.y, fusion.z))


def _norms(raw: Ints) -> Ints:
    """A quarter of |a| in LSB, (N,), as the clip takes it."""
    part = (raw[:, :3] >> 2).astype(np.float64)
    norms: Ints = np.sqrt((part * part).sum(axis=1)).astype(np.int64)
    return norms


def on_the_wire(quaternion: Floats) -> Floats:
    """Q15 quaternions (N, 4) as the smallest three of fifteen bits bring them over: unit quaternions (N, 4)."""
    rows = np.arange(len(quaternion))
    largest = np.argmax(np.abs(quaternion), axis=1)
    signed = quaternion * np.where(quaternion[rows, largest] < 0, -1.0, 1.0)[:, None]
    sent = np.clip(np.floor((signed * _SQRT2_Q14 + 16384) / 32768), -16383, 16383)
    parts: Floats = sent * (_ROOT_HALF / 16384)
    parts[rows, largest] = 0.0
    parts[rows, largest] = np.sqrt(1.0 - (parts * parts).sum(axis=1))
    return parts


def companded(milli_g: Ints) -> Ints:
    """Mg (N,) after the way through one byte."""
    root = np.minimum(np.sqrt(4.0 * np.abs(milli_g)).astype(np.int64), 127)
    expanded: Ints = np.sign(milli_g) * (root * root // 4)
    return expanded


def _stamps(at_s: Floats) -> Floats:
    """Clip times in ms: whole for the first sample of a packet, the others a period apart as the clip measures it."""
    ms = at_s * 1000
    period = float(ms[1] - ms[0]) if len(ms) > 1 else PERIOD_MS
    into = np.arange(len(ms)) % _PACKET
    first = np.floor(ms[np.arange(len(ms)) - into])
    stamps: Floats = first + into * period
    return stamps


def _received(day: Day, at_s: Floats) -> NDArray[np.bool_]:
    kept = np.ones(len(at_s), dtype=np.bool_)
    for begin, end in day.gaps:
        kept[slice(*np.searchsorted(at_s, (begin, end)).tolist())] = False
    return kept


class HighPass:
    """Each axis less its one-pole low-pass at 0.5 Hz, as the clip takes it for its trailers."""

    def __init__(self) -> None:
        self._low: Floats | None = None
        self._squares: list[Floats] = []

    def take(self, raw: Ints) -> None:
        """The next samples (N, 3), LSB."""
        values = raw.astype(np.float64)
        low = values[0] if self._low is None else self._low
        decay = 1 - _LOW_PASS
        for begin in range(0, len(values), _RUN):
            x = values[begin : begin + _RUN]
            power = decay ** np.arange(1, len(x) + 1)[:, None]
            # The recursion low += (x - low) / 32, written out from the start of the run.
            after = power * (low + np.cumsum(_LOW_PASS * x / power, axis=0))
            before = np.concatenate((low[None], after[:-1]))
            self._squares.append(((x - before) ** 2).sum(axis=1))
            low = after[-1]
        self._low = low

    def square(self) -> Floats:
        """(N,) squares of all that was taken."""
        return np.concatenate(self._squares)


def _trailers(day: Day, t_s: Floats, gyro: Floats, acc: Floats, celsius: Floats) -> list[Trailer]:
    second = t_s.astype(np.int64)
    starts = np.flatnonzero(np.diff(second, prepend=-1))
    count = np.diff(np.append(starts, len(t_s)))
    rms = [np.sqrt(np.add.reduceat(square, starts) / count) for square in (gyro, acc)]
    gyro_tenths = (rms[0] * protocol.status.GYRO_LSB_UDPS / 1e5).astype(np.int64).tolist()
    milli_g = (rms[1] * protocol.status.ACC_LSB_UG / 1e3).astype(np.int64).tolist()
    sent = protocol.stream
    ends = (second[starts] + 1).astype(np.float64)
    kept = _received(day, ends)
    return [
        Trailer(
            t_ms=float(ends[k]) * 1000,
            gyro_rms_dps=sent.log_value(sent.log_code(gyro_tenths[k])) / 10,
            acc_rms_mg=float(sent.log_value(sent.log_code(milli_g[k]))),
            saturated=0,
            celsius=int(np.floor(celsius[starts[k]])),
        )
        for k in np.flatnonzero(kept[:-1]).tolist()
    ]
