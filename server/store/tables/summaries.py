"""Days in figures, and which of them must be made again."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

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
    Index(None, "so_far"),
)
"""One `DaySummary` per local day (`body_json`), made by version `algo` of the code."""
