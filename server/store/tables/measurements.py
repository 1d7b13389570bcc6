"""What clips and gateways told, in effect exactly once."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

from server.store.tables.columns import metadata, ms_column, patient_column

epoch_hour: Final = Table(
    "epoch_hour",
    metadata,
    patient_column(primary_key=True),
    Column("clip", String(16), primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("blob", LargeBinary, nullable=False),
    Index(None, "clip", "hour"),
)
"""The epochs that begin in one UTC hour (`utc_ms // 3_600_000`)."""

boot_span: Final = Table(
    "boot_span",
    metadata,
    Column("clip", String(16), primary_key=True),
    Column("boot", String(16), primary_key=True),
    ms_column("low_ms"),
    ms_column("high_ms"),
)
"""Between which bounds `utc_ms - start_ms` of a boot's stored epochs lies: where to look for one of them."""

unplaced_epoch: Final = Table(
    "unplaced_epoch",
    metadata,
    Column("clip", String(16), primary_key=True),
    Column("boot", String(16), primary_key=True),
    Column("judge", String(8), primary_key=True),
    Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
    patient_column(index=True),
    Column("rev", SmallInteger, nullable=False),
    Column("packed", LargeBinary, nullable=False),
    ms_column("received_ms"),
)
"""Epochs that belong to a patient but to no known time."""


def _identity(*kind: Column[str]) -> list[Any]:
    """Columns that every event row has, and the constraint that makes its identity unique. A table of several kinds
    gives its `kind` column."""
    return [
        Column("id", Integer, primary_key=True),
        patient_column(),
        Column("clip", String(16), nullable=False),
        Column("boot", String(16), nullable=False),
        Column("judge", String(8), nullable=False),
        ms_column("start_ms"),
        Column("rev", SmallInteger, nullable=False),
        ms_column("utc_ms", nullable=True),
        ms_column("utc_error_ms", nullable=True),
        Column("plan", Integer, nullable=False),
        Column("calibration", Integer, nullable=False),
        Column("simulated", Boolean, nullable=False),
        Column("gateway", String(16), nullable=False),
        ms_column("received_ms"),
        *kind,
        UniqueConstraint("clip", "boot", "judge", *(column.name for column in kind), "start_ms"),
        Index(None, "patient_id", "utc_ms"),
    ]


episode: Final = Table(
    "episode",
    metadata,
    *_identity(),
    ms_column("duration_ms"),
    Column("peak_deg", Float, nullable=False),
    Column("mean_deg", Float, nullable=False),
    Column("end_reason", String(16), nullable=False),
)
"""Slouches as each judge told them; `server.summaries` merges the two tellings."""

reminder: Final = Table(
    "reminder",
    metadata,
    *_identity(),
    ms_column("since_ms"),
    Column("angle_deg", Float, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("response", String(8), nullable=False),
    ms_column("response_ms"),
)
"""Reminders that were due: given, or withheld for a reason. `since_ms` is the clip's time."""

clip_event: Final = Table(
    "clip_event",
    metadata,
    *_identity(Column("kind", String(16), nullable=False)),
    ms_column("value"),
)
"""Everything else a clip told: boots, pauses, plans applied, calibrations."""

unreadable: Final = Table(
    "unreadable",
    metadata,
    Column("clip", String(16), primary_key=True),
    Column("journal_id", BigInteger, primary_key=True, autoincrement=False),
    Column("gateway", String(16), nullable=False),
    ms_column("received_ms"),
)
"""Journal slots whose content did not survive on the clip."""
