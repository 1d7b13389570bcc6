"""Prescriptions, what becomes of them, and commands."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

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
"""Versions of prescriptions; a trigger keeps number, body, author, reason and time of writing from ever changing (an
author whose account is gone becomes none)."""

plan_delivery: Final = Table(
    "plan_delivery",
    metadata,
    Column("clip", String(16), primary_key=True),
    Column("patient_id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    ms_column("first_ms"),
    ms_column("last_ms"),
    Column("times", Integer, nullable=False),
    ForeignKeyConstraint(["patient_id", "version"], ["plan.patient_id", "plan.version"], ondelete="CASCADE"),
    Index(None, "patient_id", "version"),
)
"""Which version was sent for which clip. A version that a clip reports without it is somebody else's with the same
number."""

plan_draft: Final = Table(
    "plan_draft",
    metadata,
    patient_column(primary_key=True),
    Column("author_id", ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("fields_json", Text, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("based_on", Integer, nullable=False),
    ms_column("changed_ms"),
)
"""What an author has begun and not sent, usable or not; `based_on` is the version that was the newest then, or 0."""

plan_template: Final = Table(
    "plan_template",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("organisation_id", ForeignKey("organisation.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(60), nullable=False),
    Column("purpose", String(300), nullable=False),
    Column("fields_json", Text, nullable=False),
    Column("author_id", ForeignKey("user_account.id", ondelete="SET NULL"), nullable=True),
    ms_column("created_ms"),
    UniqueConstraint("organisation_id", "name"),
)
"""An organisation's own beginnings of plans, beside those of `server.plans.templates`."""

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
    Column("strength_pct", Integer),
    Column("rhythm", Integer),
)
"""`minutes` of a pause or a snooze; `strength_pct` and `rhythm` of how the clip should buzz."""
