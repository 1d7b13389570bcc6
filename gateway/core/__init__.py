"""The slouch-detection core: numpy, pure, no I/O, no clock. Time is an argument."""

from .calibration import CalibrationError, Repeatability, calibrate, repeatability
from .core import Core, SnapshotError
from .types import (
    Calibration,
    EpisodeOut,
    EpochOut,
    FindingOut,
    Judgement,
    Judgements,
    Output,
    Samples,
    Thresholds,
    Trailer,
)

__all__ = (
    "Calibration",
    "CalibrationError",
    "Core",
    "EpisodeOut",
    "EpochOut",
    "FindingOut",
    "Judgement",
    "Judgements",
    "Output",
    "Repeatability",
    "Samples",
    "SnapshotError",
    "Thresholds",
    "Trailer",
    "calibrate",
    "repeatability",
)
