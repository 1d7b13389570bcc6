"""What therapists write down about a patient."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Integer, Table, Text

from server.store.tables.columns import metadata, ms_column, patient_column

patient_note: Final = Table(
    "patient_note",
    metadata,
    Column("id", Integer, primary_key=True),
    patient_column(index=True),
    Column("author_id", ForeignKey("user_account.id", ondelete="SET NULL"), nullable=True),
    Column("corrects_id", ForeignKey("patient_note.id", ondelete="CASCADE"), nullable=True, index=True),
    ms_column("created_ms"),
    Column("text", Text, nullable=False),
)
"""Notes are never changed: `corrects_id` is the note that a row says anew, whose words stay readable."""
