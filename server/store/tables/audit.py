"""The audit trail."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from server.store.tables.columns import metadata, ms_column

audit_entry: Final = Table(
    "audit_entry",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    ms_column("at_ms"),
    Column("actor", String(40), nullable=False),
    Column("role", String(20), nullable=False),
    Column("basis", String(20), nullable=False),
    Column("via", String(60), nullable=False),
    Column("address", String(64), nullable=False),
    Column("act", String(40), nullable=False),
    Column("patient", String(32), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("detail", String(200), nullable=False),
    Column("before", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index(None, "patient", "number"),
)
"""Append-only: the database itself refuses UPDATE and DELETE. Numbers have no gaps; `before` is the `hash` of the row
before, `hash` this row's own (`server.audit.chain`, hex).
It refers to nothing and so outlives what it is about."""

audit_head: Final = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""One row (id 1): the newest entry. Who appends locks it, so that there is one order."""
