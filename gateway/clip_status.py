"""The clip's status characteristic as typed values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from firmware.clip import protocol


@dataclass(frozen=True)
class ClipReport:
    """What the clip says of itself; names as in `protocol.status.STATUS_FIELDS`."""

    flags: int
    boot: str
    t_ms: int
    sample_period_us: int
    plan_version: int
    calibration_version: int
    battery_pct: int
    journal_first: int
    journal_next: int

    @property
    def paused(self) -> bool:
        """Whether its wearer asked not to be measured."""
        return bool(self.flags & protocol.status.STATUS_PAUSED)


def parse(data: bytes) -> ClipReport:
    """The report in `data`. Raises protocol.MalformedError."""
    fields: dict[str, Any] = protocol.status.parse_status(data)
    if fields["journal_first"] > fields["journal_next"]:
        raise protocol.MalformedError("status: the journal ends before it begins")
    return ClipReport(
        flags=fields["flags"],
        boot=fields["boot"].hex(),
        t_ms=fields["t_ms"],
        sample_period_us=fields["sample_period_us"],
        plan_version=fields["plan_version"],
        calibration_version=fields["calibration_version"],
        battery_pct=min(fields["battery_pct"], 100),
        journal_first=fields["journal_first"],
        journal_next=fields["journal_next"],
    )
