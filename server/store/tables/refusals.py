"""What could not be taken in, and what somebody should look at."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, text

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
    ms_column("acknowledged_ms", nullable=True),
    Column("acknowledged_by", String(40), nullable=True),
    Column("note", String(300), nullable=True),
)
"""What was refused, kept for inspection; bounded per gateway. The digest keeps a delivery from being kept twice.
`acknowledged_by` is an actor as the trail names one (`server.audit.trail`)."""

ingest_count: Final = Table(
    "ingest_count",
    metadata,
    Column("gateway", String(16), primary_key=True),
    Column("reason", String(40), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("noted", BigInteger, nullable=False, server_default=text("0")),
    ms_column("noted_ms", nullable=True),
)
"""How often each reason for refusal occurred, and how often of that before somebody last acknowledged one of them.
Gateway '' stands for senders that are not known."""

alarm: Final = Table(
    "alarm",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("gateway", String(16), nullable=False),
    Column("clip", String(16), nullable=False),
    Column("detail", String(200), nullable=False),
    Column("count", BigInteger, nullable=False),
    ms_column("first_ms"),
    ms_column("last_ms"),
    ms_column("acknowledged_ms", nullable=True),
    Column("acknowledged_by", String(40), nullable=True),
    Column("note", String(300), nullable=True),
    Index(
        "uq_alarm_open",
        "kind",
        "gateway",
        "clip",
        unique=True,
        sqlite_where=text("acknowledged_ms IS NULL"),
        postgresql_where=text("acknowledged_ms IS NULL"),
    ),
)
"""What an administrator should look at. There is one open a kind and subject; `gateway` and `clip` are '' where it is
not about one, `detail` is of the last time."""
