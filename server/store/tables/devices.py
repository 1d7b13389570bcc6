"""Computers, clips, and who wears them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table, Text, false

from server.store.tables.columns import metadata, ms_column, patient_column

gateway: Final = Table(
    "gateway",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("mqtt_hash", String(255)),
    ms_column("created_ms"),
    ms_column("revoked_ms", nullable=True),
    Column("online", Boolean, nullable=False, server_default=false()),
    Column("status_json", Text),
    ms_column("seen_ms", nullable=True),
)
"""`status_json` is the last `messages.Status`, `seen_ms` when anything last came from it, `mqtt_hash` what the broker
checks its password against."""

enrolment: Final = Table(
    "enrolment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("code_hash", String(64), nullable=False, unique=True),
    patient_column(index=True),
    Column("author_id", ForeignKey("user_account.id", ondelete="SET NULL"), nullable=True),
    ms_column("created_ms"),
    ms_column("expires_ms"),
    ms_column("voided_ms", nullable=True),
    ms_column("used_ms", nullable=True),
    Column("gateway", ForeignKey("gateway.id", ondelete="CASCADE"), nullable=True, unique=True),
    Column("revoked_by", ForeignKey("user_account.id", ondelete="SET NULL"), nullable=True),
)
"""One-time codes that connect a patient's computer, and what became of them; of the code only its hash is kept (hex).
`gateway` is the one that it made: this patient's computer, until `gateway.revoked_ms`."""

assignment: Final = Table(
    "assignment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("clip", String(16), nullable=False, index=True),
    Column("gateway", ForeignKey("gateway.id"), nullable=True, index=True),
    patient_column(index=True),
    ms_column("start_ms"),
    ms_column("end_ms", nullable=True),
)
"""Who wears a clip, from `start_ms` to before `end_ms`; `gateway` None lets any enrolled gateway write."""

clip_status: Final = Table(
    "clip_status",
    metadata,
    Column("clip", String(16), primary_key=True),
    Column("gateway", ForeignKey("gateway.id", ondelete="CASCADE"), primary_key=True),
    Column("link", String(20), nullable=False),
    Column("plan_version", Integer),
    Column("calibration_version", Integer),
    Column("battery_pct", Integer),
    Column("firmware", String(40)),
    Column("journal_waiting", Integer, nullable=False),
    Column("simulated", Boolean, nullable=False, server_default=false()),
    ms_column("seen_ms"),
    ms_column("linked_ms", nullable=True),
    ms_column("plan_since_ms", nullable=True),
    ms_column("calibration_since_ms", nullable=True),
    Column("calibration_before", Integer),
)
"""A clip as one of its gateways last told of it; `linked_ms` is when that gateway last had a link to it. It has told of
the plan's and the calibration's version since `*_since_ms`, and of calibration `calibration_before` until then."""
