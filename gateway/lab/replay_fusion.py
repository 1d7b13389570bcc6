"""A recording through the clip's own fusion, at the recording's rate, in the clip's integers."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip.fusion import RATE_MIN_MHZ, Fusion
from firmware.clip.protocol import status
from gateway.core import Samples

from .replay_csv import GAP, JITTER, Floats, Progress, Recording

STREAM_HZ: Final = 26.0
BRIDGE_S: Final = 0.15
"""Up to this long, missing samples are put on the line between their neighbours; after a longer gap the fusion begins
anew, because nobody knows how the sensor was turned meanwhile."""
SETTLE_S: Final = 0.25
"""After a beginning the orientation is used once this long has been averaged."""
_BLOCK: Final = 20_000


@dataclass(frozen=True)
class Fused:
    """Orientation of each input sample (N, 4), and what a clip would have streamed of them."""

    quaternion: Floats
    usable: NDArray[np.bool_]
    """False just after a beginning, (N,)."""
    stream: Samples
    """Clip time is the time since the first sample."""
    period_ms: float
    saturated: int
    """Samples that the clip's ranges would have clipped."""
    bridged: int
    restarts: int


@dataclass(frozen=True)
class _Stretch:
    """Samples without a gap longer than BRIDGE_S on an even grid; `place` has the point of each input sample."""

    t_s: Floats
    values: Floats
    place: NDArray[np.int64]


def fuse(recording: Recording, progress: Progress = lambda _what, _share: None) -> Fused:
    """Run the fusion over a recording."""
    n = len(recording.t_s)
    raw = np.hstack((recording.acc_g / (status.ACC_LSB_UG * 1e-6), recording.gyro_dps / (status.GYRO_LSB_UDPS * 1e-6)))
    take = max(round(recording.rate_hz / STREAM_HZ), 1)
    quaternion = np.empty((n, 4))
    usable = np.zeros(n, dtype=np.bool_)
    parts: list[Samples] = []
    bridged = done = begun = restarts = 0
    for stretch in _stretches(recording, raw):
        fusion = Fusion(max(round(recording.rate_hz * 1000), RATE_MIN_MHZ), status.ACC_LSB_UG, status.GYRO_LSB_UDPS)
        out = np.empty((len(stretch.t_s), 4))
        for begin in range(0, len(out), _BLOCK):
            block = stretch.values[begin : begin + _BLOCK]
            out[begin : begin + len(block)] = _run(fusion, block)
            progress("fusion", (done + begin + len(block)) / n)
        done += len(out)
        restarts += 1
        bridged += len(out) - len(np.unique(stretch.place))
        ready = np.arange(len(out)) >= SETTLE_S * recording.rate_hz
        inputs = slice(begun, begun + len(stretch.place))
        begun = inputs.stop
        quaternion[inputs] = out[stretch.place]
        usable[inputs] = ready[stretch.place]
        parts.append(_stream(stretch, out, ready, take, float(recording.t_s[0])))
    return Fused(
        quaternion=quaternion,
        usable=usable,
        stream=_joined(parts),
        period_ms=1000 * take / recording.rate_hz,
        saturated=int((np.abs(np.rint(raw)) > 32767).any(axis=1).sum()),
        bridged=bridged,
        restarts=restarts - 1,
    )


def _run(fusion: Fusion, block: Floats) -> Floats:
    """Orientations (N, 4) after each of the raw samples (N, 6)."""
    flat = array("i")
    update, extend = fusion.update, flat.extend
    for ax, ay, az, gx, gy, gz in np.clip(np.rint(block), -32768, 32767).astype(np.int64).tolist():
        update(ax, ay, az, gx, gy, gz)
        extend((fusion.w, fusion.x, fusion.y, fusion.z))
    out = np.array(flat, dtype=np.float64).reshape(-1, 4)
    unit: Floats = out / np.linalg.norm(out, axis=1, keepdims=True)
    return unit


def _stretches(recording: Recording, raw: Floats) -> Iterator[_Stretch]:
    t = recording.t_s
    step = np.diff(t)
    cuts = np.flatnonzero(step > max(BRIDGE_S, GAP / recording.rate_hz)) + 1
    for begin, end in zip([0, *cuts.tolist()], [*cuts.tolist(), len(t)], strict=True):
        yield _even(t[begin:end], raw[begin:end], recording)


def _even(t: Floats, raw: Floats, recording: Recording) -> _Stretch:
    """The samples with missing ones filled in; on an even grid when the file's times stray too far from one."""
    if recording.jitter > JITTER:
        place = np.rint((t - t[0]) * recording.rate_hz).astype(np.int64)
        grid = t[0] + np.arange(int(place[-1]) + 1) / recording.rate_hz
    else:
        steps = np.maximum(np.rint(np.diff(t) * recording.rate_hz), 1).astype(np.int64)
        place = np.concatenate(([0], np.cumsum(steps)))
        if int(place[-1]) + 1 == len(t):
            return _Stretch(t, raw, place)
        grid = np.interp(np.arange(int(place[-1]) + 1), place, t)
    return _Stretch(grid, np.column_stack([np.interp(grid, t, column) for column in raw.T]), place)


def _stream(stretch: _Stretch, quaternion: Floats, ready: NDArray[np.bool_], take: int, start_s: float) -> Samples:
    """Every `take`-th orientation, with |a| averaged over the samples up to it, as the clip does."""
    whole = len(quaternion) // take * take
    last = slice(take - 1, whole, take)
    acc = np.clip(np.rint(stretch.values[:whole, :3]), -32768, 32767) * (status.ACC_LSB_UG * 1e-6)
    norm = np.linalg.norm(acc, axis=1).reshape(-1, take).mean(axis=1)
    use = ready[last]
    return Samples(
        (stretch.t_s[last][use] - start_s) * 1000,
        quaternion[last][use],
        (norm[use] - 1) * 1000,
        np.zeros(int(use.sum()), dtype=np.bool_),
    )


def _joined(parts: list[Samples]) -> Samples:
    return Samples(
        np.concatenate([part.t_ms for part in parts]),
        np.concatenate([part.quaternion for part in parts]),
        np.concatenate([part.acc_mg for part in parts]),
        np.concatenate([part.held for part in parts]),
    )
