"""What patients say of themselves: pain, whether a reminder helped, and answers to the questions about urgent signs."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, SmallInteger, String, Table, Text

from server.store.tables.columns import metadata, ms_column, patient_column

pain_entry: Final = Table(
    "pain_entry",
    metadata,
    Column("id", Integer, primary_key=True),
    patient_column(),
    ms_column("at_ms"),
    Column("level", SmallInteger, nullable=False),
    Column("word", String(20), nullable=True),
    Column("area", String(20), nullable=True),
    Column("note", String(300), nullable=False),
    ms_column("taken_back_ms", nullable=True),
    Index(None, "patient_id", "at_ms"),
)
"""Pain from 0 to 10 at a moment (the numeric rating scale, LOINC 72514-3). `word` and `area` are keys of
`server.diary.pain`; an entry that was taken back counts no more and is kept."""

reminder_answer: Final = Table(
    "reminder_answer",
    metadata,
    patient_column(primary_key=True),
    Column("clip", String(16), primary_key=True),
    Column("boot", String(16), primary_key=True),
    Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("helpful", Boolean, nullable=False),
    ms_column("at_ms"),
)
"""Whether a reminder was helpful. It is known by the clip's own identity, whoever judged: a clip has one motor."""

red_flag_answer: Final = Table(
    "red_flag_answer",
    metadata,
    Column("id", Integer, primary_key=True),
    patient_column(),
    ms_column("at_ms"),
    Column("questions", Integer, nullable=False),
    Column("yes_json", Text, nullable=False),
    Column("advice", String(10), nullable=False),
    ms_column("seen_ms", nullable=True),
    Column("seen_by", ForeignKey("user_account.id", ondelete="SET NULL"), nullable=True),
    Index(None, "patient_id", "at_ms"),
)
"""One time that the questions about urgent signs were answered: version `questions` of `server.diary.red_flags`, the
keys of those answered with yes, the advice that was shown at once, and who of the therapists has seen it when."""
