"""Days in figures, and which of them must be made again."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from server.store.tables.columns import metadata, ms_column, patient_column

stale_day: Final = Table(
    "stale_day",
    metadata,
    patient_column(primary_key=True),
    Column("date", String(10), primary_key=True),
    Column("marks", BigInteger, nullable=False),
)
"""Local days whose summary must be made again. `marks` rises, so that a mark made meanwhile is not lost."""

daily: Final = Table(
    "daily",
    metadata,
    patient_column(primary_key=True),
    Column("date", String(10), primary_key=True),
    Column("algo", Integer, nullable=False),
    ms_column("computed_ms"),
    Column("so_far", Boolean, nullable=False),
    ms_column("window_end_ms", nullable=True),
    Column("body_json", Text, nullable=False),
    Column("detail_json", Text, nullable=True),
    Index(None, "so_far"),
)
"""One `DaySummary` per local day (`body_json`), made by version `algo` of the code; what it looks like inside
(`detail_json`, a `DayDetail`) apart, because most readers do not want it."""

patient_zone: Final = Table(
    "patient_zone",
    metadata,
    patient_column(primary_key=True),
    Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("zone", String(64), nullable=False),
    Column("author_id", ForeignKey("user_account.id", ondelete="SET NULL"), nullable=True),
    ms_column("created_ms"),
)
"""From when on a patient has lived in which IANA zone; `patient.zone` is always the last one. A patient without a row
has always lived there."""

day_mark: Final = Table(
    "day_mark",
    metadata,
    Column("id", Integer, primary_key=True),
    patient_column(),
    Column("date", String(10), nullable=False),
    Column("representative", Boolean, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("author_id", ForeignKey("user_account.id", ondelete="SET NULL"), nullable=True),
    ms_column("created_ms"),
    Index(None, "patient_id", "date"),
)
"""What somebody said of a local day: not representative, or representative after all. The newest word counts, all are
kept."""
