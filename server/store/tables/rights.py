"""Consent, and what remains of a patient who was erased: enough to refuse what comes late, and to prove the rest."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table, Text, UniqueConstraint, false

from server.store.tables.columns import metadata, ms_column, patient_column

consent_text: Final = Table(
    "consent_text",
    metadata,
    Column("version", String(40), primary_key=True),
    Column("purpose", String(200), nullable=False),
    Column("body", Text, nullable=False),
    ms_column("created_ms"),
)
"""The texts that people agreed to, or may agree to; none ever changes. The newest is what is asked for now."""

consent: Final = Table(
    "consent",
    metadata,
    Column("id", Integer, primary_key=True),
    patient_column(),
    ms_column("at_ms"),
    Column("kind", String(10), nullable=False),
    Column("version", ForeignKey("consent_text.version"), nullable=True),
    Column("how", String(10), nullable=False),
    Column("signed_on", String(10), nullable=True),
    Column("account_id", ForeignKey("user_account.id", ondelete="SET NULL"), nullable=True),
    UniqueConstraint("patient_id", "at_ms", "kind"),
)
"""What a patient said: `kind` is given or withdrawn, in force from `at_ms` on; `version` of a given one. `how`: account
(the patient, signed in), paper (somebody else's account recorded it, with the date it was signed on), spoken, or
restored (told by a tombstone, after a backup that did not have it)."""

erasure: Final = Table(
    "erasure",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("pseudonym", String(32), nullable=False, unique=True),
    Column("organisation_id", ForeignKey("organisation.id"), nullable=True),
    ms_column("at_ms"),
    Column("actor", String(40), nullable=False),
    Column("gone_json", Text, nullable=False),
    Column("left_json", Text, nullable=True),
    ms_column("counted_ms", nullable=True),
    ms_column("completed_ms", nullable=True),
)
"""A patient who was erased. `gone_json` counts the rows that were deleted, by table, `left_json` those that were found
when it was counted again (`counted_ms`); complete when no computer is outstanding any more. `actor` as in the trail."""

erased_wearing: Final = Table(
    "erased_wearing",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("erasure_id", ForeignKey("erasure.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("clip", String(16), nullable=False, index=True),
    ms_column("start_ms"),
    ms_column("end_ms", nullable=True),
    ms_column("erased_ms"),
)
"""Which clips they wore when, by which late records are known; `erased_ms` is when they were erased."""

erasure_order: Final = Table(
    "erasure_order",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("erasure_id", ForeignKey("erasure.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("gateway", ForeignKey("gateway.id"), nullable=False, index=True),
    Column("clip", String(16), nullable=False),
    Column("own", Boolean, nullable=False, server_default=false()),
    Column("command", String(64), nullable=False, unique=True),
    ms_column("sent_ms", nullable=True),
    ms_column("told_ms", nullable=True),
    Column("told", String(16), nullable=True),
    ms_column("done_ms", nullable=True),
)
"""What a computer must still erase. `own`: it was this patient's alone. `told` is its last reply that was not done."""
