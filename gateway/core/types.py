"""What goes into the core and what comes out of it. Times are milliseconds of the clip's own clock since its boot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, overload

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Samples:
    """A block of orientation samples of one boot, in order of time; blocks may be cut anywhere.

    t_ms: (N,) float64; quaternion: (N, 4) float64, w x y z, sensor to earth with z up, yaw meaningless;
    acc_mg: (N,) float64, |a| - 1 g in mg; held: (N,) bool, the motor ran within the last 500 ms: keep the category
    before, leave out of angles.
    """

    t_ms: NDArray[np.float64]
    quaternion: NDArray[np.float64]
    acc_mg: NDArray[np.float64]
    held: NDArray[np.bool_]


@dataclass(frozen=True)
class Trailer:
    """What the clip says once a second beside the samples: RMS above 0.5 Hz, and its temperature."""

    t_ms: float
    gyro_rms_dps: float
    acc_rms_mg: float
    saturated: int
    celsius: int


@dataclass(frozen=True)
class Calibration:
    """The sensor's axes in the reference posture: unit vectors in the sensor's frame, shape (3,), at right angles."""

    version: int
    up: NDArray[np.float64]
    forward: NDArray[np.float64]
    procedure: int = 0


@dataclass(frozen=True)
class Thresholds:
    """What of a plan the core needs."""

    plan_version: int = 0
    angle_deg: float = 10.0
    recovery_deg: float = 5.0
    recovery_s: float = 0.8


@dataclass(frozen=True)
class Judgement:
    """The core's latest word, as a lease renewal carries it.

    `category` is a code of `protocol.category`; `since_ms` is when that state began (for a slouch: when it was crossed
    into); everything up to `judged_to_ms` has been judged. Angles are None where there are none.
    """

    category: int
    since_ms: int
    judged_to_ms: int
    sagittal_deg: float | None
    lateral_deg: float | None


class Judgements(Sequence[Judgement]):
    """The judgements of many hops, a read-only sequence over columns: a day has a hundred thousand."""

    def __init__(self, columns: NDArray[np.int64]) -> None:
        self.columns = columns
        """(6, N): category, since_ms, judged_to_ms, sagittal and lateral in millidegrees, whether these are known."""

    @classmethod
    def joined(cls, parts: Sequence[NDArray[np.int64]]) -> Judgements:
        """One sequence of several parts."""
        return cls(np.concatenate(parts, axis=1) if parts else np.empty((6, 0), dtype=np.int64))

    def __len__(self) -> int:
        return int(self.columns.shape[1])

    @overload
    def __getitem__(self, index: int) -> Judgement: ...
    @overload
    def __getitem__(self, index: slice) -> Judgements: ...
    def __getitem__(self, index: int | slice) -> Judgement | Judgements:
        if isinstance(index, slice):
            return Judgements(self.columns[:, index])
        category, since, judged_to, sagittal, lateral, known = self.columns[:, index].tolist()
        return Judgement(
            category=category,
            since_ms=since,
            judged_to_ms=judged_to,
            sagittal_deg=sagittal / 1000 if known else None,
            lateral_deg=lateral / 1000 if known else None,
        )

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Judgements):
            return bool(np.array_equal(self.columns, other.columns))
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class EpochOut:
    """A finished minute, judge gateway: 60 codes, 30 two-second sagittal means (None: no angle)."""

    start_ms: int
    rev: int
    plan_version: int
    calibration_version: int
    codes: bytes
    sagittal: tuple[int | None, ...]
    low: int | None
    high: int | None
    lateral: int | None
    shifts: int
    celsius: int | None


@dataclass(frozen=True)
class EpisodeOut:
    """An episode, told when it has ended. `end_reason` is one of records.END_*.

    Told again with a higher `rev` when it turns out that the clip was not worn: shorter, or without length when nothing
    is left of it.
    """

    start_ms: int
    rev: int
    end_ms: int
    plan_version: int
    calibration_version: int
    peak_deg: float
    mean_deg: float
    end_reason: int


FindingKind = Literal["slipped", "slip_suspected"]
SLIPPED: Final = "slipped"
"""The clip sits otherwise than it was calibrated: from `at_ms` on nothing is judged until there is a calibration."""
SLIP_SUSPECTED: Final = "slip_suspected"
"""The clip may have slid without being handled: worth asking the wearer, and nothing else."""


@dataclass(frozen=True)
class FindingOut:
    """Something about how the clip sits, told once. `kind` is SLIPPED or SLIP_SUSPECTED.

    `at_ms`: when it was found; `since_ms`: when it happened, as far as that is known; `size_deg`: by how much the clip
    sits otherwise than before; the versions are those that were in force.
    """

    at_ms: int
    since_ms: int
    kind: FindingKind
    size_deg: float
    plan_version: int = 0
    calibration_version: int = 0


@dataclass
class Output:
    """What one push or flush brought to an end, in order of time; the judgements at every hop it completed."""

    epochs: list[EpochOut] = field(default_factory=list)
    episodes: list[EpisodeOut] = field(default_factory=list)
    findings: list[FindingOut] = field(default_factory=list)
    judgements: Judgements = field(default_factory=lambda: Judgements.joined(()))
