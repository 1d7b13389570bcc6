"""Tokens of programs."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Integer, String, Table

from server.store.tables.columns import metadata, ms_column

api_token: Final = Table(
    "api_token",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("scopes", String(500), nullable=False),
    ms_column("created_ms"),
    ms_column("expires_ms"),
    ms_column("seen_ms", nullable=True),
    ms_column("revoked_ms", nullable=True),
)
"""What programs show instead of a session, in their owner's name; only the hash is kept (hex). `scopes` are separated
by spaces; `name` is what the owner calls it."""
