"""The table of `--samples`: one row an input sample."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol
from gateway.core import Calibration
from gateway.core.frames import HOP_MS
from gateway.core.orientation import inclination, sky_in_sensor

from .replay_csv import Floats, Progress, Recording

HEADER: Final = "t_s,qw,qx,qy,qz,sagittal_deg,lateral_deg,moving,worn,category"
_BLOCK: Final = 50_000


def write(
    path: Path,
    recording: Recording,
    quaternion: Floats,
    *,
    calibration: Calibration | None,
    moving: NDArray[np.bool_],
    codes: NDArray[np.int64],
    progress: Progress = lambda _what, _share: None,
) -> None:
    """Write the rows. `moving` is by hop and `codes` by second from the start; cells that are not known stay empty.

    Raises OSError.
    """
    into = recording.t_s - recording.t_s[0]
    flag = _pick(moving.astype(np.int64), (into * 1000 / HOP_MS).astype(np.int64), 0)
    code = _pick(codes, into.astype(np.int64), protocol.category.LOST)
    names = protocol.category.NAMES
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(HEADER + "\n")
        for begin in range(0, len(into), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            angles = _angles(quaternion[part], calibration)
            rows = zip(
                recording.t_s[part].tolist(),
                quaternion[part].tolist(),
                angles,
                flag[part].tolist(),
                code[part].tolist(),
                strict=True,
            )
            file.writelines(
                f"{t:.10g},{_quaternion(q)},{angle},{m},{int(c != protocol.category.NOT_WORN)},{names[c]}\n"
                for t, q, angle, m, c in rows
            )
            progress("samples", min((begin + _BLOCK) / len(into), 1.0))


def _quaternion(q: list[float]) -> str:
    return ",,," if isnan(q[0]) else "{:.6f},{:.6f},{:.6f},{:.6f}".format(*q)


def _angles(quaternion: Floats, calibration: Calibration | None) -> list[str]:
    if calibration is None:
        return [","] * len(quaternion)
    sagittal, lateral, _ = inclination(sky_in_sensor(quaternion), calibration)
    return ["," if isnan(s) else f"{s:.3f},{r:.3f}" for s, r in zip(sagittal.tolist(), lateral.tolist(), strict=True)]


def _pick(values: NDArray[np.int64], at: NDArray[np.int64], otherwise: int) -> NDArray[np.int64]:
    """`values[at]`, and `otherwise` beyond their end; the last whole value stands for what is left of it."""
    if not len(values):
        return np.full(len(at), otherwise, dtype=np.int64)
    return values[np.minimum(at, len(values) - 1)]
