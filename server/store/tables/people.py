"""People, and who cares for whom."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table, false

from server.store.tables.columns import metadata, ms_column, patient_column

user_account: Final = Table(
    "user_account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("role", String(20), nullable=False),
    Column("password_hash", String(255), nullable=False),
    ms_column("created_ms"),
)
"""Who signs in. `email` is stored in lower case; `role` is therapist (administrator and patient come later)."""

patient: Final = Table(
    "patient",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("pseudonym", String(32), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("simulated", Boolean, nullable=False, server_default=false()),
    ms_column("created_ms"),
)
"""`zone` is the IANA zone of the patient's local days. Names live here and nowhere else."""

care_relation: Final = Table(
    "care_relation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False, index=True),
    patient_column(index=True),
    ms_column("start_ms"),
    ms_column("end_ms", nullable=True),
)
