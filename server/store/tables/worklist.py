"""What therapists have said of what the list shows them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Float, ForeignKey, Integer, String, Table

from server.store.tables.columns import metadata, ms_column, patient_column

flag_dismissal: Final = Table(
    "flag_dismissal",
    metadata,
    Column("id", Integer, primary_key=True),
    patient_column(index=True),
    Column("rule", String(20), nullable=False),
    Column("about", String(40), nullable=False),
    Column("size", Float, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("author_id", ForeignKey("user_account.id", ondelete="SET NULL"), nullable=True),
    ms_column("created_ms"),
    ms_column("undone_ms", nullable=True),
    Column("undone_by", ForeignKey("user_account.id", ondelete="SET NULL"), nullable=True),
)
"""A flag of the list that a therapist needs no more: of which rule, about what, how big it was then (in the rule's own
unit), and why. `undone_ms`: from when on it counts as not dismissed."""
