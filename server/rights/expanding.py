"""Packed epochs as plain values: a minute each, for whoever reads an export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from gateway.messages import CATEGORIES
from server.store import epoch_blob

MINUTE_COLUMNS: Final = (
    "utc_ms", "utc", "local", "clip", "boot", "judge", "start_ms", "rev", "plan", "calibration", "utc_error_ms",
    "simulated", *(f"{name}_s" for name in CATEGORIES), "mean_sagittal_deg", "low_deg", "high_deg", "lateral_deg",
    "shifts", "celsius", "codes",
)  # fmt: skip
"""Columns of `minutes.csv`."""

EPOCH: Final = {
    "clip": "text",
    "boot": "text: the clip's boot, 16 hexadecimal digits",
    "judge": "text: who judged the minute, clip or gateway",
    "start_ms": "integer",
    "rev": "integer: how often the minute had been told before",
    "utc_ms": "integer or null",
    "utc_error_ms": "integer or null: how far utc_ms may be off",
    "plan": "integer: the plan's version",
    "calibration": "integer: the calibration's version",
    "simulated": "boolean",
    "codes": "text of 60",
    "sagittal_deg": "list of 30 integers or nulls: every two seconds",
    "low_deg": "integer or null",
    "high_deg": "integer or null",
    "lateral_deg": "integer or null",
    "shifts": "integer: changes of posture that last",
    "celsius": "integer or null: the clip's temperature",
}
"""Fields of an epoch, and what they are."""


def epochs(clip: str, table: epoch_blob.Rows) -> Iterator[dict[str, Any]]:
    """Each epoch of a decoded blob. Angles are whole degrees or None, `codes` a hexadecimal digit a second."""
    for row, codes in zip(table, epoch_blob.codes_of(table), strict=True):
        error, utc = int(row["utc_error_ms"]), int(row["utc_ms"])
        yield {
            "clip": clip,
            "boot": f"{int(row['boot']):016x}",
            "judge": "gateway" if row["judge"] == epoch_blob.JUDGE_GATEWAY else "clip",
            "start_ms": int(row["start_ms"]),
            "rev": int(row["rev"]),
            "utc_ms": None if utc == epoch_blob.UNPLACED else utc,
            "utc_error_ms": None if error == epoch_blob.NO_ERROR else error,
            "plan": int(row["plan"]),
            "calibration": int(row["calibration"]),
            "simulated": bool(row["simulated"]),
            "codes": "".join(f"{code:x}" for code in codes),
            "sagittal_deg": [_angle(value) for value in row["sagittal"]],
            "low_deg": _angle(row["low"]),
            "high_deg": _angle(row["high"]),
            "lateral_deg": _angle(row["lateral"]),
            "shifts": int(row["shifts"]),
            "celsius": _angle(row["celsius"]),
        }


def _angle(value: Any) -> int | None:
    return None if value == epoch_blob.NO_ANGLE else int(value)


def minute(epoch: dict[str, Any], utc: str, local: str) -> list[Any]:
    """An epoch as a row of `minutes.csv`; `utc` and `local` are its time in words."""
    known = [value for value in epoch["sagittal_deg"] if value is not None]
    mean = round(sum(known) / len(known), 1) if known else None
    values = {**epoch, "utc": utc, "local": local, "mean_sagittal_deg": mean, **_seconds(epoch["codes"])}
    return [values[name] for name in MINUTE_COLUMNS]


def _seconds(codes: Sequence[str]) -> dict[str, int]:
    return {f"{name}_s": codes.count(f"{code:x}") for code, name in enumerate(CATEGORIES)}
