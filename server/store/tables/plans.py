"""Prescriptions and commands."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Integer, String, Table, Text

from server.store.tables.columns import metadata, ms_column, patient_column

plan: Final = Table(
    "plan",
    metadata,
    patient_column(primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("body_json", Text, nullable=False),
    Column("author_id", ForeignKey("user_account.id", ondelete="SET NULL"), nullable=True),
    Column("reason", String(500), nullable=False),
    ms_column("created_ms"),
    ms_column("sent_ms", nullable=True),
    ms_column("confirmed_ms", nullable=True),
    ms_column("superseded_ms", nullable=True),
)
"""Versions of prescriptions; body, author and reason never change."""

command: Final = Table(
    "command",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("clip", String(16), nullable=False),
    patient_column(index=True),
    Column("kind", String(16), nullable=False),
    Column("minutes", Integer),
    ms_column("created_ms"),
    ms_column("expires_ms"),
    ms_column("sent_ms", nullable=True),
    ms_column("answered_ms", nullable=True),
    Column("result", String(16)),
    Column("detail", String(200)),
)
