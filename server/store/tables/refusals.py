"""What could not be taken in."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from server.store.tables.columns import metadata, ms_column

quarantine: Final = Table(
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("gateway", String(16), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("detail", String(200), nullable=False),
    Column("payload", Text, nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    ms_column("received_ms"),
)
"""What was refused, kept for inspection; bounded per gateway. The digest keeps a delivery from being kept twice."""

ingest_count: Final = Table(
    "ingest_count",
    metadata,
    Column("gateway", String(16), primary_key=True),
    Column("reason", String(40), primary_key=True),
    Column("count", BigInteger, nullable=False),
)
"""How often each reason for refusal occurred. Gateway '' stands for senders that are not known."""
