"""Strict reading of a recording: what is wrong is said with its line, what is missing is counted."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Progress = Callable[[str, float], None]
"""Called with what is being done and the share that is done, 0 to 1."""

COLUMNS: Final = ("t_s", "ax_g", "ay_g", "az_g", "gx_dps", "gy_dps", "gz_dps")
MIN_HZ, MAX_HZ = 10.0, 500.0
RATE_SLACK: Final = 0.01
"""A sensor's clock is off by a little, and printed times are rounded."""
GAP: Final = 1.5
"""A step longer than this many usual ones is a gap."""
JITTER: Final = 0.25
"""Times may stray from an even grid by this share of a step before the samples are put on one by interpolation."""
MAX_DAYS: Final = 7
_CHUNK: Final = 200_000


class CsvError(ValueError):
    """A recording that cannot be used. The message says where and why."""


@dataclass(frozen=True)
class Recording:
    """Rising times in seconds as in the file (N,), specific force in g and angular rate in deg/s (N, 3).

    `dropped` rows had a value that was missing or not finite, `doubled` rows a time that was there already.
    """

    t_s: Floats
    acc_g: Floats
    gyro_dps: Floats
    rate_hz: float
    dropped: int
    doubled: int
    jitter: float
    """95th percentile of how far times stray from an even grid, in steps."""

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """(from, to) seconds of the file's time between which samples are missing."""
        step = np.diff(self.t_s)
        at = np.flatnonzero(step > GAP / self.rate_hz)
        return list(zip(self.t_s[at].tolist(), self.t_s[at + 1].tolist(), strict=True))


def read(path: Path, progress: Progress = lambda _what, _share: None) -> Recording:
    """The recording in a CSV file with a header that names COLUMNS, in any order, among others.

    Raises CsvError: a missing column, a cell that is no number, times that fall, too few samples, a rate outside
    10 to 500 Hz. Raises OSError when the file cannot be read.
    """
    size = max(path.stat().st_size, 1)
    parts: list[Floats] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            wanted, width = _header(file.readline())
            line = 2
            for lines in _chunks(file):
                parts.append(_numbers(lines, wanted, width, line))
                line += len(lines)
                progress("reading", min(sum(len(p) for p in parts) * 60 / size, 1.0))
    except UnicodeDecodeError as error:
        raise CsvError(f"{path.name} is not a text file in UTF-8") from error
    rows = np.concatenate(parts) if parts else np.empty((0, len(COLUMNS)))
    return check(rows)


def check(rows: Floats) -> Recording:
    """The recording in rows of COLUMNS, (N, 7). Raises CsvError as `read` does."""
    finite = np.isfinite(rows).all(axis=1)
    lines = np.flatnonzero(finite) + 2
    good = rows[finite]
    step = np.diff(good[:, 0])
    if (step < 0).any():
        at = int(np.argmax(step < 0))
        raise CsvError(
            f"line {lines[at + 1]}: t_s falls from {good[at, 0]:g} to {good[at + 1, 0]:g}; the times must rise"
        )
    new = np.concatenate(([True], step > 0))[: len(good)]
    good = good[new]
    if len(good) < 20:
        raise CsvError(f"usable samples: {len(good)}; at least 20 are needed")
    step = np.diff(good[:, 0])
    usual = float(np.median(step))
    if not MIN_HZ * (1 - RATE_SLACK) <= 1 / usual <= MAX_HZ * (1 + RATE_SLACK):
        hint = "; are the times in milliseconds?" if 1 / usual < 1 else ""
        raise CsvError(f"{1 / usual:.3g} samples a second; {MIN_HZ:g} to {MAX_HZ:g} are supported{hint}")
    if good[-1, 0] - good[0, 0] > MAX_DAYS * 86_400:
        raise CsvError(f"the times span more than {MAX_DAYS} days")
    even = step < GAP * usual
    rate = float(1 / step[even].mean())
    jitter = float(np.percentile(np.abs(step[even] * rate - 1), 95))
    return Recording(
        t_s=good[:, 0].copy(),
        acc_g=good[:, 1:4].copy(),
        gyro_dps=good[:, 4:7].copy(),
        rate_hz=rate,
        dropped=int(len(rows) - finite.sum()),
        doubled=int(finite.sum() - len(good)),
        jitter=jitter,
    )


def _header(line: str) -> tuple[list[int], int]:
    names = [name.strip().strip('"') for name in line.rstrip("\r\n").split(",")]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise CsvError(f"line 1: missing columns {', '.join(missing)}; found {line.strip()[:120]!r}")
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if twice:
        raise CsvError(f"line 1: column {twice[0]} appears twice")
    return [names.index(name) for name in COLUMNS], len(names)


def _chunks(file: TextIO) -> Iterator[list[str]]:
    while lines := list(itertools.islice(file, _CHUNK)):
        yield lines


def _numbers(lines: Sequence[str], wanted: list[int], width: int, first: int) -> Floats:
    """(N, 7) of these lines, NaN where a cell is empty; `first` is the number of the first line."""
    if not any(line.strip() for line in lines):
        return np.empty((0, len(COLUMNS)))
    try:
        rows: Floats = np.loadtxt(lines, delimiter=",", usecols=wanted, ndmin=2, comments=None, dtype=np.float64)
    except ValueError:
        rows = np.empty((0, 0))
    if len(rows) == len(lines) and all(line.count(",") == width - 1 for line in lines):
        return rows
    return np.array(
        [_row(line, wanted, width, first + k) for k, line in enumerate(lines) if line.strip()], dtype=np.float64
    ).reshape(-1, len(COLUMNS))


def _row(line: str, wanted: list[int], width: int, number: int) -> list[float]:
    cells = line.split(",")
    if len(cells) != width:
        raise CsvError(f"line {number}: {len(cells)} cells where the header has {width}")
    out = []
    for name, at in zip(COLUMNS, wanted, strict=True):
        cell = cells[at].strip().strip('"')
        try:
            out.append(_number(cell))
        except ValueError:
            raise CsvError(f"line {number}: {name} is {cell[:40]!r}, which is no number") from None
    return out


def _number(cell: str) -> float:
    if "_" in cell:  # Python reads 1_0 as 10
        raise ValueError(cell)
    return float(cell) if cell else np.nan
